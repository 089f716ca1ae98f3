"""The plan of `envdoctor fix`, and what became of it."""

from envdoctor.finding import Edit, Finding, Fix, Run, Safety, SetEnv, Severity
from envdoctor.fixing.plan import plan
from envdoctor.report.plan import ending, outcome, render
from envdoctor.report.style import PLAIN


def found(rule, *steps, lasting=()):
    return Finding("It is so.", "c", (), Fix("Mend it", steps, lasting), rule=rule, severity=Severity.ERROR)


EDITED = found("old-standard", SetEnv("A", "b"), lasting=(Edit("setup.py", 3, "14", "17", Safety.UNSAFE),))
MIXED = found("isolation", SetEnv("A", "b"), Run("pip install wheel", Safety.UNSAFE))
OVERLAY = found("links", SetEnv("A", "c"))
BY_HAND = found("tag", Run("pip download -d FOLDER x"))


def test_every_way_is_named():
    text = render(plan([EDITED, MIXED, OVERLAY, BY_HAND, found("driver")]), PLAIN)
    assert (
        "1. old-standard: It is so.\n   Mend it\n     edit setup.py:3: 14 -> 17  (needs --unsafe)\n" in text
    )
    assert "     or cured without any change by `envdoctor run -- CMD`\n2." in text
    assert (
        "     run  pip install wheel  (needs --unsafe)  (not taken back by --undo)\n     the rest: cured without"
        in text
    )
    assert "3. links: It is so.\n   Mend it\n     cured without any change by" in text
    assert "run  pip download -d FOLDER x  (by hand)" in text
    assert "no step that envdoctor can take; `envdoctor explain driver` tells more" in text


def test_what_can_be_done_now_is_said_and_nothing_else():
    assert ending((), b"", (), PLAIN) == "Nothing to fix.\n"
    assert "Nothing here has to be changed" in ending(plan([OVERLAY]), b"", (), PLAIN)
    assert "--apply" not in ending(plan([BY_HAND]), b"", (), PLAIN)
    text = ending(plan([EDITED]), b"--- a/setup.py\n", ("setup.py:9 has more than once '14'",), PLAIN)
    assert text.startswith("\n--- a/setup.py\n\nsetup.py:9 has more than once '14': to be changed by hand\n")
    assert "--apply --unsafe" in text and "--patch FILE" in text


def test_the_outcome_counts_what_is_left_to_the_overlay_apart():
    items = plan([EDITED, MIXED])
    assert outcome(items, (), PLAIN) == "cured  old-standard\ncured  isolation\n"
    left = outcome(items, (EDITED, MIXED), PLAIN)
    assert left == "not cured  old-standard\nrest by `envdoctor run`  isolation\n"
