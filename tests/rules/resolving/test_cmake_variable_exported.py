"""CMake variables in the environment."""

from envdoctor.finding import SetEnv
from envdoctor.rules.resolving.cmake_variable_exported import check
from tests.factory import cmake, environment, project


def test_quiet_without_cmake_or_with_the_variable_that_is_read():
    assert not list(check(project(), environment(Python3_EXECUTABLE="/usr/bin/python3")))
    assert not list(check(project(cmake=cmake()), environment(CUDAARCHS="80")))
    assert not list(check(project(cmake=cmake()), environment(CMAKE_CUDA_ARCHITECTURES="80", CUDAARCHS="80")))


def test_the_variable_that_cmake_reads_is_set():
    (finding,) = check(project(cmake=cmake()), environment(CMAKE_CUDA_ARCHITECTURES="80"))
    assert finding.fix is not None and finding.fix.steps == (SetEnv("CUDAARCHS", "80"),)


def test_others_go_on_the_command_line():
    (finding,) = check(project(cmake=cmake()), environment(Python3_EXECUTABLE="/opt/python"))
    assert finding.fix is not None and "-DPython3_EXECUTABLE=/opt/python" in str(finding.fix.steps[0])
