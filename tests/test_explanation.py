"""Every excerpt of tests/logs is explained by the rule that it is named after, and by it first."""

from pathlib import Path

import pytest

from envdoctor.catalogue import rules
from envdoctor.explanation import explain
from envdoctor.log import read

LOGS = sorted((Path(__file__).parent / "logs").glob("*/*.log"))
#: The outcomes that are no rules, as verdicts.
OUTCOMES = {"none": "no-failure", "not-an-environment-problem": "not-environment", "cause-not-in-log": "not-enough"}


def test_there_is_a_folder_for_known_names_only():
    names = {rule.name for rule in rules()} | set(OUTCOMES)
    assert {path.parent.name for path in LOGS} <= names


@pytest.mark.parametrize("path", LOGS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_log_is_explained(path):
    with path.open("rb") as stream:
        explanation = explain(read(stream, path.name))
    name = path.parent.name
    assert not explanation.notes
    if name in OUTCOMES:
        assert (explanation.verdict, [f.rule for f in explanation.findings]) == (OUTCOMES[name], [])
    else:
        assert [f.rule for f in explanation.findings][:1] == [name]
