"""The workflows: each step is something that a person can run, too."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_every_step_is_one_line_that_runs_a_script_of_ours(workflow):
    steps = re.findall(r"^\s*(?:- )?run: *(.*)$", workflow.read_text(), re.MULTILINE)
    assert steps
    for step in steps:
        program, script = step.split()
        assert program == "bash"
        assert (ROOT / script).is_file(), step


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_versions_are_quoted(workflow):
    """Unquoted, 12.10 is the number 12.1."""
    assert re.findall(r"^\s*(?:- )?\w+: *(\d+\.\d+) *$", workflow.read_text(), re.MULTILINE) == []


def test_the_scripts_can_be_run():
    for script in [ROOT / ".ci" / "run", *(ROOT / "ci").glob("*.sh")]:
        assert script.stat().st_mode & 0o111, script
        assert script.read_text().startswith("#!/bin/bash\n")


def test_every_image_is_in_the_table_and_for_every_builder():
    readme = (ROOT / "docker" / "README.md").read_text()
    for folder in (ROOT / "docker").iterdir():
        if folder.is_dir():
            text = (folder / "Dockerfile").read_text()
            assert f"| `{folder.name}` |" in readme
            assert not re.search(r"<<|--link|--network", text)
            assert re.search(r"^ARG BASE=", text, re.MULTILINE)
