"""A console script without its package."""

from envdoctor.finding import Run, Shim
from envdoctor.rules.resolving.cmake_shim_broken import check
from tests.factory import cmake, program, project, tools

BROKEN = program(
    "cmake",
    path="/venv/bin/cmake",
    version=None,
    kind="console-script",
    error="ModuleNotFoundError: No module named 'cmake'",
)


def test_quiet_when_it_answers_or_nobody_calls_it():
    assert not list(check(project(cmake=cmake()), tools(program("cmake"))))
    assert not list(check(project(), tools(BROKEN)))


def test_a_good_one_behind_it_is_used():
    (finding,) = check(project(cmake=cmake()), tools(BROKEN, program("cmake", wins=False)))
    assert finding.evidence[0].text == "ModuleNotFoundError: No module named 'cmake'"
    assert finding.fix is not None and finding.fix.steps[0] == Shim("bin/cmake", "link", "/usr/bin/cmake")


def test_otherwise_it_is_reinstalled():
    (finding,) = check(project(cmake=cmake()), tools(BROKEN))
    assert finding.fix is not None and isinstance(finding.fix.steps[0], Run)
