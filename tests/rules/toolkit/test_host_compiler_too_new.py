"""A gcc that nvcc refuses, and what there is instead."""

import pytest

from envdoctor.facts import Compilers
from envdoctor.finding import Run, SetEnv
from envdoctor.rules.toolkit.host_compiler_too_new import check
from tests.factory import compiler, environment, extension, project, setup, system, toolkit, toolkits, torch

CUDA = project(builds=("make",), cuda_sources=("k.cu",))
OLD = toolkit("11.8", root="/opt/cuda-11.8")
GCC11 = compiler("11.3.0", name="g++-11", path="/usr/bin/g++-11")


def run(toolkit=OLD, used=None, others=(), project=CUDA, toolkits=None, built=None, system=None, **variables):
    used = used or compiler("12.2.0")
    return list(
        check(
            toolkit,
            used,
            environment(**variables),
            Compilers((used, *others)),
            toolkits,
            built,
            system,
            project,
        )
    )


@pytest.mark.parametrize(
    ("cuda", "gcc"), [("11.8", "11.4.0"), ("12.4", "13.2.0"), ("13.0", "15.1.0"), ("13.0", "9.4.0")]
)
def test_quiet_for_accepted_compilers(cuda, gcc):
    assert not run(toolkit(cuda), compiler(gcc))


def test_quiet_without_a_bound_and_without_cuda():
    assert not run(toolkit("11.8", newest_gcc=None))
    assert not run(project=project())
    assert not run(toolkit("11.8", nvcc=None))
    assert not run(used=compiler("16.0", kind="clang", name="clang++"))


def test_an_installed_one_is_given_to_nvcc():
    (finding,) = run(others=(GCC11, compiler("14.0.0", name="g++-14"), compiler("9.5.0", name="gcc-9")))
    assert "11.8" in finding.message and "12.2.0" in finding.message
    assert finding.fix is not None
    assert finding.fix.steps == (
        SetEnv("NVCC_PREPEND_FLAGS", "-ccbin /usr/bin/g++-11", "append"),
        SetEnv("CUDAHOSTCXX", "/usr/bin/g++-11"),
    )


def test_torch_compares_the_compiler_of_cpp_files_too():
    built = project(setup=setup(extension()))
    (finding,) = run(others=(GCC11,), project=built, built=torch("2.1.0+cu118", cuda="11.8"))
    assert finding.fix is not None
    assert SetEnv("CXX", "/usr/bin/g++-11") in finding.fix.steps
    assert SetEnv("CC", "/usr/bin/gcc-11") in finding.fix.steps


def test_the_flag_that_hides_it_is_no_cure():
    (finding,) = run(others=(GCC11,), NVCC_APPEND_FLAGS="-allow-unsupported-compiler")
    assert "hides the check" in finding.consequence


def test_a_toolkit_that_accepts_it_else_the_package():
    better = toolkit("11.9", root="/opt/cuda-11.9", newest_gcc=12)
    (finding,) = run(toolkits=toolkits(OLD, toolkit(), better))
    assert finding.fix is not None and SetEnv("CUDA_HOME", "/opt/cuda-11.9") in finding.fix.steps
    (finding,) = run(toolkits=toolkits(OLD, toolkit()), system=system())
    assert finding.fix is not None
    (step,) = finding.fix.steps
    assert isinstance(step, Run) and step.command == "sudo apt-get install -y g++-11"
    (finding,) = run(system=system(distribution="fedora", package_manager="dnf"))
    assert finding.fix is not None and not finding.fix.steps and "g++ 11" in finding.fix.title
