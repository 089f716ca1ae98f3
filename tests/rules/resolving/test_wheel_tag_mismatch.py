"""Wheels for another Python, C library or machine."""

import pytest

from envdoctor.facts import Packages, Wheel, WheelFolder, Wheelhouse
from envdoctor.rules.resolving.wheel_tag_mismatch import check
from tests.factory import at, package, packages, project, python, system

PROJECT = project(builds=(), requirements=(at("fastgptq", "requirements.txt", 1),))


def house(*tags, no_index="PIP_NO_INDEX"):
    wheels = tuple(Wheel(f"/wheels/fastgptq-1.0-{tag}.whl", "fastgptq", "1.0", tag, ()) for tag in tags)
    return Wheelhouse(no_index, (WheelFolder("/wheels", "PIP_FIND_LINKS", True, wheels),), ())


def test_quiet_when_one_fits_or_an_index_may_be_asked():
    fitting = house("cp310-cp310-linux_x86_64", "cp311-cp311-manylinux_2_28_x86_64")
    assert not list(check(PROJECT, packages(), python(), system(), fitting))
    assert not list(
        check(PROJECT, packages(), python(), system(), house("cp310-cp310-linux_x86_64", no_index=None))
    )


@pytest.mark.parametrize(
    ("tag", "difference"),
    [
        ("cp310-cp310-manylinux_2_17_x86_64", "Python version"),
        ("cp311-cp311-manylinux_2_39_x86_64", "C library"),
        ("cp311-cp311-musllinux_1_2_x86_64", "C library"),
        ("cp311-cp311-manylinux_2_17_aarch64", "machine"),
        ("cp311-cp311d-linux_x86_64", "Python ABI"),
    ],
)
def test_the_part_that_differs_is_named(tag, difference):
    (finding,) = check(PROJECT, packages(), python(), system(), house(tag))
    assert difference in finding.message


def test_a_pip_that_is_older_than_the_name_of_the_platform():
    old = Packages((package("pip", "20.2.4"),))
    assert not list(check(PROJECT, old, python(), system(), house("cp311-cp311-manylinux2014_x86_64")))
    (finding,) = check(PROJECT, old, python(), system(), house("cp311-cp311-manylinux_2_28_x86_64"))
    assert "pip 20.2.4" in finding.message and finding.fix is not None and finding.fix.steps


@pytest.mark.parametrize(
    ("text", "difference"),
    [
        ("./wheels/fastk-1.0-cp39-cp39-manylinux_2_17_x86_64.whl", "Python version"),
        ("fastk @ https://x.org/fastk-1.0-1-cp311-cp311-manylinux_2_17_aarch64.whl#sha256=12", "machine"),
        ("fastk-1.0-cp311-cp311-manylinux_2_17_x86_64.whl", None),
        ("wheels/fastk-1.0-py3-none-any.whl", None),
        ("wheels/fastk-1.0-cp39-cp39-linux_x86_64.whl ; python_version < '3.10'", None),
        ("wheels/fastk.whl", None),
    ],
)
def test_a_requirement_that_names_a_file(text, difference):
    named = project(builds=(), requirements=(at(text, "requirements.txt", 1),))
    found = list(check(named, packages(), python(), system(), Wheelhouse(None, (), ())))
    assert len(found) == (difference is not None)
    assert all(difference in finding.message for finding in found)
