"""requires-python against the examined interpreter."""

import pytest

from envdoctor.facts import Interpreters, PathPython
from envdoctor.log import read_text
from envdoctor.rules.resolving.python_version_unsupported import check, explain
from tests.factory import at, project, python

NEW = PathPython("python3.12", "/usr/bin/python3.12", "/usr/bin/python3.12", "3.12.1", "system", "/usr", True)


def test_quiet_when_it_fits_or_nothing_is_asked_or_the_bound_is_no_bound():
    assert not list(check(project(requires_python=at(">=3.8")), python("3.8.18"), None))
    assert not list(check(project(), python("3.8.18"), None))
    assert not list(check(project(requires_python=at("three")), python("3.8.18"), None))


def test_an_interpreter_that_fits_is_offered():
    line = at(">=3.9", "pyproject.toml", 7)
    (finding,) = check(project(requires_python=line), python("3.8.18"), Interpreters((NEW,), ()))
    assert "pyproject.toml:7" in finding.message and "3.8.18" in finding.message
    assert finding.fix is not None and "/usr/bin/python3.12" in finding.fix.title


def test_none_is_said_to_be_none():
    (finding,) = check(project(requires_python=at("<3.8")), python(), Interpreters((NEW,), ()))
    assert finding.fix is not None and "none was found" in finding.fix.title


def marked(source, column):
    """As Python prints it: the mark is below the character where it stopped."""
    text = f'  File "setup.py", line 1\n    {source}\n    {" " * column}^\nSyntaxError: invalid syntax\n'
    return list(explain(read_text(text)))


@pytest.mark.parametrize(
    ("source", "column", "version"),
    [
        ('print(f"x")', 9, "3.6"),
        ("return fr'x {y}'", 15, "3.6"),
        ("def f(x: int, y): pass", 7, "3 "),
        ("x: int = 3", 1, "3.6"),
        ('print("x", end="")', 14, "3 "),
        ("async def f(): pass", 8, "3.5"),
    ],
)
def test_syntax_that_only_newer_releases_have(source, column, version):
    (finding,) = marked(source, column)
    assert f"Python {version}" in finding.message


@pytest.mark.parametrize(
    ("source", "column"),
    [('print(f"x" y)', 11), ("foo(a: 3)", 5), ("else: x = 3", 3), ("def f(x y): pass", 8)],
)
def test_a_slip_of_the_pen_is_no_matter_of_the_release(source, column):
    assert not marked(source, column)
