"""The real machine: files written whole, paths that lead nowhere, and programs that end with those who asked."""

import os
import stat
import threading
import time

import pytest

from envdoctor.host import Completed, LocalHost, append, write_whole


def names(folder):
    return sorted(os.listdir(str(folder)))


def test_a_file_is_written_with_the_permissions_of_any_new_file(tmp_path):
    (tmp_path / "plain").write_text("x")
    write_whole(str(tmp_path / "made"), "one\n")
    assert (tmp_path / "made").read_text() == "one\n"
    assert (tmp_path / "made").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path):
    target = tmp_path / "private"
    target.write_text("old")
    target.chmod(0o600)
    write_whole(str(target), "new")
    assert (target.read_text(), stat.S_IMODE(target.stat().st_mode)) == ("new", 0o600)


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_whole(str(tmp_path / "link"), "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_pipe_is_written_into_and_never_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(str(pipe))
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    write_whole(str(pipe), "text")
    reader.join(5)
    assert read == ["text"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_devices_stay_devices():
    before = os.stat("/dev/null")
    write_whole("/dev/null", "text")
    after = os.stat("/dev/null")
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert stat.S_ISCHR(after.st_mode)


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path):
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "folder", tmp_path / "nowhere" / "file"):
        with pytest.raises(OSError, match=r"Is a directory|No such file"):
            write_whole(str(path), "text")
    with pytest.raises(UnicodeEncodeError):
        write_whole(str(tmp_path / "file"), "\ud800")
    assert names(tmp_path) == ["folder"]


def test_append_adds_to_what_others_wrote(tmp_path):
    for text in ("one\n", "two\n"):
        append(str(tmp_path / "summary"), text)
    assert (tmp_path / "summary").read_text() == "one\ntwo\n"


def test_looking_follows_links_and_a_circle_is_nothing(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "circle").symlink_to("circle")
    host = LocalHost()
    assert host.is_file(str(tmp_path / "link"))
    assert host.is_dir(str(tmp_path))
    for path in ("dangling", "circle", "file/below", "nul\0"):
        assert not host.exists(str(tmp_path / path)), path


def test_a_program_is_run_once_for_all_who_ask_at_the_same_time(tmp_path):
    # Read by a shell: what another thread's child still has open for writing, nothing can execute.
    script = tmp_path / "program"
    script.write_text(f"echo run >> {tmp_path}/runs\nsleep 0.2\necho answer\n")
    host = LocalHost()
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(host.run("sh", str(script)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [Completed(0, "answer\n", "")] * 8
    assert (tmp_path / "runs").read_text() == "run\n"


def test_a_program_that_hangs_is_ended_with_what_it_started(tmp_path):
    script = tmp_path / "hangs"
    script.write_text(f"#!/bin/sh\nsleep 60 &\necho $! > {tmp_path}/grandchild\nwait\n")
    script.chmod(0o755)
    host = LocalHost()
    answer = host.run(str(script), timeout=0.5)
    assert (answer.status, answer.ok) == (None, False)
    assert [text for _, text in host.notes] == [answer.error]
    assert ended((tmp_path / "grandchild").read_text())


def test_stop_ends_what_runs_and_starts_nothing_more(tmp_path):
    host = LocalHost()
    answers = []
    thread = threading.Thread(target=lambda: answers.append(host.run("sleep", "60", timeout=50)))
    thread.start()
    start = time.monotonic()
    while not host._children and time.monotonic() < start + 5:
        time.sleep(0.01)
    host.stop()
    thread.join(5)
    assert not answers[0].ok
    assert time.monotonic() - start < 5
    assert "time is used up" in host.run("true").error


def ended(pid):
    """Whether a process is gone, or only waits to be collected."""
    for _ in range(100):
        try:
            with open(f"/proc/{int(pid)}/stat") as stream:
                if stream.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except OSError:
            return True
        time.sleep(0.02)
    return False
