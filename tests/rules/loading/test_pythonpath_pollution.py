"""PYTHONPATH with another Python's packages."""

from envdoctor.finding import SetEnv, Severity
from envdoctor.rules.loading.pythonpath_pollution import check
from tests.factory import environment, package, packages, python

OTHER = "/opt/ros/humble/lib/python3.10/site-packages"
SAME = "/apps/numpy/lib/python3.11/site-packages"


def found(value, *items):
    return list(check(environment(PYTHONPATH=value), python("3.11.7"), packages(*items)))


def test_quiet_for_source_folders_and_the_same_python():
    assert not found("")
    assert not found("/work/demo:src")
    assert not found(SAME, package("numpy", "2.0", location=f"{SAME}/numpy-2.0.dist-info"))


def test_another_python_is_taken_out():
    (finding,) = found(f"/work/demo:{OTHER}:{SAME}")
    assert finding.severity is Severity.WARNING
    assert finding.fix.steps == (SetEnv("PYTHONPATH", f"/work/demo:{SAME}"),)


def test_another_python_that_replaces_packages_is_an_error():
    theirs = package("numpy", "1.21", location=f"{OTHER}/numpy-1.21.dist-info")
    (finding,) = found(OTHER, theirs, package("numpy", "2.0"))
    assert finding.severity is Severity.ERROR
    assert finding.fix.steps == (SetEnv("PYTHONPATH", None),)


def test_the_same_python_with_other_versions():
    theirs = package("torch", "1.13", location=f"{SAME}/torch-1.13.dist-info")
    (finding,) = found(SAME, theirs, package("torch", "2.13"))
    assert finding.severity is Severity.WARNING
    assert not finding.fix.steps
