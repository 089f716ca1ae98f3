"""CMake or pip with another Python."""

from envdoctor.facts import Answer, FindPackage, Interpreters, Packages, PathPip, PathPython, Resolution
from envdoctor.finding import SetEnv, Severity, Shim
from envdoctor.rules.resolving.python_interpreter_mismatch import check
from tests.factory import at, cmake, environment, packages, project, python

FIND = FindPackage("Python3", None, ("Interpreter",), True, "CMakeLists.txt", 4)
PROJECT = project(builds=("cmake",), cmake=cmake(packages=(FIND,)))


def answer(takes, finder="FindPython3"):
    return Resolution((Answer("python", finder, takes, "newest found", "asked"),))


def pip(python_path, same, exists=True):
    return Interpreters((), (PathPip("pip", "/usr/bin/pip", python_path, exists, same, True),))


def test_quiet_when_the_finder_agrees_or_is_not_used():
    assert not list(check(python(), PROJECT, environment(), answer("/venv/bin/python3.11"), None, None))
    assert not list(
        check(python(), PROJECT, environment(), answer("/usr/bin/python3.9", "FindPython"), None, None)
    )
    assert not list(check(python(), PROJECT, environment(), None, None, None))


def test_quiet_for_a_backend_that_names_its_interpreter():
    backed = project(cmake=PROJECT.cmake, build_backend=at("scikit_build_core.build", "pyproject.toml"))
    assert not list(check(python(), backed, environment(), answer("/opt/tools/bin/python3.12"), None, None))


def test_quiet_for_a_shim_of_the_active_interpreter():
    shim = PathPython(
        "python3", "/pyenv/shims/python3", "/pyenv/shims/python3", "3.11.7", "pyenv", "/venv", True
    )
    known = Interpreters((shim,), ())
    assert not list(check(python(), PROJECT, environment(), answer("/pyenv/shims/python3"), known, None))


def test_another_prefix_is_named_with_all_three_hints():
    (finding,) = check(
        python(),
        PROJECT,
        environment(Python3_EXECUTABLE="/venv/bin/python"),
        answer("/opt/tools/bin/python3.12"),
        None,
        None,
    )
    assert "/opt/tools/bin/python3.12" in finding.message
    assert finding.fix is not None
    for name in ("Python3", "Python", "PYTHON"):
        assert f"-D{name}_EXECUTABLE=/venv/bin/python" in finding.fix.title
    assert SetEnv("CMAKE_TOOLCHAIN_FILE", "{overlay}/cmake/python.cmake") in finding.fix.steps
    assert any(evidence.source == "Python3_EXECUTABLE" for evidence in finding.evidence)


def test_pip_of_another_environment():
    built = project(builds=("setup.py",))
    assert not list(check(python(), built, environment(), None, pip("/venv/bin/python", True), None))
    assert not list(check(python(), built, environment(), None, pip(None, None), None))
    (finding,) = check(python(), built, environment(), None, pip("/usr/bin/python3", False), None)
    assert finding.severity is Severity.WARNING and "/usr/bin/pip" in finding.message
    assert finding.fix is not None
    (shim, _) = finding.fix.steps
    assert isinstance(shim, Shim) and shim.content.endswith('exec /venv/bin/python -m pip "$@"\n')
    gone = pip("/old/bin/python3", False, exists=False)
    (finding,) = check(python(), built, environment(), None, gone, packages())
    assert finding.severity is Severity.ERROR and "does not exist" in finding.message


def test_quiet_about_pip_when_the_interpreter_was_stated():
    built, stated = project(builds=("setup.py",)), python(found_via="--python")
    assert not list(check(stated, built, environment(), None, pip("/usr/bin/python3", False), None))


def test_an_environment_without_pip_is_not_told_to_call_it():
    built = project(builds=("setup.py",))
    (finding,) = check(python(), built, environment(), None, pip("/usr/bin/python3", False), Packages(()))
    assert [step.command for step in finding.fix.steps] == ["/venv/bin/python -m ensurepip"]
