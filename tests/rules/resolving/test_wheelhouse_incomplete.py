"""A folder of wheels without the whole closure."""

from envdoctor.facts import Wheel, WheelFolder, Wheelhouse
from envdoctor.rules.resolving.wheelhouse_incomplete import check
from tests.factory import at, package, packages, project, python, system

PROJECT = project(builds=(), requirements=(at("serve==1.0", "requirements.txt", 1),))


def house(*wheels, no_index="PIP_NO_INDEX"):
    return Wheelhouse(no_index, (WheelFolder("/wheels", "PIP_FIND_LINKS", True, wheels),), ())


SERVE = Wheel(
    "/wheels/serve.whl", "serve", "1.0", "py3-none-any", ("numpy>=1.20", 'tomli; python_version<"3.11"')
)
NUMPY = Wheel(
    "/wheels/numpy.whl", "numpy", "1.26.0", "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", ()
)


def test_quiet_when_the_closure_is_there_installed_or_an_index_may_be_asked():
    assert not list(check(PROJECT, packages(), python(), system(), house(SERVE, NUMPY)))
    assert not list(check(PROJECT, packages(package("numpy", "1.26")), python(), system(), house(SERVE)))
    assert not list(check(PROJECT, packages(), python(), system(), house(SERVE, no_index=None)))


def test_the_missing_dependency_and_who_asks_for_it_are_named():
    (finding,) = check(PROJECT, packages(), python(), system(), house(SERVE))
    assert "numpy>=1.20" in finding.message
    assert any(evidence.source == "serve 1.0" for evidence in finding.evidence)


def test_markers_hold_for_the_examined_python():
    (finding,) = check(PROJECT, packages(), python("3.8.18"), system(), house(SERVE, NUMPY))
    assert "tomli" in finding.message


def test_a_wheel_for_another_platform_is_told_by_wheel_tag_mismatch():
    other = Wheel("/wheels/serve.whl", "serve", "1.0", "cp310-cp310-linux_x86_64", ())
    assert not list(check(PROJECT, packages(), python(), system(), house(other)))
    assert list(check(PROJECT, packages(), python(), system(), house(NUMPY)))
