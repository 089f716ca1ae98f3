"""Folders that are missing, read-only or noexec."""

from dataclasses import replace

import pytest

from envdoctor.facts import Environment, Folder, Folders, Variable
from envdoctor.finding import SetEnv, Severity
from envdoctor.log import read_text
from envdoctor.rules.resolving.path_not_usable import check, explain
from tests.factory import cmake, environment, project


def folder(role, writable=True, noexec=False):
    return Folder(role, f"/{role}", True, True, writable, noexec, 9 << 30, 1000, "ext4", "default")


GOOD = Folders((folder("tmp"), folder("build"), folder("home")))


def test_quiet_when_everything_can_be_used():
    assert not list(check(GOOD, environment(), project()))
    assert not list(check(Folders((folder("build", writable=False),)), environment(), project(builds=())))


def test_a_missing_tmpdir():
    (finding,) = check(GOOD, Environment((Variable("TMPDIR", "/scratch/me", False),)), project())
    assert finding.fix is not None and finding.fix.steps == (SetEnv("TMPDIR", None),)


def test_noexec_is_a_warning_and_names_another_folder():
    (finding,) = check(Folders((folder("tmp", noexec=True), folder("home"))), environment(), None)
    assert finding.severity is Severity.WARNING
    assert finding.fix is not None and finding.fix.steps == (SetEnv("TMPDIR", "/home"),)


def test_a_read_only_project():
    (finding,) = check(Folders((folder("build", writable=False),)), environment(), project())
    assert "not writable" in finding.message


def test_no_folder_is_named_that_is_not_there():
    gone = replace(folder("home"), exists=False)
    (finding,) = check(Folders((folder("tmp", noexec=True), gone)), environment(), None)
    assert finding.fix is None


def test_a_tmpdir_that_is_a_file_or_not_writable():
    named = Environment((Variable("TMPDIR", "/etc/hosts", True),))
    (finding,) = check(GOOD, named, project())
    assert finding.fix is not None and finding.fix.steps == (SetEnv("TMPDIR", "/tmp"),)
    used = Folders((replace(folder("tmp"), found_via="TMPDIR"),))
    assert not list(check(used, named, project()))


def test_a_toolchain_file_that_is_gone():
    def told(exists, **changes):
        named = Environment((Variable("CMAKE_TOOLCHAIN_FILE", "/opt/gone.cmake", exists),))
        return [finding.fix.steps for finding in check(GOOD, named, project(**changes))]

    assert told(False, cmake=cmake()) == [(SetEnv("CMAKE_TOOLCHAIN_FILE", None),)]
    assert not told(False) and not told(True, cmake=cmake())


@pytest.mark.parametrize(
    "line",
    [
        "fatal: detected dubious ownership in repository at '/src/ops'",
        "fatal: unsafe repository ('/src/ops' is owned by someone else)",
    ],
)
def test_a_checkout_of_another_user_is_named_in_the_cure(line):
    (finding,) = explain(read_text(line))
    assert "safe.directory /src/ops" in finding.fix.title


@pytest.mark.parametrize(
    "line",
    [
        "WARNING: Requirement './a-1.0.whl' looks like a filename, but the file does not exist",
        "Hint: It looks like a path. File './a-1.0.whl' does not exist.",
        (
            "ERROR: Could not install packages due to an OSError: [Errno 2] No such file or directory:"
            " '/src/a-1.0-py3-none-any.whl'"
        ),
    ],
)
def test_a_wheel_that_is_not_there(line):
    (finding,) = explain(read_text(line))
    assert "there is no such file" in finding.message
