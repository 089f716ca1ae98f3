"""What pip found no distribution for, and which rule explains it."""

import pytest

from envdoctor.log import read_text
from envdoctor.messages.unfound import of, unfound

UNFOUND = "ERROR: Could not find a version that satisfies the requirement {} (from versions: {})\n"


@pytest.mark.parametrize(
    ("requirement", "versions", "before", "rule"),
    [
        (
            "setuptools>=64",
            "none",
            "pip subprocess to install build dependencies did not run",
            "build-requirements-unreachable",
        ),
        ("einops", "none", "$ pip install --no-index --find-links wheels .", "wheelhouse-incomplete"),
        (
            "einops",
            "none",
            "$ pip install --no-index .\neinops-0.8-cp39-cp39-win_amd64.whl",
            "wheel-tag-mismatch",
        ),
        ("torch==2.1.2", "2.5.0, 2.6.0", "", "python-version-unsupported"),
        ("torch==2.6.0", "2.0.0, 2.4.1", "", "python-version-unsupported"),
        ("torch==2.6.0", "2.1.0, 2.2.2", "", "platform-unsupported"),
        ("torch==2.5.1+cu128", "2.7.0+cu128", "", "upstream-artifact-unavailable"),
        ("torch==2.1.0+cu118", "2.0.1, 2.1.0", "", "upstream-artifact-unavailable"),
        (
            "numpy>=2.3",
            "2.2.6",
            "different python version: 2.3.0 Requires-Python >=3.11",
            "python-version-unsupported",
        ),
        ("triton", "none", "", "platform-unsupported"),
        ("torch", "", "", "wheel-tag-mismatch"),
    ],
)
def test_the_rule_is_told_by_what_is_offered(requirement, versions, before, rule):
    log = read_text(f"{before}\n" + UNFOUND.format(requirement, versions))
    assert [item.rule for item in unfound(log)] == [rule]
    assert [item.requirement for item in of(log, rule)] == [requirement]


def test_a_broken_connection_explains_it_otherwise():
    retrying = "WARNING: Retrying (Retry(total=0)) after connection broken by 'ReadTimeoutError(\"Read timed out.\")'\n"
    assert not unfound(read_text(retrying + UNFOUND.format("torch", "none")))


def test_marker_and_origin_are_not_the_requirement():
    text = UNFOUND.format('xgrammar>=0.1.6; platform_machine == "x86_64" (from vllm)', "none")
    assert [item.requirement for item in unfound(read_text(text))] == ["xgrammar>=0.1.6"]
