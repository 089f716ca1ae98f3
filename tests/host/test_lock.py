"""Locks between processes."""

import fcntl
import os

import pytest

from envdoctor.host import locked


def test_a_lock_is_held_by_one_and_gone_afterwards(tmp_path):
    path = str(tmp_path / ".lock")
    with locked(path), pytest.raises(BlockingIOError), locked(path):
        pass
    with pytest.raises(ValueError, match="x"), locked(path):
        raise ValueError("x")
    assert os.listdir(tmp_path) == []
    with locked(path):
        pass


def test_a_lock_whose_file_was_unlinked_while_it_was_opened_is_taken_anew(tmp_path, monkeypatch):
    path, flock = tmp_path / "lock", fcntl.flock

    def late(descriptor, operation):
        monkeypatch.setattr(fcntl, "flock", flock)
        path.unlink()  # as the holder does at its end
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    with locked(str(path)), pytest.raises(BlockingIOError), locked(str(path)):
        pass
