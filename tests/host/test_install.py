"""Writing folders whole."""

import os
import time

import pytest

from envdoctor.host import install, remove, umask
from envdoctor.host.stream import stream


def test_new_files_and_folders_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        install.write_chunks(str(tmp_path / "a" / "run"), [b"x", b"y"], executable=True)
        folder = install.temporary_folder(str(tmp_path), "t-")
        assert umask() == 0o027
    finally:
        os.umask(before)
    assert os.stat(tmp_path / "a" / "run").st_mode & 0o777 == 0o750
    assert os.stat(folder).st_mode & 0o777 == 0o750
    assert (tmp_path / "a" / "run").read_bytes() == b"xy"


def test_a_file_that_is_there_is_not_written_into(tmp_path):
    (tmp_path / "x").write_text("mine")
    with pytest.raises(FileExistsError):
        install.write_chunks(str(tmp_path / "x"), [b"y"])
    assert (tmp_path / "x").read_text() == "mine"


def test_removing_does_not_follow_links(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "x").write_text("")
    install.link(str(tmp_path / "link"), "kept")
    for name in ("link", "absent"):
        remove(str(tmp_path / name))
    assert os.listdir(tmp_path) == ["kept"] and os.listdir(tmp_path / "kept") == ["x"]


def test_the_largest_file(tmp_path):
    assert install.largest_below(str(tmp_path)) == 0
    for name, size in (("a/x", 3), ("y", 2)):
        install.write_chunks(str(tmp_path / name), [bytes(size)])
    assert install.largest_below(str(tmp_path)) == 3


def test_lines_come_whole_and_the_status_with_them(tmp_path):
    lines = []
    script = "printf 'one\\ntw'; sleep 0.1; printf 'o\\nrest' >&2; exit 3"
    status = stream(["/bin/sh", "-c", script], {}, str(tmp_path), lines.append, lambda: None)
    assert status == 3 and lines == ["one", "two", "rest"]


def test_what_was_started_does_not_outlive_an_exception(tmp_path):
    def stop(line):
        raise KeyboardInterrupt

    script = f"echo x; sleep 1; echo late > {tmp_path}/late"
    with pytest.raises(KeyboardInterrupt):
        stream(["/bin/sh", "-c", script], {"PATH": "/usr/bin:/bin"}, str(tmp_path), stop, lambda: None)
    time.sleep(1.3)
    assert os.listdir(tmp_path) == []
