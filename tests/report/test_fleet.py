"""Many machines as text, Markdown and JSON."""

from dataclasses import replace

import jsonschema
import pytest

from envdoctor.facts import Unknown
from envdoctor.fleet.result import Verdict
from envdoctor.report import schemas
from envdoctor.report.fleet import as_text
from envdoctor.report.fleet_json import document
from envdoctor.report.fleet_markdown import as_markdown
from envdoctor.report.style import PLAIN, Style
from tests.fleet.machines import H200, SLIM, counted, driven, recorded, report

USUAL = recorded(H200)
OLD = report(driven(USUAL, "535.104.05", "12.2"))
VALIDATOR = jsonschema.Draft202012Validator(schemas.fleet_schema())


def judge(facts):
    if facts.driver is None:
        return (Verdict("b.tar", (), ("cp312: this machine has glibc 2.36",)),)
    return (Verdict("b.tar", ("cp312-cu13",), (), ("driver 580 serves CUDA 13",)),)


@pytest.fixture(scope="module")
def mixed():
    machines = {f"n{number}": report(USUAL) for number in range(1, 31)}
    blind = report(replace(USUAL, driver=Unknown("NVML does not answer")))
    odd = {"n31": OLD, "n32": OLD, "slim": report(recorded(SLIM)), "blind": blind, "n99": b"{"}
    return counted({**machines, **odd}, judge=judge)


def test_text(mixed):
    text = as_text(mixed, PLAIN)
    assert text.startswith("norm  30 machines\n  n[1-30]\n  runtime role, Ubuntu 24.04.3 LTS, Python 3.12.3")
    assert "differ  2 machines\n  n[31-32]\n" in text
    assert "  driver  kernel_module 535.104.05, not 580.159.04;" in text
    assert "error  driver-too-old  on 2 of 34 machines\n  n[31-32]\n  - torch 2.11.0+cu130 needs" in text
    assert "  driver: not known of 1 machine\n" in text
    assert "bundle  b.tar\n  fits 33 machines: cp312-cu13\n" in text
    assert "does not fit 1 machine\n    slim\n    - cp312: this machine has glibc 2.36\n" in text
    assert "1 report could not be read\n  n99.json: not JSON: " in text
    assert text.endswith("2 with errors; 1 report could\nnot be read.\n")
    assert all(len(line) <= 80 for line in text.splitlines() if "/" not in line)


def test_what_is_long_is_cut_and_verbose_is_not(mixed):
    text, verbose = as_text(mixed, PLAIN), as_text(mixed, Style(verbose=True))
    assert "and in interpreters (" in text and "and in interpreters (" not in verbose
    assert "; and 14 more" not in verbose and len(verbose) > 2 * len(text)


def test_one_machine_without_anything():
    assert as_text(counted({"a": report(USUAL)}), PLAIN).endswith("\n1 machine.\n")


def test_names_of_machines_cannot_command_a_terminal():
    assert "\x1b" not in as_text(counted({"a\x1b[2J": report(USUAL)}), PLAIN)


def test_markdown(mixed):
    text = as_markdown(mixed)
    assert text.startswith("# envdoctor fleet: 34 machines; 4 differ from the norm, in 3 groups;")
    assert "\n| 30 | n\\[1-30\\] | runtime role, Ubuntu" in text
    assert "| error | driver-too-old | 2 | n\\[31-32\\] | torch 2.11.0+cu130 needs" in text
    assert "- **driver**: kernel\\_module 535.104.05, not 580.159.04;" in text
    assert "| b.tar | no | 1 | slim | cp312: this machine has glibc 2.36 |" in text
    assert "## Could not be read\n\n| report | why |\n| --- | --- |\n| n99.json |" in text


def test_json_follows_its_schema(mixed):
    jsonschema.Draft202012Validator.check_schema(VALIDATOR.schema)
    found = document(mixed)
    VALIDATOR.validate(found)
    VALIDATOR.validate(document(counted({"a": report(USUAL)})))
    assert [len(group["machines"]) for group in found["groups"]] == [30, 2, 1, 1]
    assert (found["machines"], found["same"], len(found["unread"])) == (34, False, 1)
    few = document(mixed, told=2)
    VALIDATOR.validate(few)
    assert [group["differences"] is None for group in few["groups"]] == [False, False, True, True]
    assert few["groups"][1]["differs"] == ["driver"]
    for spoiled in ({"schema": "envdoctor.fleet/2"}, {"groups": {}}, {"extra": 1}):
        with pytest.raises(jsonschema.ValidationError):
            VALIDATOR.validate({**found, **spoiled})
