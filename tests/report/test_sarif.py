"""The report as SARIF 2.1.0.

No package on the index carries the official schema, so the parts of it that the report uses are restated here, with
every object closed: a property that the standard does not know would fail.
"""

import json
from urllib.parse import unquote

import jsonschema
import pytest

from envdoctor.catalogue import rules
from envdoctor.report import render
from envdoctor.report.style import Style
from tests import factory
from tests.report.examples import CLEAN, EVERYTHING, HOME, UNDETERMINED, USUAL, healthy


def closed(required=(), **properties):
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def array(items):
    return {"type": "array", "items": items}


TEXT = {"type": "string", "minLength": 1}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
MESSAGE = closed(["text"], text=TEXT, markdown=TEXT)
PHYSICAL = closed(
    ["artifactLocation"],
    artifactLocation=closed(["uri"], uri={"type": "string", "pattern": r"^[A-Za-z0-9._~!$&'()*+,;=@/%-]+$"}),
    region=closed(["startLine"], startLine={"type": "integer", "minimum": 1}),
)
RESULT = closed(
    ["ruleId", "level", "message", "locations", "partialFingerprints"],
    ruleId=TEXT,
    ruleIndex={"type": "integer", "minimum": 0},
    level=LEVEL,
    message=MESSAGE,
    locations={**array(closed(["physicalLocation"], physicalLocation=PHYSICAL)), "minItems": 1},
    partialFingerprints={"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1},
)
RULE = closed(
    ["id"],
    id=TEXT,
    shortDescription=MESSAGE,
    help=MESSAGE,
    defaultConfiguration=closed(level=LEVEL),
    properties=closed(tags=array(TEXT)),
)
RUN = closed(
    ["tool", "results"],
    tool=closed(["driver"], driver=closed(["name"], name=TEXT, semanticVersion=TEXT, rules=array(RULE))),
    invocations=array(
        closed(
            ["executionSuccessful"],
            executionSuccessful={"type": "boolean"},
            toolExecutionNotifications=array(closed(["message"], level=LEVEL, message=MESSAGE)),
        )
    ),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    results=array(RESULT),
)
VALIDATOR = jsonschema.Draft7Validator(
    closed(["version", "runs"], version={"const": "2.1.0"}, runs=array(RUN), **{"$schema": TEXT})
)


def run_of(diagnosis, facts=None, style=None):
    document = json.loads(render("sarif", facts or healthy(), diagnosis, HOME, style or Style()))
    VALIDATOR.validate(document)
    return document["runs"][0]


@pytest.mark.parametrize("diagnosis", [CLEAN, UNDETERMINED, USUAL, EVERYTHING])
def test_it_follows_the_standard(diagnosis):
    run = run_of(diagnosis)
    assert len(run["results"]) == len(diagnosis.findings)
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


def test_every_result_has_a_place_and_machine_findings_are_anchored_to_the_build_file():
    uris = [
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for result in run_of(EVERYTHING)["results"]
    ]
    assert uris[0] == "setup.py"
    assert unquote(uris[-1]) == "dir with space/ünï,c:d%.cu"
    machine = run_of(USUAL, factory_without_project())
    assert machine["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "."
    below = run_of(USUAL, style=Style(prefix="libs/demo"))
    assert (
        below["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        == "libs/demo/setup.py"
    )


def factory_without_project():
    from dataclasses import replace

    return replace(healthy(), project=factory.project(builds=()))


def test_rules_bring_their_page_as_help():
    (rule,) = [r for r in run_of(USUAL)["tool"]["driver"]["rules"] if r["id"] == "cuda-home-wrong"]
    page = next(r for r in rules() if r.name == "cuda-home-wrong").page
    assert rule["help"]["markdown"] == page


def test_fingerprints_tell_findings_apart_and_survive_moved_lines():
    from dataclasses import replace

    from envdoctor.catalogue import Diagnosis
    from envdoctor.finding import Location
    from tests.report.examples import header

    moved = Diagnosis((replace(header("a.h", 3), location=Location("csrc/a.cu", 99)),), ())
    prints = [
        run_of(d)["results"][0]["partialFingerprints"] for d in (Diagnosis((header("a.h", 3),), ()), moved)
    ]
    assert prints[0] == prints[1]
    every = [json.dumps(result["partialFingerprints"]) for result in run_of(EVERYTHING)["results"]]
    assert len(set(every)) == len(every)


def test_what_could_not_be_determined_becomes_a_notification():
    (invocation,) = run_of(UNDETERMINED)["invocations"]
    assert len(invocation["toolExecutionNotifications"]) == 2
