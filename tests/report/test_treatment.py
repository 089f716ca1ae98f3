"""What is said around a command that runs in an overlay."""

from envdoctor.explanation import Explanation, Here
from envdoctor.facts import Facts, Note
from envdoctor.finding import Finding, Fix, Run, SetEnv, Severity, Shim
from envdoctor.overlay.plan import Overlay, plan_layer
from envdoctor.overlay.treatment import Treatment
from envdoctor.report.style import PLAIN
from envdoctor.report.treatment import after_failure, before


def found(rule, *steps, severity=Severity.ERROR):
    return Finding(f"{rule} is so", "it fails", (), Fix(f"mend {rule}", steps), rule=rule, severity=severity)


CURED = found(
    "links",
    SetEnv("LIBRARY_PATH", "{overlay}/lib", "prepend"),
    *(Shim(f"lib/{n}", "text", "") for n in "abc"),
)


def treatment(*left, cured=(), tried=(), notes=()):
    layers = (plan_layer([*cured, *tried], "/p/.envdoctor/1"),) if cured or tried else ()
    overlay = Overlay("/p/.envdoctor", layers)
    return Treatment(overlay, cured, left, notes, Facts(), {})


def test_nothing_is_said_where_there_is_nothing_to_cure():
    assert before(treatment(), PLAIN) == ""
    assert before(treatment(found("later", severity=Severity.WARNING)), PLAIN) == ""


def test_cures_are_told_with_what_they_set_and_make():
    assert before(treatment(cured=(CURED,)), PLAIN) == (
        "envdoctor: 1 finding cured from outside, in /p/.envdoctor; nothing else is changed\n"
        "  links: mend links\n"
        "    LIBRARY_PATH=lib:...; files: lib/a, lib/b and 1 more\n"
    )


def test_what_is_left_to_the_person_is_said_before_the_command():
    mixed = found("isolation", SetEnv("PIP_NO_BUILD_ISOLATION", "0"), Run("pip install wheel"))
    assert "    to be run by you: pip install wheel\n" in before(treatment(cured=(mixed,)), PLAIN)
    text = before(treatment(found("lfs", Run("git lfs pull"))), PLAIN)
    assert text == "envdoctor: not curable from outside\n  lfs: lfs is so\n    mend lfs\n      git lfs pull\n"


def test_a_cure_that_did_not_help_is_not_called_one():
    assert "found still, with the cure in place" in before(treatment(CURED, tried=(CURED,)), PLAIN)


def test_control_characters_of_a_project_command_no_terminal():
    text = before(treatment(cured=(found("x", SetEnv("A", "\x1b[2J")),)), PLAIN)
    assert "\x1b" not in text


NOT_ENOUGH = Explanation("not-enough", more="run it again with -v")


def test_after_a_failure_the_rest_is_told_in_full():
    left = treatment(found("lfs", Run("git lfs pull")))
    text = after_failure(left, NOT_ENOUGH, "failed with exit status 2", PLAIN)
    assert text.startswith(
        "envdoctor: the command failed with exit status 2; this was not cured:\n\nerror  lfs\n"
    )
    assert "git lfs pull" in text
    text = after_failure(
        treatment(notes=(Note("torch", "unreadable"),)), NOT_ENOUGH, "was ended by signal 9", PLAIN
    )
    assert "no cause was found" in text and "- torch: unreadable" in text and "run it again with -v" in text


def test_what_the_output_says_comes_first_and_nothing_is_told_twice():
    said = Explanation("failure", (found("links"),), here={"links": Here("confirmed", "so it is")})
    left = treatment(found("links"), found("lfs"))
    text = after_failure(left, said, "failed with exit status 2", PLAIN)
    assert text.startswith("envdoctor: the command failed with exit status 2:\n\ncause  links\n")
    assert "here     confirmed: so it is\n" in text
    assert text.count("links is so") == 1 and "envdoctor: this was not cured:\n\nerror  lfs\n" in text
