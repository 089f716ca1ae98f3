"""The report for a terminal."""

import re
from dataclasses import replace

from envdoctor.catalogue import Diagnosis
from envdoctor.facts import Facts, Unknown
from envdoctor.finding import Fix, SetEnv, Shim
from envdoctor.report import render
from envdoctor.report.style import PLAIN, Style, wants_colour
from tests.report.examples import CLEAN, EVERYTHING, HOME, UNDETERMINED, USUAL, healthy


def text(diagnosis, style=PLAIN, facts=None):
    return render("text", facts or healthy(), diagnosis, HOME, style)


def test_a_quiet_machine_gets_one_line_that_says_what_was_examined():
    (line,) = text(CLEAN).splitlines()
    for word in ("build role", "Debian", "Python 3.11.7", "torch 2.13.0+cu130", "CUDA 13.0", "H200 (9.0)"):
        assert word in line


def test_what_is_absent_is_said_and_what_is_unknown_is_not_called_absent():
    line = text(CLEAN, facts=Facts(torch=None, driver=Unknown("NVML is cut off"), toolkit=None))
    assert "no torch" in line
    assert "no CUDA toolkit" in line
    assert "GPU" not in line


def test_what_could_not_be_determined_is_named_in_the_quiet_line():
    (line,) = text(UNDETERMINED).splitlines()
    assert "could be examined" in line
    assert "/etc/secret" in line
    assert "Permission denied" in text(UNDETERMINED, Style(verbose=True))


def test_a_finding_says_what_is_so_what_follows_and_what_to_do():
    report = text(USUAL)
    assert (
        report.index("CUDA_HOME is /opt")
        < report.index("stop at their first call")
        < report.index("export CUDA_HOME=")
    )
    assert "\n             export CUDA_HOME=/usr/local/cuda\n" in report


def test_findings_that_share_consequence_and_cure_are_put_together():
    report = text(USUAL)
    assert report.count("cuda-headers-missing\n") == 1
    assert report.count("Install the headers") == 1
    assert report.count("csrc/a.cu:3") == 1
    assert report.count("csrc/a.cu:4") == 1


def test_the_summary_counts_and_hints_once():
    report = text(USUAL)
    assert "1 error, 2 warnings;" in report
    assert report.count("envdoctor explain") == 1


def test_long_lists_are_cut_and_say_so_unless_verbose():
    assert "and 4 more of the kind" in text(EVERYTHING)
    assert "x12.h" not in text(EVERYTHING)
    assert "x12.h" in text(EVERYTHING, Style(verbose=True))


def test_prose_keeps_to_the_width_and_words_are_never_broken():
    for width in (40, 60, 80):
        for line in text(USUAL, Style(width)).splitlines():
            pasted = line.startswith(" " * 13)
            assert len(line) <= width or len(line.split()) <= 3 or pasted or "envdoctor explain" in line
    assert "path/" * 40 in text(EVERYTHING)


def test_no_control_character_of_the_evidence_reaches_the_terminal():
    assert "\x1b" not in text(EVERYTHING)
    coloured = text(EVERYTHING, Style(colour=True))
    assert set(re.findall(r"\x1b\[([0-9;]*)m", coloured)) <= {"1;31", "1;33", "1;36", "1", "2", "0"}
    assert "\\x1b[31mred" in coloured


def test_long_files_too_are_lines_to_paste():
    fix = Fix(
        "x",
        (
            Shim("bin/g++", "script", "#!/bin/sh\n" + "echo\n" * 30),
            SetEnv("PATH", "{overlay}/bin", "prepend"),
        ),
    )
    diagnosis = Diagnosis((replace(USUAL.findings[0], fix=fix),), ())
    assert "printf '%s\\n' '#!/bin/sh' echo echo" in text(diagnosis)
    assert '> "$overlay/bin/g++"' in text(diagnosis)


def test_only_verbs_that_exist_are_named():
    from envdoctor.cli import VERBS

    verbs = {verb.__name__.rpartition(".")[2] for verb in VERBS}
    assert set(re.findall(r"`envdoctor (\w+)", text(EVERYTHING, Style(verbose=True)))) <= verbs


def test_colour_is_for_terminals_and_no_color_wins():
    assert wants_colour({}, terminal=True)
    assert not wants_colour({}, terminal=False)
    assert not wants_colour({"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}, terminal=True)
    assert wants_colour({"NO_COLOR": "", "CLICOLOR_FORCE": "1", "CLICOLOR": "0"}, terminal=False)
    assert not wants_colour({"CLICOLOR": "0"}, terminal=True)
    assert not wants_colour({"TERM": "dumb"}, terminal=True)
