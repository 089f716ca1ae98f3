"""The JSON report against its published schema, and the schemas against the dataclasses."""

import json
import os

import jsonschema
import pytest

from envdoctor.facts import Facts, Unknown
from envdoctor.facts.codec import facts_from_json, facts_to_json
from envdoctor.report import render, schemas
from tests.report.examples import CLEAN, EVERYTHING, HOME, UNDETERMINED, USUAL, healthy

VALIDATOR = jsonschema.Draft202012Validator(schemas.report_schema())


def report(diagnosis, facts=None):
    return json.loads(render("json", facts or healthy(), diagnosis, HOME))


@pytest.mark.parametrize("name", sorted(schemas.files()))
def test_published_schemas_are_up_to_date(name):
    folder = os.path.join(os.path.dirname(schemas.__file__), "schema")
    with open(os.path.join(folder, name), encoding="utf-8") as stream:
        assert stream.read() == schemas.files()[name], "a fact has changed: run python ci/schemas.py"


@pytest.mark.parametrize("diagnosis", [CLEAN, UNDETERMINED, USUAL, EVERYTHING])
def test_reports_follow_the_schema(diagnosis):
    jsonschema.Draft202012Validator.check_schema(VALIDATOR.schema)
    VALIDATOR.validate(report(diagnosis))
    VALIDATOR.validate(report(diagnosis, Facts(torch=Unknown("truncated"), toolkit=None)))


def test_the_schema_refuses_what_is_not_a_report():
    good = report(USUAL)
    for spoil in (
        lambda document: document.pop("notes"),
        lambda document: document.update(status="fine"),
        lambda document: document["findings"][0].update(severity="fatal"),
        lambda document: document["findings"][0]["fix"]["steps"][0].update(step="Guess"),
        lambda document: document["facts"]["python"].update(version=3),
        lambda document: document["facts"].update(extra=1),
    ):
        bad = json.loads(json.dumps(good))
        spoil(bad)
        with pytest.raises(jsonschema.ValidationError):
            VALIDATOR.validate(bad)


def test_facts_follow_their_schema_and_survive_the_round_trip():
    document = facts_to_json(healthy())
    jsonschema.validate(document, schemas.facts_schema())
    jsonschema.validate({"schema": "envdoctor.facts/1"}, schemas.facts_schema())
    assert facts_from_json(document) == healthy()


def test_status_and_scrubbing():
    assert [report(d)["status"] for d in (CLEAN, UNDETERMINED, USUAL)] == [
        "clean",
        "undetermined",
        "findings",
    ]
    assert "alice" not in json.dumps(report(EVERYTHING))
