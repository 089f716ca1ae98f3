"""`envdoctor fix`, as a person calls it."""

import os
import pty
import subprocess
import sys

import pytest

from tests.cli.projects import refused_by_cmake_4


@pytest.fixture
def project(tmp_path):
    return refused_by_cmake_4(tmp_path, "project")


BEFORE = "cmake_minimum_required(VERSION 2.8)\nproject(x CXX)\n"
AFTER = BEFORE.replace("2.8", "3.5")


def command(*arguments):
    return [sys.executable, "-m", "envdoctor", "fix", "--only", "cmake-too-new", *arguments]


def variables(project):
    return {
        **os.environ,
        "PATH": f"{project.parent}/bin:{os.environ['PATH']}",
        "HOME": str(project.parent),
        "XDG_STATE_HOME": str(project.parent / "state"),
    }


def fix(project, *arguments, **options):
    return subprocess.run(
        command(*arguments),
        cwd=project,
        env=variables(project),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        **options,
    )


def text(project):
    return (project / "CMakeLists.txt").read_text()


def test_the_plan_shows_the_edit_as_a_diff_and_changes_nothing(project):
    done = fix(project)
    assert done.returncode == 1 and text(project) == BEFORE
    assert "-cmake_minimum_required(VERSION 2.8)\n+cmake_minimum_required(VERSION 3.5)\n" in done.stdout
    assert "cured without any change by `envdoctor run -- CMD`" in done.stdout


def test_nothing_to_fix_is_a_success(project):
    (project / "CMakeLists.txt").write_text(AFTER)
    done = fix(project)
    assert (done.returncode, done.stdout) == (0, "Nothing to fix.\n")


def test_applied_verified_and_taken_back(project):
    done = fix(project, "--apply", "--unsafe", "--yes")
    assert (done.returncode, done.stdout) == (0, "cured  cmake-too-new\n")
    assert text(project) == AFTER
    undone = fix(project, "--undo")
    assert undone.returncode == 0 and "CMakeLists.txt: restored" in undone.stderr
    assert text(project) == BEFORE
    again = fix(project, "--undo")
    assert again.returncode == 2 and "no fix was applied here" in again.stderr


def test_an_application_under_a_later_change_does_not_stand_before_the_older_ones(project):
    sub = project / "sub/CMakeLists.txt"
    fix(project, "--apply", "--unsafe", "--yes")
    sub.parent.mkdir()
    sub.write_text(BEFORE)
    (project / "CMakeLists.txt").write_text(AFTER + "add_subdirectory(sub)\n")
    fix(project, "--apply", "--unsafe", "--yes")
    assert sub.read_text() == AFTER
    sub.write_text("by hand\n")
    (project / "CMakeLists.txt").write_text(AFTER)
    undone = fix(project, "--undo")
    assert undone.returncode == 1 and sub.read_text() == "by hand\n" and text(project) == BEFORE
    told = undone.stderr.splitlines()
    assert "sub/CMakeLists.txt: was changed since, left alone; its contents of before are in" in told[0]
    assert "project/CMakeLists.txt: restored" in told[1]
    sub.write_text(AFTER)
    assert fix(project, "--undo").returncode == 0 and sub.read_text() == BEFORE


def test_what_is_unsafe_needs_its_word(project):
    done = fix(project, "--apply", "--yes")
    assert done.returncode == 1 and "nothing to apply; --unsafe allows more" in done.stderr
    assert text(project) == BEFORE


def test_without_a_terminal_consent_is_a_word_of_the_command_line(project):
    done = fix(project, "--apply", "--unsafe")
    assert done.returncode == 2 and "add --yes" in done.stderr.splitlines()[-1]
    assert text(project) == BEFORE


@pytest.mark.parametrize(
    ("answer", "status", "after"), [("y\n", 0, AFTER), ("\n", 1, BEFORE), ("n\n", 1, BEFORE)]
)
def test_at_a_terminal_it_asks(project, answer, status, after):
    terminal, ours = pty.openpty()
    os.write(terminal, answer.encode())
    done = subprocess.run(
        command("--apply", "--unsafe"),
        cwd=project,
        env=variables(project),
        stdin=ours,
        capture_output=True,
        text=True,
        timeout=60,
    )
    os.close(ours)
    os.close(terminal)
    assert "Make these changes? [y/N]" in done.stderr
    assert (done.returncode, text(project)) == (status, after)


def test_git_applies_the_patch_and_nothing_else_is_changed(project):
    done = fix(project, "--patch", "fix.diff")
    assert (done.returncode, done.stdout) == (0, "") and text(project) == BEFORE
    assert fix(project, "--patch", "-").stdout == (project / "fix.diff").read_text()
    subprocess.run(["git", "apply", "fix.diff"], cwd=project, check=True, timeout=20)
    assert text(project) == AFTER
    assert "nothing to write" in fix(project, "--patch", "-").stderr


@pytest.mark.parametrize(
    "arguments",
    [("--yes",), ("--unsafe",), ("--apply", "--undo"), ("/no/such",), ("--without", "no-such-rule")],
)
def test_mistakes_are_one_line(project, arguments):
    done = fix(project, *arguments)
    assert done.returncode == 2 and done.stdout == "" and len(done.stderr.splitlines()) == 1


def test_a_kill_at_any_time_is_taken_back(project):
    for moment in (0.3, 0.6, 0.8, 1.0, 1.2):
        process = subprocess.Popen(
            command("--apply", "--unsafe", "--yes"),
            cwd=project,
            env=variables(project),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        fix(project, "--undo")
        assert text(project) == BEFORE
        assert [path.name for path in project.iterdir()] == ["CMakeLists.txt"]
