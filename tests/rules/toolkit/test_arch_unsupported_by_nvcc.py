"""Architectures from after the toolkit's time."""

from dataclasses import replace

from envdoctor.facts import Request
from envdoctor.finding import SetEnv, Shim
from envdoctor.rules.toolkit.arch_unsupported_by_nvcc import check
from tests.factory import (
    at,
    cmake,
    driver,
    environment,
    extension,
    gpu,
    project,
    setup,
    toolkit,
    toolkits,
    torch,
)

EXTENSION = project(setup=setup(extension()))
MAKE = project(
    builds=("make",),
    cuda_sources=("k.cu",),
    architectures=(at("80", "Makefile", 1), at("120", "Makefile", 2)),
)
OLD = toolkit("12.4", root="/opt/cuda-12.4")


def run(project=EXTENSION, toolkit=OLD, request=None, others=None, driver=None, built=None, **variables):
    request = request or Request(role="build")
    return list(check(request, environment(**variables), project, toolkit, others, driver, built))


def test_quiet_for_what_nvcc_lists():
    assert not run(TORCH_CUDA_ARCH_LIST="8.0;8.9;9.0a+PTX")
    assert not run(project=MAKE, toolkit=toolkit())
    assert not run(toolkit=toolkit(), TORCH_CUDA_ARCH_LIST="Blackwell")
    assert not run(driver=driver(gpu((9, 0))))


def test_quiet_for_variables_that_this_build_does_not_read():
    assert not run(CUDAARCHS="120")
    assert not run(project=project(), TORCH_CUDA_ARCH_LIST="12.0")
    flags = project(setup=setup(extension()), architectures=(at("80"),))
    assert not run(project=flags, TORCH_CUDA_ARCH_LIST="12.0")


def test_quiet_for_old_ones_and_for_an_unknown_toolkit():
    assert not run(TORCH_CUDA_ARCH_LIST="3.5")
    assert not run(toolkit=replace(OLD, version=None, architectures=()), TORCH_CUDA_ARCH_LIST="12.0")


def test_the_newer_toolkit_of_the_machine_is_the_cure():
    (finding,) = run(project=MAKE, others=toolkits(OLD, toolkit()))
    assert "12.0" in finding.message and finding.location is not None and finding.location.line == 2
    assert finding.fix is not None and SetEnv("CUDA_HOME", "/usr/local/cuda") in finding.fix.steps


def test_without_one_it_is_left_out_where_the_build_reads_it():
    (finding,) = run(TORCH_CUDA_ARCH_LIST="8.0 12.0")
    assert finding.fix is not None and finding.fix.steps == (SetEnv("TORCH_CUDA_ARCH_LIST", "8.0+PTX"),)
    (finding,) = run(project=project(cmake=cmake("3.18", "CUDA")), CUDAARCHS="80;120-real")
    assert finding.fix is not None and finding.fix.steps == (SetEnv("CUDAARCHS", "80"),)
    (finding,) = run(project=MAKE)
    assert finding.fix is not None and any(isinstance(step, Shim) for step in finding.fix.steps)
    assert not run(project=MAKE, ENVDOCTOR_DROPPED_ARCHITECTURES="120")


def test_suffixes_and_the_table_for_a_silent_nvcc():
    (finding,) = run(toolkit=toolkit("11.8"), TORCH_CUDA_ARCH_LIST="9.0a")
    assert "9.0a" in finding.message
    assert run(toolkit=toolkit("12.4", architectures=()), TORCH_CUDA_ARCH_LIST="12.0")


def test_the_gpu_here_counts_when_the_build_asks_it():
    new = driver(gpu((12, 0), name="RTX 5090"))
    (finding,) = run(driver=new)
    assert finding.fix is not None and finding.fix.steps == (SetEnv("TORCH_CUDA_ARCH_LIST", "9.0+PTX"),)
    assert not run(driver=new, TORCH_CUDA_ARCH_LIST="9.0+PTX")
    native = project(builds=("make",), cuda_sources=("k.cu",), architectures=(at("native", "Makefile", 2),))
    (finding,) = run(project=native, driver=new)
    assert finding.fix is not None and not finding.fix.steps
    assert not run(driver=new, request=Request(role="ci"))


def test_a_stated_target_counts_and_says_what_to_install():
    (finding,) = run(request=Request(role="build", architectures=("12.0",)), TORCH_CUDA_ARCH_LIST="8.0")
    assert finding.evidence[0].source == "--arch"
    assert finding.fix is not None and "12.8" in finding.fix.title


def test_a_newer_toolkit_that_torch_refuses_is_no_cure():
    others = toolkits(OLD, toolkit())

    def told(cuda):
        built = torch(f"2.1.2+cu{cuda}", cuda)
        (finding,) = run(others=others, built=built, TORCH_CUDA_ARCH_LIST="8.0;12.0")
        return finding.fix.steps

    assert SetEnv("CUDA_HOME", "/usr/local/cuda") in told("13.0")
    assert told(OLD.version) == (SetEnv("TORCH_CUDA_ARCH_LIST", "8.0+PTX"),)
