"""Explanations as text and as JSON."""

from dataclasses import replace

import jsonschema
import pytest

from envdoctor.explanation import Explanation
from envdoctor.facts import Note
from envdoctor.finding import Finding, Fix, Here, LogLine, Run, SetEnv
from envdoctor.report import schemas
from envdoctor.report.explanation import as_markdown, as_text, to_json
from envdoctor.report.style import PLAIN

VALIDATOR = jsonschema.Draft202012Validator(schemas.explanation_schema())
LINES = tuple(LogLine(f"line {n}", f"text {n}", n) for n in range(1, 9))


def finding(rule, confidence="high", line=0):
    steps = (SetEnv("A", "b"), Run("pip install x"))
    return Finding(
        f"{rule} is so",
        "it stops",
        LINES[line : line + 1],
        Fix(f"mend {rule}", steps),
        rule=rule,
        confidence=confidence,
    )


CAUSES = Explanation(
    "failure",
    (finding("first"), *(finding(f"rule-{n}", "medium", n) for n in range(1, 7))),
    follows=LINES[2:],
    here={"first": Here("confirmed", "it is here too")},
    notes=(Note("rule-x", "this rule failed"),),
)


@pytest.mark.parametrize(
    "explanation",
    [CAUSES, Explanation("no-failure"), Explanation("not-enough", signs=LINES, more="run it with -v")],
)
def test_json_follows_the_schema(explanation):
    jsonschema.Draft202012Validator.check_schema(VALIDATOR.schema)
    VALIDATOR.validate(to_json("build.log", explanation))


def test_json_is_best_first():
    document = to_json("build.log", CAUSES)
    assert document["log"] == "build.log"
    assert [f["rank"] for f in document["findings"]] == [1, 2, 3, 4, 5, 6, 7]
    first, second = document["findings"][:2]
    assert first["here"] == {"answer": "confirmed", "text": "it is here too"} and second["here"] is None
    assert len(first["follows"]) == 6 and second["follows"] == []
    assert second["evidence"] == [{"line": 2, "text": "text 2"}]


def test_the_root_cause_is_told_in_full_and_others_shortly_counted():
    text = as_text("build.log", CAUSES, PLAIN)
    assert text.startswith("cause  first\n  first is so\n  seen     line 1: text 1\n  follows  it stops\n")
    assert "           line 5: text 5\n  do       mend first\n" in text and "text 6\n  do" not in text
    assert "pip install x" in text and "  here     confirmed: it is here too\n" in text
    assert "also   rule-1  (likely; other causes have the same words)\n" in text
    assert "and 2 weaker signs of other causes\n" in text and "note: rule-x: this rule failed" in text


def test_a_mere_hint_is_no_cause_and_what_else_failed_is_told():
    text = as_text("x.log", Explanation("failure", (finding("r", "low"),), signs=LINES[5:6]), PLAIN)
    markdown = as_markdown("x.log", Explanation("failure", (finding("r", "low"),), signs=LINES[5:6]))
    assert markdown.endswith("\nBesides:\n\n```text\nline 6: text 6\n```\n")
    assert text.startswith("maybe  r  (a mere hint)\n") and "\n  besides  line 6: text 6\n" in text


@pytest.mark.parametrize(
    ("explanation", "says"),
    [
        (Explanation("no-failure"), "build.log: nothing failed.\n"),
        (
            Explanation("no-failure", signs=LINES),
            "build.log: it ended well, and nothing came of what went wrong before.\n  seen     line 1: text 1\n",
        ),
        (
            Explanation("not-environment", signs=LINES),
            "a failure that no known problem of an environment explains",
        ),
        (Explanation("not-enough", signs=LINES, more="run it with -v"), "  do       run it with -v\n"),
    ],
)
def test_outcomes_without_a_cause(explanation, says):
    assert says in as_text("build.log", explanation, PLAIN)


def test_nothing_of_a_log_commands_the_terminal():
    evil = Explanation("not-enough", signs=(LogLine("line 1", "\x1b[2J\x07", 1),), more="x")
    assert "\x1b" not in as_text("a\x1b.log", evil, PLAIN)


def test_markdown_has_the_same():
    text = as_markdown("build.log", CAUSES)
    assert text.startswith(
        "# build.log\n\nIt failed, for this reason:\n\n## first\n\nfirst is so it stops\n\n"
    )
    assert "\n```text\nline 1: text 1\n```\n" in text
    assert "\n**Do:** mend first\n\n```sh\nexport A=b\npip install x\n```\n\n" in text
    assert "**Here:** confirmed: it is here too\n" in text and text.count("\n## ") == 5
    assert as_markdown("a.log", Explanation("no-failure")) == "# a.log\n\nNothing failed.\n"


def test_markdown_shows_what_would_be_markup():
    evil = replace(
        finding("x"), message="lib<name>-dev *is* @all", consequence="`-lx_y_z`", fix=Fix("Install a_b_c")
    )
    text = as_markdown("a_b_.log", Explanation("failure", (evil,)))
    assert text.startswith("# a\\_b\\_.log\n") and "**Do:** Install a\\_b\\_c" in text
    assert "lib&lt;name&gt;-dev \\*is\\* &#64;all `-lx_y_z`" in text
    quoted = as_markdown("x", Explanation("not-enough", signs=(LogLine("line 1", "```", 1),), more="a <b>"))
    assert "````text\nline 1: ```\n````" in quoted and quoted.endswith("a &lt;b&gt;\n")
