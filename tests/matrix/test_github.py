"""The workflows are what the table makes them, and each step is something that a person can run, too."""

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from envdoctor.cli import _parser, main
from envdoctor.matrix.github import jobs, workflows
from envdoctor.matrix.rendering import scalar
from envdoctor.matrix.table import TableError, read
from tests.matrix.test_table import OURS, SMALL

ROOT = OURS.parents[1]
TABLE = read(OURS.read_text())
WORKFLOWS = workflows(TABLE, "ci/matrix.toml")


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)


def test_what_is_checked_in_is_what_the_table_makes():
    assert main(["matrix", "github", "--check"]) == 0


def test_what_is_not_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["matrix", "github", "-o", str(tmp_path)]) == 0
    (tmp_path / "ci.yml").write_text("name: mine\n")
    assert main(["matrix", "github", "-o", str(tmp_path), "--check"]) == 1
    assert "ci.yml is not what ci/matrix.toml makes it" in capsys.readouterr().err


def test_every_line_has_a_job_on_each_of_its_platforms():
    found = re.findall(r'- cuda: "(.*)"\n *platform: (.*)\n *runner: (.*)', WORKFLOWS["ci.yml"])
    assert found == [tuple(job.values()) for job in jobs(TABLE)]
    assert len(found) == 6


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_step_is_one_line_that_a_person_can_run(name: str):
    commands = re.findall(r"^\s*- run: *(.*)$", WORKFLOWS[name], re.MULTILINE)
    assert commands
    for command in commands:
        program, *words = shlex.split(command.replace("$CUDA", "13.0"))
        if program == "bash":
            assert Path(words[0]).is_file(), command
        elif words[:2] == ["-m", "envdoctor"]:
            _parser().parse_args(words[2:])
        else:
            assert command in TABLE.github.setup


@pytest.mark.parametrize("name", WORKFLOWS)
def test_actions_are_pinned_and_versions_quoted(name: str):
    used = re.findall(r"uses: (.*)", WORKFLOWS[name])
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each) for each in used)
    assert not re.search(r"^\s*(?:- )?[\w-]+: *\d+\.\d+ *$", WORKFLOWS[name], re.MULTILINE)


def test_a_table_without_a_release_makes_no_workflow_of_one():
    assert list(workflows(read(SMALL), "matrix.toml")) == ["ci.yml"]


def test_a_release_that_no_line_can_build():
    table = read(SMALL)
    wheel = replace(table.wheel, archs=("8.0", "10.7"))
    wanted = replace(table, wheel=wheel, github=replace(table.github, release="make"))
    with pytest.raises(TableError, match="knows all architectures"):
        workflows(wanted, "matrix.toml")


def test_commands_are_values_of_yaml():
    assert scalar("python -m pip install 'a[b]'") == "\"python -m pip install 'a[b]'\""
    assert (
        scalar('envdoctor matrix run --cuda "$CUDA" -o dist') == 'envdoctor matrix run --cuda "$CUDA" -o dist'
    )
    assert scalar("echo a: b # c") == '"echo a: b # c"'
