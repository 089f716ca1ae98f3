"""CMake 4 and a minimum below 3.5."""

from envdoctor.finding import SetEnv
from envdoctor.rules.resolving.cmake_too_new import check
from tests.factory import at, cmake, environment, program, project, tools

NEW = tools(program("cmake", "4.1.3"))


def test_quiet_with_cmake_3_or_a_minimum_that_is_high_enough():
    assert not list(check(project(cmake=cmake("2.8.12")), tools(program("cmake", "3.31.0")), environment()))
    assert not list(check(project(cmake=cmake("3.5")), NEW, environment()))
    assert not list(check(project(cmake=cmake("2.8...3.10")), NEW, environment()))
    assert not list(check(project(cmake=cmake("2.8")), NEW, environment(CMAKE_POLICY_VERSION_MINIMUM="3.5")))


def test_a_vendored_sub_project_is_named():
    minimums = (at("3.18", "CMakeLists.txt"), at("2.8.12", "third_party/halfconv/CMakeLists.txt", 1))
    (finding,) = check(project(cmake=cmake(minimums=minimums)), NEW, environment())
    assert "third_party/halfconv/CMakeLists.txt:1" in finding.message
    assert finding.fix is not None and finding.fix.steps == (SetEnv("CMAKE_POLICY_VERSION_MINIMUM", "3.5"),)
