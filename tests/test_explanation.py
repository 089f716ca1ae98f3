"""What a log says; every excerpt of tests/logs is explained by the rule that it is named after first."""

import itertools
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from envdoctor.catalogue import Rule, rules
from envdoctor.explanation import OUTCOMES, compared, explain
from envdoctor.facts import ROLES, Facts, Folder, Folders, Request, Torch
from envdoctor.finding import Finding, Fix, Here, Severity
from envdoctor.log import read, read_text
from envdoctor.log.reader import SHORT
from tests import factory

LOGS = sorted((Path(__file__).parent / "logs").glob("*/*.log"))
#: The outcomes that are no rules, as verdicts.
VERDICTS = {name: verdict for verdict, name in OUTCOMES.items()}


def test_there_is_a_folder_for_known_names_only():
    names = {rule.name for rule in rules()} | set(VERDICTS)
    assert {path.parent.name for path in LOGS} <= names


@pytest.mark.parametrize("path", LOGS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_log_is_explained(path):
    with path.open("rb") as stream:
        assert_explained(read(stream, path.name), path.parent.name)


def assert_explained(log, name):
    explanation = explain(log)
    assert not explanation.notes
    if name in VERDICTS:
        assert (explanation.verdict, [f.rule for f in explanation.findings]) == (VERDICTS[name], [])
    else:
        assert [f.rule for f in explanation.findings][:1] == [name]


FILLER = "".join(f"[{n}/999] nvcc -Werror=all -c /src/error/k{n}.cu -o build/{n}/k.o\n" for n in range(1200))


@pytest.mark.parametrize("path", LOGS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_length_of_a_log_changes_nothing(path):
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        pytest.skip("more lines in another encoding would hide it")
    assert len(FILLER) * 2 > SHORT
    assert_explained(read_text(f"{FILLER}{text}\n{FILLER}"), path.parent.name)


def test_a_success_at_the_end_of_a_long_log_counts_as_in_a_short_one(known):
    known(rule_of("a", None, "cusparse"))
    assert explain(read_text(f"{MISSING}{FILLER * 2}OK\n{FILLER}")).verdict == "no-failure"


HOSTILE = (
    "1234567890",
    "0a1b2c3d4e5f",
    "a",
    "cuda_",
    ".",
    "/",
    "/lib/a",
    "third_party/",
    "std::",
    "'",
    '"',
    " ",
    "a ",
    "a@b:",
    "error: ",
    "ERROR ",
    "CMake Error at ",
    "SSLError(",
    "nvcc fatal ",
    "make: *** [",
    "1.2.3 ",
)


def seconds(text):
    log = read_text(text)
    begun = time.process_time()
    explain(log)
    return time.process_time() - begun


@pytest.fixture(scope="module")
def plain_seconds():
    lines = (f"[{n}/9] gcc -c src/file{n}.c -o build/file{n}.o -Iinclude\n" for n in range(10**6))
    text = "".join(itertools.islice(lines, 2000))
    seconds(text)
    return seconds(text) / len(text)


@pytest.mark.parametrize("piece", HOSTILE)
def test_no_text_takes_long(piece, plain_seconds):
    line = (piece * 4000)[:3999] + "x\n"
    text = line * 16
    assert seconds(text) < 20 * plain_seconds * len(text)


REFUSED = "nvcc fatal   : Unsupported gpu architecture 'compute_120'"
MISSING = "fatal error: cusparse.h: No such file or directory\n"


def rule_of(name, check, pattern, confidence="medium"):
    def explain(log):
        hit = log.first(pattern)
        if hit:
            yield hit.finding(name, "it stops", Fix(f"mend {name}"), confidence)

    return Rule(name, "linking", name, Severity.ERROR, ROLES, 1, check, explain, sys)


@pytest.fixture
def known(monkeypatch):
    def say(*rules):
        monkeypatch.setattr("envdoctor.explanation.rules", lambda: rules)

    return say


def test_confidence_comes_before_the_line_and_the_line_before_the_name(known):
    known(
        rule_of("b", None, "two"),
        rule_of("a", None, "two"),
        rule_of("c", None, "one"),
        rule_of("d", None, "two", "high"),
    )
    found = explain(read_text("error: one\nerror: two\n"))
    assert [finding.rule for finding in found.findings] == ["d", "c", "a", "b"]


def test_a_mere_hint_does_not_stand_against_a_failure_in_other_words(known):
    known(rule_of("hint", None, "cusparse", "low"))
    assert explain(read_text(MISSING)).verdict == "failure"
    assert explain(read_text(f"{MISSING}KeyError: 'x'\n")).verdict == "not-environment"


def test_another_sources_mistake_takes_no_hint_away(known):
    known(rule_of("hint", None, "cusparse", "low"))
    mistake = "b.cpp:2:5: error: expected ';' before 'return'\n"
    found = explain(read_text(f"a.cpp:1:10: {MISSING}{mistake}"))
    assert (found.verdict, [line.line for line in found.signs]) == ("failure", [2])
    assert explain(read_text(f"b.cpp:1:10: {MISSING}{mistake}")).verdict == "not-environment"


def test_a_success_at_the_end_outweighs_what_came_before(known):
    known(rule_of("a", None, "cusparse"))
    assert explain(read_text(f"{MISSING}Successfully installed x-1\n")).verdict == "no-failure"
    assert explain(read_text(f"Successfully installed x-1\n{MISSING}")).verdict == "failure"


def test_another_tools_success_does_not_make_a_failure_good(known):
    known()
    stopped = "/usr/bin/ld: cannot find -lcudart\nmake: *** [Makefile:3: a.out] Error 1\n"
    installed = "+ pip install numpy\nSuccessfully installed numpy-2.0\n"
    assert explain(read_text(stopped + installed)).verdict != "no-failure"
    assert explain(read_text(f"{stopped}{installed}[100%] Built target a.out\n")).verdict == "no-failure"
    assert explain(read_text(f"{stopped}{installed}Successfully tagged a:latest\n")).verdict == "no-failure"
    assert (
        explain(read_text(f"ERROR: Could not build x\n{stopped}[100%] Built target a\n")).verdict
        != "no-failure"
    )


def test_what_apt_refused_is_no_success_of_others(known):
    known()
    refused = "E: Unable to locate package nosuch\n"
    assert explain(read_text(f"{refused}Successfully installed x-1\n")).verdict == "not-environment"
    assert explain(read_text(f"{refused}Setting up nosuch (1.0) ...\n")).verdict == "no-failure"


def test_what_a_success_outweighs_is_shown(known):
    known()
    inside = "  error: x.h: No such file or directory\n  ERROR: Failed building wheel for x\n"
    found = explain(read_text(f"{inside}Successfully installed x-1\n"))
    assert (found.verdict, [line.line for line in found.signs]) == ("no-failure", [1, 2])


def test_what_follows_says_something_and_no_line_shown_is_empty(known):
    known(rule_of("a", None, r"cusparse\.h[^\n]*\n\n[^\n]*"))
    found = explain(
        read_text(f"{MISSING}\nbelow\nTraceback (most recent call last):\nninja: build stopped: x.\n")
    )
    assert [line.line for line in found.follows] == [5]
    assert [piece.source for piece in found.findings[0].evidence] == ["line 1", "line 3"]


def test_a_long_line_is_shown_in_part(known):
    known(rule_of("a", None, "(?:from versions)"))
    versions = ", ".join(f"1.{n}.0" for n in range(60))
    (finding,) = explain(read_text(f"ERROR: x (from versions: {versions})\n")).findings
    assert (
        finding.evidence[0].text
        == "ERROR: x (from versions: 1.0.0, 1.1.0, 1.2.0, ..., 1.57.0, 1.58.0, 1.59.0)"
    )


def test_a_rule_that_fails_is_a_note_and_the_others_speak(known):
    def broken(log):
        raise ZeroDivisionError("oops")

    known(replace(rule_of("x", None, ""), explain=broken), rule_of("a", None, "cusparse"))
    found = explain(read_text(MISSING))
    assert [finding.rule for finding in found.findings] == ["a"]
    assert "please report it: ZeroDivisionError: oops" in found.notes[0].text


def test_what_a_low_standard_hides_of_torchs_headers_is_no_second_cause():
    include = "/v/lib/python3.11/site-packages/torch/include"
    found = explain(
        read_text(
            f"{include}/torch/all.h:5:2: error: #error C++20 or later compatible compiler is required to use PyTorch.\n"
            f"{include}/c10/util/bit_cast.h:29:40: error: 'is_trivially_copyable_v' is not a member of 'std'\n"
            f"{include}/c10/util/llvmMathExtras.h:624:15: error: 'bit_cast' is not a member of 'c10'\n"
        )
    )
    assert [finding.rule for finding in found.findings] == ["cxx-standard-too-low"]


HERE = Finding("so it is here", "", (), Fix("the cure for here"))


def _always(request: Request):
    yield HERE


def _never(request: Request):
    yield from ()


def _with_torch(torch: Torch):
    yield HERE


def _opposite(finding: Finding, request: Request):
    return Here("contradicted", "it is installed")


def test_this_machine_confirms_contradicts_or_cannot_say(known):
    known(
        replace(rule_of("contradicted", _never, "cusparse"), judge=_opposite),
        rule_of("not-foreseen", _never, "cusparse"),
        rule_of("unasked", None, "cusparse"),
        rule_of("unknown", _with_torch, "cusparse"),
        rule_of("confirmed", _always, "cusparse"),
    )
    found = compared(explain(read_text(MISSING)), Facts())
    assert [(f.rule, found.here[f.rule].answer) for f in found.findings] == [
        ("confirmed", "confirmed"),
        ("not-foreseen", "not checkable"),
        ("unasked", "not checkable"),
        ("unknown", "not checkable"),
        ("contradicted", "contradicted"),
    ]
    assert found.findings[0].fix == HERE.fix and found.findings[1].fix == Fix("mend not-foreseen")
    assert "contradicted" not in [
        here.answer for here in compared(explain(read_text(MISSING)), Facts(), True).here.values()
    ]


PYTHON = {"packages": factory.packages(), "python": factory.python()}
TMP = Folder("tmp", "/tmp", True, True, True, False, 9 << 30, 1000, "ext4", "default")


@pytest.mark.parametrize(
    ("log", "facts", "answer"),
    [
        ("ModuleNotFoundError: No module named 'flash_attn'", PYTHON, "confirmed"),
        (
            "ModuleNotFoundError: No module named 'wheel'",
            PYTHON,
            "contradicted",
        ),
        (
            "CMake 3.29 or higher is required.  You are running version 3.25.1",
            {"tools": factory.tools(factory.program("cmake", "3.25.1"))},
            "confirmed",
        ),
        (
            "CMake 3.29 or higher is required.  You are running version 3.25.1",
            {"tools": factory.tools(factory.program("cmake", "3.30.0"))},
            "contradicted",
        ),
        ("/usr/bin/ld: cannot find -lcuda", {"driver": None, "toolkits": None}, "confirmed"),
        (REFUSED, {"toolkit": factory.toolkit("12.4")}, "confirmed"),
        (REFUSED, {"toolkit": factory.toolkit("13.0")}, "contradicted"),
        (REFUSED, {"toolkit": None}, "not checkable"),
        (
            "RuntimeError: CUDA driver version is insufficient for CUDA runtime version",
            {"driver": None},
            "contradicted",
        ),
        ("error: No space left on device", {"folders": Folders((TMP,))}, "contradicted"),
        ("error: No space left on device", {"folders": Folders((replace(TMP, free_bytes=0),))}, "confirmed"),
        ("/bin/sh: 1: ninja: not found", {"tools": factory.tools()}, "confirmed"),
        ("/bin/sh: 1: ninja: not found", {"tools": factory.tools(factory.program("ninja"))}, "contradicted"),
    ],
)
def test_facts_contradict_only_by_showing_the_opposite(log, facts, answer):
    found = compared(explain(read_text(log)), Facts(**facts))
    assert found.here[found.findings[0].rule].answer == answer
