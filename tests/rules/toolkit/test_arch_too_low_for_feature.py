"""Instructions that no target of the build has."""

from envdoctor.facts import Request
from envdoctor.finding import SetEnv
from envdoctor.rules.toolkit.arch_too_low_for_feature import check
from tests.factory import at, cmake, driver, environment, extension, gpu, project, setup, toolkit

DP4A = (at("__dp4a", "k.cu", 12),)
MAKE = project(builds=("make",), cuda_sources=("k.cu",), features=DP4A)


def run(project=MAKE, toolkit=toolkit("12.4"), driver=None, **variables):  # noqa: B008
    return list(check(Request(role="build"), environment(**variables), project, toolkit, driver))


def test_quiet_when_one_target_has_it():
    assert not run(toolkit=toolkit())  # nvcc 13 compiles for 7.5 by default
    mixed = project(
        builds=("make",), features=DP4A, architectures=(at("52", "Makefile"), at("80", "Makefile"))
    )
    assert not run(project=mixed)


def test_quiet_when_the_targets_are_not_known():
    built = project(setup=setup(extension()), features=DP4A)
    assert not run(project=built)
    assert not run(project=project(features=DP4A, architectures=(at("all-major", "CMakeLists.txt"),)))
    assert not run(project=project(builds=("make",), features=(at("AT_CHECK"),)))


def test_nvccs_default_is_too_low():
    (finding,) = run()
    assert "5.2, nvcc's default" in finding.message and finding.location is not None
    assert finding.location.line == 12
    assert finding.fix is not None
    assert finding.fix.steps == (SetEnv("NVCC_APPEND_FLAGS", "-arch=sm_61", "append"),)
    (finding,) = run(project=project(builds=("cmake",), cmake=cmake("3.18", "CUDA"), features=DP4A))
    assert finding.fix is not None and finding.fix.steps == (SetEnv("CUDAARCHS", "61"),)


def test_the_list_or_the_gpu_is_too_low():
    built = project(setup=setup(extension()), features=(at("ldmatrix", "k.cu", 3),))
    (finding,) = run(project=built, TORCH_CUDA_ARCH_LIST="7.0")
    assert finding.fix is not None
    assert finding.fix.steps == (SetEnv("TORCH_CUDA_ARCH_LIST", "7.5+PTX"),)
    (finding,) = run(project=built, driver=driver(gpu((6, 1))))
    assert "6.1" in finding.message


def test_wgmma_is_on_one_target_alone():
    hopper = project(
        builds=("make",), features=(at("wgmma", "k.cu", 3),), architectures=(at("90", "Makefile"),)
    )
    (finding,) = run(project=hopper)
    assert "9.0a" in finding.message
    right = project(builds=("make",), features=hopper.features, architectures=(at("90a", "Makefile"),))
    assert not run(project=right)
