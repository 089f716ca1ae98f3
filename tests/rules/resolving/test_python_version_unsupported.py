"""requires-python against the examined interpreter."""

from envdoctor.facts import Interpreters, PathPython
from envdoctor.rules.resolving.python_version_unsupported import check
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
