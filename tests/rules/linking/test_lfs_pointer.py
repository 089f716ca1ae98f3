"""Unfetched git-lfs files."""

from envdoctor.finding import Severity
from envdoctor.rules.linking.lfs_pointer import check
from tests.factory import project


def test_quiet_without_pointers():
    assert not list(check(project()))


def test_a_source_stops_the_build():
    (finding,) = check(project(lfs_pointers=("tables/nf4.inc",)))
    assert finding.severity is Severity.ERROR
    assert "git lfs pull" in finding.fix.steps[0].command


def test_a_model_is_a_hint_beside_it():
    first, second = check(project(lfs_pointers=("model/weights.bin", "lib/libx.so", "demo.ipynb")))
    assert first.severity is Severity.ERROR
    assert first.location.file == "lib/libx.so"
    assert second.severity is Severity.INFO
    assert "1 more" in second.message


def test_nothing_to_build_nothing_to_stop():
    (finding,) = check(project(lfs_pointers=("a.h",), builds=()))
    assert finding.severity is Severity.INFO
