"""The command line from outside: exit status, one-line complaints, streams."""

import itertools
import json
import os
import subprocess
import sys
import time

import pytest

from envdoctor.cli.check import FORMATS

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EMPTY = '{"schema": "envdoctor.facts/1"}'
ENV = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "PYTHONPATH": os.pathsep.join([ROOT, *sys.path])}


def envdoctor(*arguments, env=None, cwd=None, stdin="", stdout=subprocess.PIPE):
    return subprocess.run(
        [sys.executable, "-m", "envdoctor", *arguments],
        env={**ENV, **(env or {})},
        cwd=cwd or ROOT,
        input=stdin.encode(),
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=60,
    )


def assert_one_line(result, *words):
    assert result.returncode == 2, result.stderr
    text = result.stderr.decode()
    assert text.count("\n") == 1, text
    assert not result.stdout
    for word in words:
        assert word in text


@pytest.fixture
def facts(tmp_path):
    """A facts file in which rules find something."""
    from envdoctor.facts.codec import facts_to_json
    from tests import factory
    from tests.report.examples import healthy

    document = facts_to_json(healthy())
    document["environment"] = {"variables": [{"name": "CUDA_HOME", "value": "/nowhere"}]}
    document["toolkits"]["items"] = [
        dict(item, origins=["/usr/local/cuda"]) for item in document["toolkits"]["items"]
    ]
    assert factory.toolkit().origins == ("/usr/local/cuda",)
    path = tmp_path / "facts.json"
    path.write_text(json.dumps(document))
    return str(path)


def test_findings_at_the_threshold_exit_with_1(facts):
    arguments = ("check", "--facts", facts, "--rule", "cuda-home-wrong")
    assert envdoctor(*arguments).returncode == 1
    assert envdoctor("check", "--facts", facts, "--rule", "cuda_home_wrong").returncode == 1
    assert envdoctor(*arguments, "--fail-on", "never").returncode == 0
    assert envdoctor(*arguments, "--role", "runtime").returncode == 0


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_goes_to_stdout_and_to_a_file(facts, tmp_path, form):
    arguments = ("check", "--facts", facts, "--rule", "cuda-home-wrong", "--format", form)
    shown = envdoctor(*arguments)
    assert (shown.returncode, shown.stderr) == (1, b"")
    written = envdoctor(*arguments, "-o", "report", cwd=tmp_path)
    assert (written.returncode, written.stdout, written.stderr) == (1, b"", b"")
    assert (tmp_path / "report").read_bytes() == shown.stdout
    assert b"/nowhere" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ["VERB", "envdoctor --help"]),
        (("check", "--also", "yaml=a"), ["'yaml=a'", "sarif=envdoctor.sarif"]),
        (("check", "--also", "json"), ["'json'", "FORMAT=FILE"]),
        (("check", "--also", "json=-"), ["'json=-'", "FORMAT=FILE"]),
        (("chekc",), ["chekc", "envdoctor --help"]),
        (("check", "--role", "desktop"), ["desktop", "build"]),
        (("check", "--arch", "turing"), ["turing", "8.0"]),
        (("check", "--cuda", "newest"), ["newest", "12.4"]),
        (("check", "/no/such/project"), ["/no/such/project", "does not exist"]),
        (("check", "--python", "/no/such/python"), ["/no/such/python", "--python"]),
        (("check", "--python", ""), ["--python", "empty"]),
        (("check", "x" * 5000), ["File name too long"]),
        (("check", ""), ["'': does not exist"]),
        (("check", "--rule", "no-such-rule"), ["no-such-rule", "envdoctor rules"]),
        (("check", "--rule", "cuda_hom_wrong"), ["nearest: cuda-home-wrong"]),
        (("explain", ""), ["an empty phrase"]),
        (("check", "--facts", "/no/such/file"), ["/no/such/file", "No such file"]),
        (("check", "--facts", "/"), ["Is a directory"]),
        (("rules", "-o", "/no/such/folder/report"), ["/no/such/folder/report", "cannot be written"]),
        (("explain", "cuda-hom-wrong"), ["nearest: cuda-home-wrong"]),
        (("explain", "zzzzzz"), ["envdoctor rules"]),
    ],
)
def test_mistakes_of_the_user_are_one_line_and_exit_with_2(arguments, words):
    assert_one_line(envdoctor(*arguments), *words)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        "null",
        "[]",
        '{"schema": "other/1"}',
        '{"schema": "envdoctor.facts/1", "strange": 1}',
        '{"schema": "envdoctor.facts/1", "request": {"role": "desktop"}}',
        '{"schema": "envdoctor.facts/1", "python": 3}',
        '{"schema": "envdoctor.facts/1", "python": {}}',
        '{"schema": "envdoctor.facts/1", "notes": {"a": 1}}',
        "\x00\x01",
    ],
)
def test_broken_facts_are_one_line(tmp_path, text):
    (tmp_path / "f.json").write_text(text)
    assert_one_line(envdoctor("check", "--facts", "f.json", cwd=tmp_path), "f.json")


def test_facts_that_are_not_text(tmp_path):
    (tmp_path / "f.json").write_bytes(b"\xff\xfe\x80" * 100)
    assert_one_line(envdoctor("check", "--facts", "f.json", cwd=tmp_path), "f.json")


def test_facts_come_from_standard_input_too():
    assert envdoctor("check", "--facts", "-", "--rule", "cuda-home-wrong", stdin=EMPTY).returncode == 0


def test_saved_facts_are_judged_under_the_stated_targets_only(facts):
    assert_one_line(envdoctor("check", ".", "--facts", facts), "PROJECT")
    assert_one_line(envdoctor("check", "--deep", "--facts", facts), "--deep")
    report = json.loads(envdoctor("check", "--facts", facts, "--arch", "9.0", "--format", "json").stdout)
    assert report["facts"]["request"]["architectures"] == ["9.0"]


def test_an_ascii_stream_gets_escapes_and_json_stays_json(facts):
    with open(facts, encoding="utf-8") as stream:
        document = json.load(stream)
    document["environment"]["variables"][0]["value"] = "/home/ünïcødé/中文\udcff/\U0001f600"
    with open(facts, "w", encoding="utf-8") as stream:
        json.dump(document, stream)
    for encoding, form in itertools.product(("ascii", "utf-8"), FORMATS):
        env = {"LC_ALL": "C", "PYTHONIOENCODING": encoding}
        result = envdoctor("check", "--facts", facts, "--rule", "cuda-home-wrong", "--format", form, env=env)
        assert (result.returncode, result.stderr) == (1, b""), form
        text = result.stdout.decode(encoding)
        assert form not in ("json", "sarif") or json.loads(text)


def test_a_closed_pipe_and_a_full_disk_are_no_crash(facts):
    reader, writer = os.pipe()
    os.close(reader)
    result = envdoctor("rules", stdout=writer)
    os.close(writer)
    assert (result.returncode, result.stderr) == (0, b"")
    for verb in ("rules", "--version"):
        with open("/dev/full", "wb") as full:
            result = envdoctor(verb, stdout=full)
        assert_one_line(result, "standard output cannot be written", "No space left")


def test_a_reader_who_has_enough_does_not_change_the_outcome(facts):
    reader, writer = os.pipe()
    os.close(reader)
    for arguments, status in (
        (("check", "--facts", facts, "--rule", "cuda-home-wrong"), 1),
        (("--version",), 0),
    ):
        result = envdoctor(*arguments, stdout=writer)
        assert (result.returncode, result.stderr) == (status, b"")
    os.close(writer)


def test_a_closed_standard_error_moves_no_complaint_to_standard_output():
    script = 'exec "$1" -m envdoctor explain no-such-rule 2>&-'
    result = subprocess.run(
        ["sh", "-c", script, "sh", sys.executable], env=ENV, cwd=ROOT, capture_output=True
    )
    assert (result.returncode, result.stdout) == (2, b"")


def test_sigterm_ends_the_programs_that_were_started_too(tmp_path):
    started = tmp_path / "started"
    git = tmp_path / "git"
    git.write_text(f"#!/bin/sh\necho $$ > {started}.part\nmv {started}.part {started}\nexec sleep 60\n")
    git.chmod(0o755)
    env = {**ENV, "PATH": f"{tmp_path}:{ENV['PATH']}"}
    doctor = subprocess.Popen(
        [sys.executable, "-m", "envdoctor", "check", str(tmp_path)], env=env, stdout=subprocess.PIPE
    )
    wait_for(started.exists)
    doctor.terminate()
    assert doctor.communicate(timeout=30) == (b"", None)
    assert doctor.returncode == 143
    pid = int(started.read_text())
    wait_for(lambda: not os.path.exists(f"/proc/{pid}/cwd"))


def wait_for(happened):
    for _ in range(500):
        if happened():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen within 10 seconds")


def test_no_colour_off_a_terminal_unless_forced(facts):
    arguments = ("check", "--facts", facts, "--rule", "cuda-home-wrong")
    assert b"\x1b" not in envdoctor(*arguments).stdout
    assert b"\x1b[1;31m" in envdoctor(*arguments, env={"CLICOLOR_FORCE": "1"}).stdout
    assert b"\x1b" not in envdoctor(*arguments, env={"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}).stdout


def test_a_job_summary_is_appended(facts, tmp_path):
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    arguments = ("check", "--facts", facts, "--rule", "cuda-home-wrong", "--format", "github")
    result = envdoctor(*arguments, env={"GITHUB_STEP_SUMMARY": str(summary)})
    assert result.stdout.startswith(b"::error ")
    assert summary.read_text().startswith("before\n# envdoctor: 1 error")
    broken = envdoctor(*arguments, env={"GITHUB_STEP_SUMMARY": "/no/such/file"})
    assert broken.returncode == 1
    assert broken.stderr.decode().count("\n") == 1


def test_outputs_of_the_step_are_appended(facts, tmp_path):
    outputs = tmp_path / "outputs"
    outputs.write_text("before=1\n")
    arguments = ("check", "--facts", facts, "--rule", "cuda-home-wrong")
    env = {"GITHUB_OUTPUT": str(outputs)}
    envdoctor(*arguments, env=env)
    assert outputs.read_text() == "before=1\n"
    envdoctor(*arguments, "--format", "github", env=env)
    assert outputs.read_text() == "before=1\nstatus=findings\nerrors=1\nwarnings=0\n"
    broken = envdoctor(*arguments, "--format", "github", env={"GITHUB_OUTPUT": "/no/such/file"})
    assert broken.returncode == 1
    assert broken.stderr.decode() == "envdoctor: no step outputs: /no/such/file: No such file or directory\n"


def test_one_examination_gives_several_reports(facts, tmp_path):
    arguments = ("check", "--facts", facts, "--rule", "cuda-home-wrong")
    also = ("--also", "sarif=a.sarif", "--also", "json=a.json")
    shown = envdoctor(*arguments, *also, cwd=tmp_path)
    assert (shown.returncode, shown.stderr) == (1, b"")
    assert shown.stdout == envdoctor(*arguments).stdout
    for form in ("sarif", "json"):
        assert (tmp_path / f"a.{form}").read_bytes() == envdoctor(*arguments, "--format", form).stdout
    nowhere = envdoctor(*arguments, "--also", "json=/no/such/file")
    assert_one_line(nowhere, "/no/such/file: cannot be written")


def test_rules_and_pages_in_every_format():
    listed = json.loads(envdoctor("rules", "--format", "json").stdout)["rules"]
    names = [rule["rule"] for rule in listed]
    assert "cuda-home-wrong" in names
    assert f"{len(names)} rule" in envdoctor("rules").stdout.decode()
    assert "| `cuda-home-wrong` | error |" in envdoctor("rules", "--format", "markdown").stdout.decode()
    page = envdoctor("explain", "cuda_home_wrong").stdout.decode()
    assert page.startswith("cuda-home-wrong  (toolkit, error;")
    assert "WHAT TO DO" in page
    assert max(map(len, page.splitlines())) <= 80


def test_a_working_folder_that_is_gone_is_one_line(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    saved = tmp_path / "facts.json"
    saved.write_text(EMPTY)
    fine = f'"$2" -m envdoctor rules > /dev/null && "$2" -m envdoctor check --facts {saved} > /dev/null'
    script = f'cd "$1" && rmdir "$1" && {fine} && exec "$2" -m envdoctor check'
    result = subprocess.run(
        ["sh", "-c", script, "sh", str(gone), sys.executable], env=ENV, capture_output=True, timeout=60
    )
    assert_one_line(result, "current folder is gone")


def test_find_and_archs_answer_on_this_machine(tmp_path):
    found = envdoctor("find", "sh", "--format", "json", cwd=tmp_path)
    (answer,) = json.loads(found.stdout)["answers"]
    assert (found.returncode, answer["what"]) == (0, "program")
    assert answer["taken"][0]["path"].endswith("/sh")
    pattern = envdoctor("find", "cublas*", cwd=tmp_path)
    assert pattern.returncode == 2 and b"patterns are not taken" in pattern.stderr
    missing = envdoctor("find", "no/such/header.h", cwd=tmp_path)
    assert (missing.returncode, missing.stderr) == (1, b"")
    assert b"Looked in:" in missing.stdout
    arguments = ("archs", "--arch", "9.0", "--facts", "-", "--format", "json")
    archs = json.loads(envdoctor(*arguments, stdin=EMPTY).stdout)
    assert (archs["cmake"], archs["torch"]) == ("90", "9.0+PTX")


def test_help_imports_nothing_heavy():
    script = (
        # An editable install's start-up hook may have loaded some of them before.
        "import sys; before = set(sys.modules); from envdoctor.cli import main\n"
        "try: main(['check', '--help'])\n"
        "except SystemExit: pass\n"
        "print(*sorted(set(sys.modules) - before), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", script], env=ENV, capture_output=True, check=True)
    loaded = set(result.stderr.decode().split())
    heavy = {
        "subprocess",
        "concurrent.futures",
        "importlib.metadata",
        "difflib",
        "packaging",
        "inspect",
        "dataclasses",
    }
    assert not loaded & (
        heavy | {"envdoctor.facts", "envdoctor.host", "envdoctor.catalogue", "envdoctor.report"}
    )


def test_backports_on_pythonpath_do_not_stand_in_for_the_standard_library(tmp_path):
    (tmp_path / "dataclasses.py").write_text("import typing\ntyping._ClassVar\n")
    result = envdoctor("rules", env={"PYTHONPATH": os.pathsep.join([str(tmp_path), ENV["PYTHONPATH"]])})
    assert result.returncode == 0, result.stderr
