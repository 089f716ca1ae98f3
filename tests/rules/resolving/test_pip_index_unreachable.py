"""Indexes and folders that certainly cannot answer."""

from envdoctor.facts import Index, WheelFolder, Wheelhouse
from envdoctor.finding import Severity
from envdoctor.rules.resolving.pip_index_unreachable import check


def test_quiet_when_nothing_is_certain_or_no_index_is_asked():
    unknown = Index("https://pypi.org/simple", "PIP_INDEX_URL", None)
    gone = Index("http://127.0.0.1:3141/", "/etc/pip.conf:2", False)
    assert not list(check(Wheelhouse(None, (), (unknown,))))
    assert not list(check(Wheelhouse("PIP_NO_INDEX", (), (gone,))))


def test_the_line_that_names_it_is_the_evidence():
    (finding,) = check(Wheelhouse(None, (), (Index("http://127.0.0.1:3141/", "/etc/pip.conf:2", False),)))
    assert finding.evidence[0].source == "/etc/pip.conf:2"


def test_a_missing_folder_is_worse_without_an_index():
    folder = WheelFolder("/mnt/wheels", "PIP_FIND_LINKS", False, ())
    assert next(check(Wheelhouse(None, (folder,), ()))).severity is Severity.WARNING
    assert next(check(Wheelhouse("PIP_NO_INDEX", (folder,), ()))).severity is Severity.ERROR
