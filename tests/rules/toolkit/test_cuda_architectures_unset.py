"""Stated targets that nothing hands to CMake."""

from envdoctor.facts import FindPackage, Request
from envdoctor.finding import SetEnv
from envdoctor.rules.toolkit.cuda_architectures_unset import check
from tests.factory import at, cmake, environment, project, toolkit

PLAIN = project(builds=("cmake",), cmake=cmake("3.18", "CXX", "CUDA"))
STATED = Request(role="build", architectures=("8.0", "9.0a"))


def test_quiet_without_stated_targets():
    assert not list(check(Request(role="build"), environment(), PLAIN, toolkit()))


def test_quiet_when_something_names_them():
    assert not list(check(STATED, environment(CUDAARCHS="80"), PLAIN, toolkit()))
    named = project(cmake=PLAIN.cmake, architectures=(at("80", "CMakeLists.txt"),))
    assert not list(check(STATED, environment(), named, toolkit()))
    unreadable = project(cmake=cmake("3.18", "CUDA", architectures=(at("${ARCHS}", "CMakeLists.txt"),)))
    assert not list(check(STATED, environment(), unreadable, toolkit()))
    assert not list(check(STATED, environment(), project(), toolkit()))


def test_the_variable_is_set():
    (finding,) = check(STATED, environment(), PLAIN, toolkit("12.4"))
    assert "5.2" in finding.consequence
    assert finding.fix is not None and finding.fix.steps == (SetEnv("CUDAARCHS", "80;90a"),)


def test_torch_in_cmake_has_a_variable_of_its_own():
    found = FindPackage("Torch", None, (), True, "CMakeLists.txt", 3)
    torch = project(cmake=cmake("3.18", "CUDA", packages=(found,)))
    (finding,) = check(STATED, environment(CUDAARCHS="80"), torch, toolkit())
    assert finding.fix is not None
    assert finding.fix.steps == (SetEnv("TORCH_CUDA_ARCH_LIST", "8.0;9.0a+PTX"),)
