"""CMake caches of another day."""

from envdoctor.facts import BuildFolder
from envdoctor.finding import Run, Safety, SetEnv, Severity, Shim
from envdoctor.rules.resolving.stale_build_directory import check
from tests.factory import at, environment, program, project, python, tools


def run(*entries, missing=(), cmake="3.25.1", **variables):
    lines = tuple(at(text, "build/CMakeCache.txt", n) for n, text in enumerate(entries, 1))
    gone = tuple(line for line in lines if line.text.partition("=")[0] in missing)
    folders = project(build_folders=(BuildFolder("build", lines, gone),))
    return list(check(folders, python(), environment(**variables), tools(program("cmake", cmake))))


def test_quiet_when_everything_holds():
    assert not run(
        "CMAKE_HOME_DIRECTORY=/work/demo",
        "_Python3_EXECUTABLE=/venv/bin/python3.11",
        "CMAKE_COMMAND=/usr/bin/cmake",
    )
    assert not run("CMAKE_HOME_DIRECTORY=/work/demo/csrc")


def test_a_program_that_is_gone_is_an_error():
    (finding,) = run("CMAKE_MAKE_PROGRAM=/tmp/pip-build-env-x/bin/ninja", missing=("CMAKE_MAKE_PROGRAM",))
    assert finding.severity is Severity.ERROR and "/tmp/pip-build-env-x/bin/ninja" in finding.message


def test_another_source_folder_or_python_is_a_warning():
    (finding,) = run("CMAKE_HOME_DIRECTORY=/home/me/old", "Python3_EXECUTABLE=/usr/bin/python3.9")
    assert finding.severity is Severity.WARNING and len(finding.evidence) == 2


GONE = {"missing": ("CMAKE_MAKE_PROGRAM",)}
NINJA = "CMAKE_MAKE_PROGRAM=/tmp/pip-build-env-x/bin/ninja"


def test_cmake_configures_the_folder_afresh_and_the_finding_is_gone():
    (finding,) = run(NINJA, **GONE)
    assert finding.fix is not None
    shim, _, told = finding.fix.steps
    assert isinstance(shim, Shim) and "/work/demo/build/CMakeCache.txt" in shim.content
    assert told == SetEnv("ENVDOCTOR_FRESH", "/work/demo/build", "append")
    assert not run(NINJA, ENVDOCTOR_FRESH="/work/demo/build", **GONE)


def test_an_older_cmake_cannot_and_the_folder_goes_aside():
    (finding,) = run(NINJA, cmake="3.22.1", **GONE)
    assert finding.fix is not None
    (step,) = finding.fix.steps
    assert isinstance(step, Run) and step.safety is Safety.SAFE
    assert step.command.endswith("mv -T -- /work/demo/build .envdoctor/aside/work%demo%build")
    assert step.undo == "mv -T -- .envdoctor/aside/work%demo%build /work/demo/build"
