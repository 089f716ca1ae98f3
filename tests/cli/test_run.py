"""`envdoctor run`, as a person calls it."""

import os
import subprocess
import sys

import pytest

from tests.cli.projects import refused_by_cmake_4


@pytest.fixture
def project(tmp_path):
    return refused_by_cmake_4(tmp_path, "my project")


def run(project, *arguments, cwd=None):
    environment = {
        **os.environ,
        "PATH": f"{project.parent}/bin:{os.environ['PATH']}",
        "HOME": str(project.parent),
    }
    for name in ("ENVDOCTOR_OVERLAY", "CMAKE_POLICY_VERSION_MINIMUM"):
        environment.pop(name, None)
    command = [sys.executable, "-m", "envdoctor", "run", *arguments]
    return subprocess.run(
        command, cwd=cwd or project, env=environment, capture_output=True, text=True, timeout=60
    )


SHOW = ("sh", "-c", 'echo "out $CMAKE_POLICY_VERSION_MINIMUM $1"; echo err >&2; exit $2', "sh")


def test_the_command_runs_cured_and_its_output_is_untouched(project):
    done = run(project, "--", *SHOW, "a  b", "0")
    assert done.stdout == "out 3.5 a  b\n" and done.returncode == 0
    assert "cmake-too-new: Let CMake apply the policies of 3.5" in done.stderr
    assert done.stderr.endswith("err\n")


def test_two_at_once_have_overlays_of_their_own(project):
    show = "echo $ENVDOCTOR_OVERLAY"
    fresh = (
        f"env -u ENVDOCTOR_OVERLAY -u CMAKE_POLICY_VERSION_MINIMUM {sys.executable} -m envdoctor run -q --"
    )
    done = run(project, "-q", "--", "sh", "-c", f"{fresh} sh -c '{show}'; {show}")
    assert [os.path.basename(line) for line in done.stdout.splitlines()] == ["run-2", "run"], done.stderr


def test_its_status_is_ours_and_the_failure_is_explained(project):
    (project / "README.md").write_text("")
    done = run(project, "--only", "cmake-too-new", "-q", "--", *SHOW, "x", "3")
    assert done.returncode == 3 and "the command failed with exit status 3" in done.stderr


def test_without_a_rule_its_cure_is_not_made_and_its_finding_is_told(project):
    done = run(project, "--without", "cmake-too-new", "--", *SHOW, "x", "1")
    assert done.stdout == "out  x\n" and not (project / ".envdoctor").exists()
    assert (
        done.stderr.index("not curable") < done.stderr.index("err") < done.stderr.index("this was not cured")
    )


def test_nothing_to_cure_says_nothing(project):
    (project / "CMakeLists.txt").unlink()
    done = run(project, "--role", "ci", "--only", "cmake-too-new", "--", "true")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_options_behind_the_command_are_the_commands(project):
    done = run(project, "-q", "echo", "--arch", "--", "-q")
    assert done.stdout == "--arch -- -q\n"


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("--",), 2, "no command; write it behind --"),
        ((), 2, "no command; write it behind --"),
        (("--only", "no-such-rule", "--", "true"), 2, "no such rule"),
        (("--project", "/no/such", "--", "true"), 2, "/no/such: does not exist"),
        (("--python", "/no/such", "--", "true"), 2, "give an interpreter's path"),
        (("--", "no-such-program"), 127, "no-such-program: No such file or directory"),
        (("--", "/"), 126, "/: Permission denied"),
    ],
)
def test_mistakes_are_one_line(project, arguments, status, says):
    done = run(project, "-q", *arguments)
    assert done.returncode == status and done.stdout == ""
    assert says in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", [("cmake", ".."), ("cmake", "-S", ".."), ("cmake", "-S..", "-B.")])
def test_cmake_from_a_folder_beside_the_sources_names_the_project(project, command):
    folder = project / "build"
    folder.mkdir()
    done = run(project, "--", *command, cwd=folder)
    assert "cmake-too-new: Let CMake apply" in done.stderr and not (folder / ".envdoctor").exists()


def test_a_configured_folder_names_its_project(project, tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "CMakeCache.txt").write_text(f"CMAKE_HOME_DIRECTORY:INTERNAL={project}\n")
    assert run(project, "--", *SHOW, "x", "0", cwd=folder).stdout == "out 3.5 x\n"
