"""CUDACXX that names nothing."""

import pytest

from envdoctor.facts import Answer, Compilers, Environment, NvccPath, Nvccs, Resolution, Variable
from envdoctor.finding import SetEnv
from envdoctor.rules.toolkit.cudacxx_wrong import check as check_all
from tests.factory import cmake, compiler, environment, project, toolkit, toolkits

NVCC = "/usr/local/cuda/bin/nvcc"
CMAKE = project(builds=("cmake",), cmake=cmake("3.18", "CUDA"))
NVCCS = Nvccs((NvccPath("/usr/local/bin/nvcc", "wrapper", NVCC, "/usr/local/cuda", True, None),))
CLANG = Compilers((compiler("18.1", kind="clang", name="clang++", path="/usr/bin/clang++"),))


def check(environment, project, toolkits, nvccs, compilers, resolution=None):
    return check_all(environment, project, toolkits, nvccs, compilers, resolution)


def run(value, project=CMAKE, found=None):
    found = found or toolkits(toolkit())
    return list(check(environment(CUDACXX=value), project, found, NVCCS, CLANG))


@pytest.mark.parametrize(
    "value", ["", NVCC, "nvcc", "/usr/local/bin/nvcc", "nvcc -ccbin g++", "clang++", "/usr/bin/clang++"]
)
def test_quiet_for_compilers_that_are_there(value):
    assert not run(value)


def test_quiet_for_a_file_that_exists():
    there = Environment((Variable("CUDACXX", "/opt/hpc/bin/nvcc", True),))
    assert not list(check(there, CMAKE, toolkits(toolkit()), NVCCS, CLANG))


def test_quiet_when_a_toolkit_was_reached_by_it_or_cmake_does_not_ask():
    assert not run("/opt/x/nvcc", found=toolkits(toolkit(origins=("CUDACXX",))))
    assert not run("/gone/nvcc", project=project())


def test_a_good_one_takes_its_place():
    (finding,) = run("/usr/local/cuda-11.6/bin/nvcc")
    assert finding.fix is not None and finding.fix.steps == (SetEnv("CUDACXX", NVCC),)
    (finding,) = run("/gone/nvcc", found=toolkits(toolkit(nvcc=None)))
    assert finding.fix is not None and finding.fix.steps == (SetEnv("CUDACXX", None),)


def test_a_folder_is_no_compiler():
    named = Environment((Variable("CUDACXX", "/usr/local/cuda", True),))
    nothing = Resolution((Answer("cuda", "CMake CUDA language", None, "CUDACXX names ...", "computed"),))
    (finding,) = check(named, CMAKE, toolkits(toolkit()), NVCCS, CLANG, nothing)
    assert finding.fix is not None and finding.fix.steps == (SetEnv("CUDACXX", NVCC),)
    taken = Resolution((Answer("cuda", "CMake CUDA language", "/opt/x", "CUDACXX", "computed"),))
    assert not list(check(named, CMAKE, toolkits(toolkit()), NVCCS, CLANG, taken))
