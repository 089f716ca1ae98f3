"""The action and the pre-commit hook that other projects use, and what the README says of them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.report.test_sarif import VALIDATOR

ROOT = Path(__file__).parents[1]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
SCRIPT = (ROOT / "ci" / "action.sh").read_text()
(HOOK,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
README = (ROOT / "README.md").read_text()
SHOWN = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)]

# What git leaves of a file where git-lfs is missing.
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'6f' * 32}\nsize 18412\n"


def test_every_input_is_handed_on_and_read():
    check, upload = ACTION["runs"]["steps"]
    handed = re.findall(r"inputs\.([a-z-]+)", json.dumps(check["env"]))
    assert {*handed, "category"} == set(ACTION["inputs"])
    assert "inputs.category" in upload["with"]["category"]
    read = {f"INPUT_{name}" for name in re.search(r"for name in ([A-Z ]+);", SCRIPT).group(1).split()}
    assert read | set(re.findall(r"\bINPUT_[A-Z_]+(?=[:}])", SCRIPT)) == set(check["env"])
    assert "inputs." not in check["run"]


def test_steps_call_what_exists():
    check, upload = ACTION["runs"]["steps"]
    script = re.fullmatch(r'"\$GITHUB_ACTION_PATH/(\S+)"', check["run"]).group(1)
    assert os.access(ROOT / script, os.X_OK)
    assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", upload["uses"])
    assert f"{upload['uses']} # v" in (ROOT / "action.yml").read_text()


@pytest.fixture
def act(tmp_path):
    """The action's step in a workspace, as a runner starts it: every input is there."""
    project = tmp_path / "work" / "sick"
    project.mkdir(parents=True)
    (project / "setup.py").write_text("from setuptools import setup\nsetup()\n")
    (project / "table.h").write_text(POINTER)

    def run(**inputs):
        defaults = {
            f"INPUT_{name.upper().replace('-', '_')}": one["default"]
            for name, one in ACTION["inputs"].items()
        }
        github = {
            "GITHUB_WORKSPACE": str(tmp_path / "work"),
            "GITHUB_OUTPUT": str(tmp_path / "outputs"),
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
            "RUNNER_TEMP": str(tmp_path),
        }
        path = {
            "PATH": os.pathsep.join([os.path.dirname(sys.executable), "/usr/bin", "/bin"]),
            "HOME": str(tmp_path),
        }
        stated = {f"INPUT_{name.upper()}": value for name, value in inputs.items()}
        (tmp_path / "outputs").write_text("")
        done = subprocess.run(
            [ROOT / "ci" / "action.sh"],
            env={**path, **github, **defaults, **stated},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done, dict(line.split("=", 1) for line in (tmp_path / "outputs").read_text().splitlines())

    return run


def test_findings_are_annotations_summary_sarif_and_outputs(act, tmp_path):
    done, outputs = act(project="sick", sarif="true")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("::error file=sick/table.h,line=1,title=envdoctor%3A lfs-pointer::")
    assert (tmp_path / "summary").read_text().startswith("# envdoctor: ")
    assert set(outputs) == set(ACTION["outputs"])
    assert outputs["status"] == "findings" and outputs["errors"] == str(done.stdout.count("::error "))
    sarif = json.loads(Path(outputs["sarif"]).read_text())
    VALIDATOR.validate(sarif)
    assert len(sarif["runs"][0]["results"]) == len(done.stdout.splitlines()) - 1


def test_without_findings_that_count_the_step_passes(act, tmp_path):
    done, outputs = act(project="sick", fail_on="never")
    assert done.returncode == 0 and outputs["status"] == "findings" and "sarif" not in outputs
    assert not list(tmp_path.glob("*.sarif"))


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"project": "-gone%0A"}, "./-gone%250A: does not exist"),
        ({"arch": "x"}, "'x' is not an architecture"),
        ({"sarif": "a\nstatus=clean"}, "more than one line"),
    ],
)
def test_what_cannot_be_done_is_an_annotation_and_fails(act, inputs, says):
    done, outputs = act(**inputs)
    assert (done.returncode, outputs) == (2, {"status": "failed"})
    assert done.stdout.startswith("::error title=envdoctor::") and done.stdout.count("\n") == 1
    assert says in done.stdout


def test_where_no_python_can_run_it_that_is_said(act, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "dirname"):
        (tools / name).symlink_to(f"/usr/bin/{name}")
    old = tools / "python3"
    old.write_text("#!/bin/bash\nexit 1\n")
    old.chmod(0o755)
    env = {"PATH": str(tools), "RUNNER_TOOL_CACHE": str(tmp_path)}
    done = subprocess.run([ROOT / "ci" / "doctor.sh", "check"], env=env, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "") and "no Python 3.8 or newer" in done.stderr
    (tmp_path / "Python" / "3.13.0" / "x64" / "bin").mkdir(parents=True)
    (tmp_path / "Python" / "3.13.0" / "x64" / "bin" / "python3").symlink_to(sys.executable)
    done = subprocess.run([ROOT / "ci" / "doctor.sh", "rules"], env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_hook_runs_what_exists_for_files_that_build():
    script, verb, *_ = HOOK["entry"].split()
    assert os.access(ROOT / script, os.X_OK) and verb == "check"
    for path in (
        "setup.py",
        "libs/a/pyproject.toml",
        ".gitmodules",
        "csrc/a.cu",
        "CMakeLists.txt",
        "requirements-dev.txt",
    ):
        assert re.search(HOOK["files"], path), path
    for path in ("README.md", "a/b.py", "docs/setup.py.md", "x.cu.bak"):
        assert not re.search(HOOK["files"], path), path


def test_the_readme_uses_inputs_and_hooks_that_exist():
    workflow, hooks = SHOWN
    *_, uses = workflow["jobs"]["doctor"]["steps"]
    assert set(uses["with"]) <= set(ACTION["inputs"])
    assert workflow["jobs"]["doctor"]["permissions"]["security-events"] == "write"
    assert [hook["id"] for hook in hooks["repos"][0]["hooks"]] == [HOOK["id"]]
    for name in ACTION["inputs"]:
        assert f"`{name}`" in README
