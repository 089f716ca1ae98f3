"""Targets against machines; those of tests/hosts are recorded ones."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from envdoctor.bundle.fits import fit, rank
from envdoctor.bundle.target import BundleError, Target
from envdoctor.facts import NOT_EXAMINED, Unknown
from envdoctor.facts.codec import facts_from_json

HOSTS = Path(__file__).parents[1] / "hosts"
NEEDS = {"glibcxx": "3.4.24", "cuda": "13", "gpu code": {"torch.whl": ["sm_80", "sm_90a"]}}


def recorded(name):
    return facts_from_json(json.loads((HOSTS / f"{name}.json").read_text()))


H200 = recorded("ubuntu-24.04-h200")
HERE = "{}.{}".format(*H200.python.minor)


def target(**changes):
    values = {"python": HERE, "platform": "manylinux_2_28_x86_64", "cuda": "13", "gpus": ()}
    return Target(**{**values, **changes})


def test_a_machine_that_fits():
    found = fit(target(), NEEDS, H200)
    assert found.against == () and re.fullmatch(r"driver [\d.]+ serves CUDA 13", found.known[0])


@pytest.mark.parametrize(
    ("changes", "needs", "said"),
    [
        ({"python": "3.8"}, {}, rf"this is cpython {HERE}"),
        ({"platform": "manylinux_2_28_aarch64"}, {}, r"this machine is x86_64"),
        ({"platform": "manylinux_2_60_x86_64"}, {}, r"this machine has glibc 2\.39"),
        ({}, {"glibcxx": "3.4.99"}, r"has GLIBCXX 3\.4\.33, and 3\.4\.99 is needed"),
        ({}, {"gpu code": {"old.whl": ["sm_70"]}}, r"old\.whl has no code for the NVIDIA H200 \(9\.0\)"),
    ],
)
def test_what_speaks_against_it(changes, needs, said):
    (reason,) = fit(target(**changes), {**NEEDS, **needs}, H200).against
    assert re.search(said, reason), reason


def test_drivers():
    old = replace(H200, driver=replace(H200.driver, cuda_version="12.8", kernel_module="570.86.15"))
    (reason,) = fit(target(), NEEDS, old).against
    assert reason == "its driver 570.86.15 serves CUDA 12, and CUDA 13 needs 580.65.6 or newer"
    assert not fit(target(cuda="12"), {**NEEDS, "cuda": "12"}, old).against
    for driver, said in (
        (None, "no NVIDIA driver is there"),
        (Unknown("no NVML"), r"its driver is not known \(no NVML\)"),
        (NOT_EXAMINED, r"its driver is not known \(nobody looked\)"),
    ):
        found = fit(target(), NEEDS, replace(H200, driver=driver))
        assert not found.against and re.match(said, found.known[0])


def test_what_nobody_looked_at_is_no_pass():
    found = fit(target(), NEEDS, replace(H200, python=NOT_EXAMINED, system=NOT_EXAMINED))
    assert [each.partition(" is not known")[0] for each in found.against] == [
        "which Python is there",
        "what machine it is",
    ]


def test_the_best_of_several():
    several = [target(cuda=cuda) for cuda in ("cpu", "12", "13", None)]
    assert max(several, key=lambda each: rank(each, H200)).cuda == "13"
    assert max(several, key=lambda each: rank(each, replace(H200, driver=None))).cuda == "cpu"


@pytest.mark.parametrize("needs", [[], {"gpu code": ["x"]}, {"gpu code": {"x": 1}}])
def test_a_damaged_record(needs):
    with pytest.raises(BundleError, match="is no table"):
        fit(target(), needs, H200)
