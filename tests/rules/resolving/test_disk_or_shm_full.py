"""Folders without room."""

from dataclasses import replace

from envdoctor.facts import Folder, Folders
from envdoctor.finding import SetEnv, Severity
from envdoctor.log import read_text
from envdoctor.rules.resolving.disk_or_shm_full import check, explain


def folder(role, free, path=None, inodes=1000):
    return Folder(role, path or f"/{role}", True, True, True, False, free, inodes, "ext4", "default")


def test_quiet_with_room():
    assert not list(
        check(Folders((folder("build", 5 << 30), folder("tmp", 1 << 30), folder("shm", 64 << 20))))
    )


def test_little_room_is_a_warning_and_none_an_error():
    (little,) = check(Folders((folder("tmp", 200 << 20),)))
    assert little.severity is Severity.WARNING and "200 MiB" in little.message
    (none,) = check(Folders((folder("tmp", 1 << 20), folder("home", 50 << 30))))
    assert none.severity is Severity.ERROR
    assert none.fix is not None and none.fix.steps == (SetEnv("TMPDIR", "/home"),)


def test_no_inodes_is_no_room():
    (finding,) = check(Folders((folder("build", 50 << 30, inodes=0),)))
    assert finding.severity is Severity.ERROR and "no inodes" in finding.message


def test_temporary_files_go_to_a_folder_that_is_there_and_on_a_disk():
    gone = replace(folder("home", 50 << 30), exists=False)
    (finding,) = check(Folders((folder("tmp", 1 << 20), folder("shm", 50 << 30), gone)))
    assert finding.fix is not None and not finding.fix.steps


def test_watched_files_are_no_disk():
    assert not list(explain(read_text("Failed to add watch: No space left on device (inotify_add_watch)")))
    assert not list(explain(read_text("ENOSPC: System limit for number of file watchers reached")))
    assert list(explain(read_text("ptxas fatal: No space left on device")))
