"""CMake caches of another day."""

from envdoctor.facts import BuildFolder
from envdoctor.finding import Severity
from envdoctor.rules.resolving.stale_build_directory import check
from tests.factory import at, project, python


def run(*entries, missing=()):
    lines = tuple(at(text, "build/CMakeCache.txt", n) for n, text in enumerate(entries, 1))
    gone = tuple(line for line in lines if line.text.partition("=")[0] in missing)
    return list(check(project(build_folders=(BuildFolder("build", lines, gone),)), python()))


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
