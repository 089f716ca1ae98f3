"""PEP 668."""

from envdoctor.rules.resolving.python_externally_managed import check
from tests.factory import environment, project, python

MARKED = python(externally_managed="/usr/lib/python3.11/EXTERNALLY-MANAGED")


def test_quiet_in_a_venv_overridden_or_with_nothing_to_install():
    assert not list(check(project(), python(), environment(), None))
    assert not list(check(project(), MARKED, environment(PIP_BREAK_SYSTEM_PACKAGES="1"), None))
    assert not list(check(project(builds=("cmake",)), MARKED, environment(), None))


def test_the_marker_is_the_evidence():
    (finding,) = check(project(), MARKED, environment(), None)
    assert finding.evidence[0].source == "/usr/lib/python3.11/EXTERNALLY-MANAGED"
