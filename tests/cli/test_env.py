"""`envdoctor env`: a sick project, cured in a shell of one's own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from envdoctor.cli import main
from envdoctor.cli.env import SHELLS
from envdoctor.overlay.activation.forms import FORMS, Form, form_of
from envdoctor.overlay.activation.names import CannotExpressError
from tests.cli.test_main import ROOT, assert_one_line, envdoctor


@pytest.fixture
def sick(tmp_path):
    """A project, and an environment in which one known trouble waits: a TMPDIR that is no folder."""
    (tmp_path / "setup.py").write_text("from setuptools import setup\nsetup(name='x')\n")
    return tmp_path, {"TMPDIR": f"{tmp_path}/gone", "PYTHONDONTWRITEBYTECODE": "1"}


def ask(sick, *arguments, **more):
    folder, environment = sick
    choice = ("--only", "path-not-usable", "--project", str(folder))
    return envdoctor("env", *choice, *arguments, env={**environment, **more}, cwd=str(folder))


def test_every_form_is_offered():
    assert set(SHELLS) == set(FORMS)


@pytest.mark.parametrize("form", SHELLS)
def test_code_on_standard_output_the_rest_on_standard_error(sick, form):
    result = ask(sick, "--shell", form)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(b"# envdoctor: an overlay for ")
    assert b"path-not-usable" in result.stderr
    assert b"path-not-usable" not in result.stdout


def test_evaluated_in_bash_and_left(sick):
    folder, environment = sick
    line = 'eval "$($DOCTOR env -q --only path-not-usable)"; '
    inside, after = 'echo "${TMPDIR-unset} $ENVDOCTOR_OVERLAY"; ', 'echo "$TMPDIR"; compgen -v _ENVDOCTOR'
    script = f"{line}{inside}{line}deactivate; {after}"
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": os.pathsep.join([ROOT, *sys.path]),
        "DOCTOR": f"{sys.executable} -m envdoctor",
        **environment,
    }
    done = subprocess.run(
        ["bash", "-c", script], env=environment, cwd=folder, capture_output=True, timeout=60
    )
    assert done.stderr == b""
    overlay, after = re.fullmatch(r"unset (.+)\n(.+)\n", done.stdout.decode()).groups()
    assert after == f"{folder}/gone" and Path(overlay).parent == folder / ".envdoctor"


def test_nothing_to_cure_is_a_comment(tmp_path):
    result = envdoctor("env", "--shell", "bash", "--only", "path-not-usable", "--project", str(tmp_path))
    assert result.returncode == 0
    assert result.stdout == b"# envdoctor: nothing to cure from outside, nothing to activate\n"


def test_nothing_to_cure_leaves_what_is_active(tmp_path):
    active = {"_ENVDOCTOR_NAMES": "ENVDOCTOR_OVERLAY", "ENVDOCTOR_OVERLAY": "/elsewhere"}
    arguments = ("env", "--shell", "bash", "--only", "path-not-usable", "--project", str(tmp_path))
    assert b"envdoctor_deactivate\n" in envdoctor(*arguments, env=active).stdout


def test_the_shell_is_that_of_the_login(sick):
    assert b"for fish" in ask(sick, SHELL="/usr/bin/fish").stdout
    assert b"for bash" in ask(sick).stdout
    assert form_of("/bin/tcsh") == "csh"
    assert form_of("/bin/nologin") == "bash"


def test_leaving_alone(sick):
    result = ask(sick, "--leave", "--shell", "zsh")
    assert (result.returncode, result.stderr) == (0, b"")
    assert result.stdout.endswith(b"envdoctor_deactivate\n")


def test_to_a_file(sick, tmp_path):
    result = ask(sick, "--shell", "cmake", "-o", f"{tmp_path}/cache.cmake")
    assert result.stdout == b""
    assert f"cmake -C {tmp_path}/cache.cmake" in result.stderr.decode()
    assert len(list(tmp_path.glob(".envdoctor/env*/CMakeUserPresets.json"))) == 1
    assert (tmp_path / "cache.cmake").read_text().startswith("# envdoctor: an overlay for CMake")


def test_what_a_form_cannot_say_is_one_line_and_no_code(tmp_path, monkeypatch, capfd):
    def refuse(overlay):
        raise CannotExpressError("an ENV instruction holds no line break")

    (tmp_path / "CMakeLists.txt").write_text("project(x)\n")
    monkeypatch.setitem(FORMS, "docker", Form(refuse, str))
    monkeypatch.setenv("TMPDIR", "/gone")
    assert main(["env", "--only", "path-not-usable", "--project", str(tmp_path), "--shell", "docker"]) == 2
    out, err = capfd.readouterr()
    assert out == "" and len(err.splitlines()) == 1
    assert "docker: an ENV instruction holds no line break" in err and "envdoctor run" in err


@pytest.mark.parametrize(
    "arguments", [("--shell", "cmd"), ("--only", "no-such-rule"), ("--project", "/nowhere")]
)
def test_usage(arguments):
    assert_one_line(envdoctor("env", *arguments))
