"""The report as Markdown."""

import re

from envdoctor.report import render
from tests.report.examples import CLEAN, EVERYTHING, HOME, UNDETERMINED, USUAL, healthy


def markdown(diagnosis):
    return render("markdown", healthy(), diagnosis, HOME)


def outside_code(text):
    return re.sub(r"`[^`\n]*`", "", re.sub(r"(?ms)^(`{3,})\w*\n.*?^\1$", "", text))


def test_a_clean_machine_says_so_and_what_it_is():
    assert "no problem found\n" in markdown(CLEAN)
    assert "Python 3.11.7" in markdown(CLEAN)


def test_what_could_not_be_determined_is_never_called_clean():
    assert "no problem found in what could be examined" in markdown(UNDETERMINED)
    assert "Permission denied" in markdown(UNDETERMINED)


def test_a_table_row_and_a_section_for_each_rule():
    text = markdown(USUAL)
    assert "| error | `cuda-home-wrong` |" in text
    assert text.count("## warning: `cuda-headers-missing`") == 1
    assert "```sh\nexport CUDA_HOME=/usr/local/cuda\n```" in text


def test_markup_of_the_evidence_stays_text():
    text = markdown(EVERYTHING)
    assert "<b>" not in outside_code(text)
    for line in text.splitlines():
        if line.startswith("| info"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 4
    assert "alice" not in text


def test_a_fence_is_longer_than_the_backticks_in_it():
    from envdoctor.catalogue import Diagnosis
    from envdoctor.finding import Evidence, Finding, Severity

    finding = Finding("m", "c", (Evidence("log", "```\nx\n````"),), severity=Severity.ERROR, rule="r")
    assert "\n`````text\nlog: ```\nx\n````\n`````\n" in markdown(Diagnosis((finding,), ()))


def test_nobody_is_mentioned_and_no_issue_is_linked():
    from envdoctor.catalogue import Diagnosis
    from envdoctor.finding import Finding, Severity

    finding = Finding("see @torvalds and #12", "", (), severity=Severity.ERROR, rule="r")
    assert "@torvalds" not in markdown(Diagnosis((finding,), ()))
    assert "#12" not in markdown(Diagnosis((finding,), ()))
