"""A CMake below the project's minimum."""

from envdoctor.finding import Run, Safety, Shim
from envdoctor.rules.resolving.cmake_too_old import check
from tests.factory import at, cmake, program, project, tools

OLD = program("cmake", "3.16.3", "/venv/bin/cmake", owner="python")


def test_quiet_when_new_enough_or_not_asked():
    assert not list(check(project(cmake=cmake("3.19")), tools(program("cmake", "3.25.1"))))
    assert not list(check(project(), tools(OLD)))
    assert not list(check(project(cmake=cmake("3.19")), tools()))
    assert not list(check(project(cmake=cmake("${MINIMUM}")), tools(OLD)))


def test_quiet_for_a_backend_that_fetches_cmake_itself():
    backed = project(cmake=cmake("3.26"), build_backend=at("scikit_build_core.build", "pyproject.toml"))
    assert not list(check(backed, tools(OLD)))


def test_a_newer_one_that_is_hidden_is_named_and_put_first():
    hidden = program("cmake", "3.25.1", "/usr/bin/cmake", wins=False)
    (finding,) = check(project(cmake=cmake("3.19")), tools(OLD, hidden))
    assert "3.25.1 is installed at /usr/bin/cmake" in finding.message
    assert finding.fix is not None and finding.fix.steps[0] == Shim("bin/cmake", "link", "/usr/bin/cmake")


def test_otherwise_pip_brings_one():
    (finding,) = check(project(cmake=cmake("3.19...3.30")), tools(OLD))
    assert finding.fix is not None and finding.fix.steps == (
        Run('python -m pip install "cmake>=3.19"', Safety.UNSAFE),
    )


def test_a_subproject_counts():
    minimums = (at("3.10", "CMakeLists.txt"), at("3.24", "third_party/x/CMakeLists.txt", 7))
    (finding,) = check(project(cmake=cmake(minimums=minimums)), tools(program("cmake", "3.20.0")))
    assert finding.location is not None and finding.location.line == 7
