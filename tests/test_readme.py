"""The README's claims that can be counted."""

import re
from pathlib import Path

from envdoctor.catalogue import rules
from envdoctor.cli import VERBS

README = (Path(__file__).parent.parent / "README.md").read_text()


def test_the_number_of_rules():
    every = rules()
    foreseen = [rule for rule in every if rule.check]
    assert f"{len(every)} known problems; {len(foreseen)} are foreseen" in README


def test_every_verb_is_named_and_no_other():
    verbs = {verb.__name__.rpartition(".")[2] for verb in VERBS}
    assert set(re.findall(r"`(?:\S*/)?envdoctor ([a-z]+)", README)) <= verbs
    for verb in verbs:
        assert f"envdoctor {verb}" in README


def test_the_test_command_is_what_ci_runs():
    script = (Path(__file__).parent.parent / ".ci" / "run").read_text()
    assert re.sub(r"\bexec ", "", script.splitlines()[-1]) in README
