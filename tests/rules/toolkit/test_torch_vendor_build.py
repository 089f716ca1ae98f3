"""A vendor's torch and what would replace it."""

import pytest

from envdoctor.rules.toolkit.torch_vendor_build import check
from tests.factory import at, package, packages, project, torch

VENDOR = torch("1.10.0a0+0aef44c", cuda="11.4", vendor=True)


def test_quiet_for_public_builds_and_when_nothing_asks():
    wish = project(requirements=(at("torch==1.13.0", "requirements.txt"),))
    assert not list(check(torch(), packages(), wish))
    assert not list(check(VENDOR, packages(), None))
    assert not list(check(VENDOR, packages(package("timm", requires=("torch", "torchvision"))), project()))


@pytest.mark.parametrize(
    "text", ["torch", "torch>=1.9", "numpy==1.0", "-r other.txt", "torch ; extra == 'x'"]
)
def test_quiet_for_requirements_that_it_meets(text):
    assert not list(check(VENDOR, packages(), project(requirements=(at(text, "requirements.txt"),))))


def test_a_pre_release_is_older_than_its_release():
    (finding,) = check(VENDOR, packages(), project(requirements=(at("torch>=1.10", "requirements.txt", 3),)))
    assert "requirements.txt:3" in finding.message and "1.10.0a0+0aef44c" in finding.message
    asking = package("accelerate", "0.20", requires=("torch>=1.10.0", "torch>=99; extra == 'test'"))
    (finding,) = check(VENDOR, packages(asking), None)
    assert finding.evidence[1].source == "accelerate 0.20" and len(finding.evidence) == 2
