"""C++14 asked for, and headers that need more."""

import pytest

from envdoctor.facts import Compilers
from envdoctor.finding import SetEnv, Shim
from envdoctor.rules.toolkit.cxx_standard_too_low import check
from tests.factory import (
    at,
    cmake,
    compiler,
    environment,
    extension,
    package,
    packages,
    project,
    setup,
    toolkit,
    torch,
)

CUTLASS = (at("cutlass/cutlass.h", "attn.cu", 1),)
GCC = Compilers((compiler(aliases=("c++",)), compiler(name="gcc", path="/usr/bin/gcc", aliases=("cc",))))


def run(project, built=None, toolkit=None, packages=None, **variables):
    return list(check(project, environment(**variables), built, toolkit, packages, GCC))


def flags(*standards, **changes):
    return project(cxx_standards=tuple(at(text, "setup.py", 9) for text in standards), **changes)


@pytest.mark.parametrize("standards", [(), ("17",), ("20",), ("14", "17"), ("98", "17")])
def test_quiet_when_it_is_high_enough_or_left_to_the_tools(standards):
    assert not run(flags(*standards, setup=setup(extension())), torch(), toolkit())


def test_quiet_when_no_header_needs_more():
    assert not run(flags("14", cuda_sources=("k.cu",)), torch(), toolkit())
    assert not run(flags("14", setup=setup(extension())), torch("1.13.1", cxx_standard=14), toolkit("11.7"))
    half = flags("14", includes=(at("cuda_fp16.h", "k.cu"), at("cooperative_groups.h", "k.cu")))
    assert not run(half, None, toolkit())
    assert not run(flags("14", includes=(at("cub/cub.cuh", "k.cu"),)), None, toolkit("12.4"))
    assert not run(flags("14", includes=CUTLASS, header_versions=(at("cutlass 2.11.0"),)), None, toolkit())
    assert not run(flags("14", includes=CUTLASS), None, toolkit())


def test_cuda_and_cpp_are_told_apart():
    standards = (at("CXX 14", "CMakeLists.txt", 3), at("CUDA 17", "CMakeLists.txt", 4))
    split = project(
        includes=CUTLASS, header_versions=(at("cutlass 4.2.0"),), cmake=cmake(standards=standards)
    )
    assert not run(split, None, toolkit())


def test_torchs_headers_need_17():
    (finding,) = run(flags("14", setup=setup(extension())), torch(), toolkit())
    assert "C++14" in finding.message and "torch 2.13.0" in finding.message
    assert finding.location is not None and finding.location.line == 9
    assert finding.fix is not None
    assert SetEnv("NVCC_APPEND_FLAGS", "-std=c++17", "append") in finding.fix.steps
    shims = {step.path: step for step in finding.fix.steps if isinstance(step, Shim)}
    assert set(shims) == {"bin/c++", "bin/g++", "bin/cc", "bin/gcc"}
    assert "}/c++" in shims["bin/c++"].content


def test_cub_of_cuda_13_and_cutlass_3_need_17():
    (finding,) = run(flags("14", includes=(at("cub/cub.cuh", "k.cu", 2),)), None, toolkit())
    assert "cub/cub.cuh" in finding.message
    (finding,) = run(
        flags("11", includes=CUTLASS, header_versions=(at("cutlass 3.5.1"),)), None, toolkit("12.4")
    )
    assert "CUTLASS 3.5.1" in finding.message
    installed = packages(package("nvidia-cutlass", "4.2.0.0"))
    assert run(flags("14", includes=CUTLASS), None, toolkit(), installed)
    (finding,) = run(flags("14", includes=(at("cute/tensor.hpp", "k.cu", 4),)), None, toolkit("12.4"))
    assert "CuTe" in finding.message


def test_quiet_once_nvcc_is_told_otherwise():
    assert not run(
        flags("14", setup=setup(extension())), torch(), toolkit(), NVCC_APPEND_FLAGS="-O2 -std=c++17"
    )
    assert run(flags("14", setup=setup(extension())), torch(), toolkit(), NVCC_APPEND_FLAGS="-std=c++14")


def test_flags_of_the_environment_count_behind_the_projects():
    cub = flags("17", builds=("make",), cuda_sources=("k.cu",), includes=(at("cub/cub.cuh", "k.cu"),))
    (finding,) = run(cub, None, toolkit(), NVCC_APPEND_FLAGS="-O2 -std=c++14")
    assert "NVCC_APPEND_FLAGS asks for C++14" in finding.message and finding.location is None
    assert finding.fix is not None
    assert SetEnv("NVCC_APPEND_FLAGS", "-std=c++17", "append") in finding.fix.steps
    assert not run(cub, None, toolkit(), NVCC_APPEND_FLAGS="-std=c++14 -std=c++17")
