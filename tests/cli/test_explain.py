"""`envdoctor explain`, as a person calls it."""

import json
import subprocess
import sys

import pytest

from tests.cli.test_main import assert_one_line, envdoctor

REFUSED = "nvcc fatal   : Unsupported gpu architecture 'compute_120'\n"
WRAPPED = f"[1/2] nvcc -c a.cu\n{REFUSED}ninja: build stopped: subcommand failed.\n"


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "build.log"
    path.write_text(WRAPPED)
    return path


def test_the_cause_comes_first_with_what_follows_from_it(log):
    done = envdoctor("explain", str(log))
    assert (done.returncode, done.stderr) == (1, b"")
    text = done.stdout.decode()
    assert text.startswith("cause  arch-unsupported-by-nvcc\n  The build asks for architecture 12.0")
    assert "seen     line 2: nvcc fatal" in text and "line 3: ninja: build stopped" in text
    assert "CUDA 12.8 or newer" in text


def test_standard_input_and_a_phrase_say_the_same(log):
    piped = envdoctor("explain", "-", "--format", "json", stdin=WRAPPED)
    said = envdoctor("explain", REFUSED, "--format", "json")
    documents = [json.loads(done.stdout) for done in (piped, said)]
    assert [d["findings"][0]["rule"] for d in documents] == ["arch-unsupported-by-nvcc"] * 2
    assert documents[0]["findings"][0]["evidence"] == [{"line": 2, "text": REFUSED.strip()}]
    assert [line["line"] for line in documents[0]["findings"][0]["follows"]] == [3]


@pytest.mark.parametrize(
    ("text", "verdict", "status"),
    [
        ("Successfully installed x-1.0\n", "no-failure", 0),
        ("ok\n", "no-failure", 0),
        ("Traceback (most recent call last):\nKeyError: 'weights'\n", "not-environment", 1),
        ("ninja: build stopped: subcommand failed.\n", "not-enough", 1),
    ],
)
def test_outcomes_without_a_cause(log, text, verdict, status):
    log.write_text(text)
    done = envdoctor("explain", str(log), "--format", "json")
    document = json.loads(done.stdout)
    assert (document["verdict"], document["findings"], done.returncode) == (verdict, [], status)
    assert bool(document["more"]) == (verdict == "not-enough")


def test_this_machine_confirms_or_not(log, tmp_path):
    here = envdoctor("explain", str(log), "--here", "--format", "json", cwd=str(tmp_path))
    (finding,) = json.loads(here.stdout)["findings"]
    assert finding["here"]["answer"] in ("not checkable", "contradicted")
    assert b"not checkable" not in envdoctor("explain", str(log), "--here", cwd=str(tmp_path)).stdout


def test_several_logs_are_explained_one_by_one(log, tmp_path):
    fine = tmp_path / "fine.log"
    fine.write_text("ok\n")
    documents = json.loads(envdoctor("explain", str(fine), str(log), "--format", "json").stdout)
    assert [document["verdict"] for document in documents] == ["no-failure", "failure"]
    text = envdoctor("explain", str(fine), str(log)).stdout.decode()
    assert f"{fine}: nothing failed." in text and f"{log}:\ncause" in text


def test_a_log_that_cannot_be_read_takes_no_others_answer_away(log, tmp_path):
    done = envdoctor("explain", str(log), "/no/such.log", "--format", "json")
    assert done.returncode == 2 and b"/no/such.log: cannot be read" in done.stderr
    assert [document["log"] for document in json.loads(done.stdout)] == [str(log)]


def test_cmakes_own_log_is_read_where_its_output_is_not_enough(log, tmp_path):
    folder = tmp_path / "b/CMakeFiles"
    folder.mkdir(parents=True)
    (folder / "CMakeError.log").write_text(f"Compiling failed:\n{REFUSED}")
    configuring = "-- Configuring incomplete, errors occurred!\n"
    log.write_text(f'{configuring}See also "{folder}/CMakeError.log".\n')
    assert envdoctor("explain", str(log)).stdout.startswith(f"{log}: something failed".encode())
    done = envdoctor("explain", str(log), "--here")
    assert f"{folder}/CMakeError.log:\ncause  arch-unsupported-by-nvcc" in done.stdout.decode()
    (tmp_path / "b/out.log").write_text(configuring)
    assert b"CMakeError.log:\ncause" in envdoctor("explain", str(tmp_path / "b/out.log")).stdout


def test_a_log_of_cmakes_that_says_nothing_takes_no_answer_away(log, tmp_path):
    (tmp_path / "CMakeFiles").mkdir()
    (tmp_path / "CMakeFiles/CMakeError.log").write_text("\n")
    log.write_text("-- Configuring incomplete, errors occurred!\n")
    done = envdoctor("explain", str(log))
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("other", ["buildlog2", "cmake-too-old", "the compiler is too new"])
def test_beside_a_file_every_argument_is_one(log, other):
    done = envdoctor("explain", str(log), other)
    assert done.returncode == 2 and f"{other}: cannot be read: No such file".encode() in done.stderr
    assert b"cause  arch-unsupported-by-nvcc" in done.stdout


def test_a_question_is_answered_in_markdown():
    done = envdoctor("explain", "the compiler is too new", "--format", "markdown")
    assert b"\n- `host-compiler-too-new`: " in done.stdout


@pytest.mark.parametrize(
    ("word", "name"), [("torch", b"arch-unknown-to-torch"), ("ninja", b"build-tool-missing")]
)
def test_a_single_word_is_a_question_where_no_rule_is_named_so(word, name):
    done = envdoctor("explain", word)
    assert done.returncode == 0 and name in done.stdout


def test_a_phrase_of_a_failure_that_has_advice_gets_it():
    done = envdoctor("explain", "CUDA out of memory")
    assert done.returncode == 1 and b"smaller batch" in done.stdout


@pytest.mark.parametrize("question", ["the compiler is too new", "编译器太新"])
def test_a_question_is_answered_with_rules(question):
    done = envdoctor("explain", question)
    assert done.returncode == 0 and b"host-compiler-too-new" in done.stdout


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("/no/such.log", "No such file"),
        ("missing.log", "No such file"),
        ("/", "Is a directory"),
        ("zzz qqq", "no rule speaks of it"),
        ("", "an empty phrase"),
        ("zzzqqq", "no such rule"),
        ("host-compiler-to-new", "nearest: host-compiler-too-new"),
        ("/dev/null", "a device"),
    ],
)
def test_mistakes_are_one_line(what, says):
    assert_one_line(envdoctor("explain", what), says)


def test_a_long_log_without_a_failure_is_not_empty(log):
    log.write_text("gcc -c x.c\n" * 20000)
    done = envdoctor("explain", str(log))
    assert (done.returncode, done.stdout) == (0, f"{log}: nothing failed.\n".encode())


def test_a_reader_that_ends_early_is_no_crash(log):
    command = f"{sys.executable} -m envdoctor explain {log} | true"
    assert subprocess.run(["sh", "-c", command], capture_output=True).stderr == b""


def test_an_empty_log_and_options_that_nothing_heeds_are_mistakes(log):
    assert_one_line(envdoctor("explain", str(log), "--role", "ci"), "add --here")
    assert_one_line(envdoctor("explain", "cmake-too-old", "--here"), "leave those options out")
    assert_one_line(envdoctor("explain", "cmake-too-old", "--role", "ci"), "leave those options out")
    log.write_text("\n")
    assert_one_line(envdoctor("explain", str(log)), "build.log: empty")
    assert_one_line(envdoctor("explain", "-", stdin=""), "standard input: empty")
