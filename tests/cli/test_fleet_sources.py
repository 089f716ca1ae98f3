"""Files, folders and streams."""

import io
import os
import sys
import threading

import pytest

from envdoctor.cli import fleet_sources as module
from envdoctor.cli.fleet_sources import sources


def names(*paths):
    return [each.name for each in sources(tuple(map(str, paths)))]


@pytest.fixture
def folder(tmp_path):
    for name in ("b.json", "a.json", ".hidden.json", "notes.txt"):
        (tmp_path / name).write_text("{}")
    return tmp_path


def test_a_folder_in_order_and_each_file_once(folder):
    assert names(folder) == ["a", "b"]
    assert names(folder / "b.json", folder, folder / "notes.txt") == ["b", "a", "notes"]
    os.symlink(folder / "a.json", folder / "c.json")
    assert names(folder) == ["a", "b"]


def test_what_cannot_be_opened(folder, monkeypatch):
    monkeypatch.setattr(os, "listdir", lambda path: os.scandir("/nonexistent"))
    (found,) = sources((str(folder),))
    assert (found.origin, found.error) == (str(folder), "Is a directory")
    monkeypatch.setattr(sys, "stdin", None)
    assert [each.error for each in sources(("-",))] == ["it is closed"]
    (found,) = sources((str(folder / "none.json"),))
    assert (found.origin, found.error) == (str(folder / "none.json"), "No such file or directory")
    assert [each.error for each in sources(("a\0b",))] == ["embedded null byte"]


def test_what_is_too_large(folder, monkeypatch):
    monkeypatch.setattr(module, "LIMIT", 1 << 20)
    (folder / "a.json").write_bytes(b" " * ((1 << 20) + 1))
    large, small = sources((str(folder),))
    assert large.error.startswith("1 MiB") and not small.error


@pytest.mark.parametrize(
    ("text", "documents"),
    [
        (b"", []),
        (b"\n\n", []),
        (b"{}\n{}\n", [b"{}", b"{}"]),
        (b'{"a": {}}\n\n{"b": 1}', [b'{"a": {}}', b'{"b": 1}']),
        (b'{\n  "a": {\n  }\n}\n{\n  "b": 1\n}\n', [b'{\n  "a": {\n  }\n}', b'{\n  "b": 1\n}']),
        (b'{\n  "a": 1\n}{\n  "b": 1\n}', [b'{\n  "a": 1\n}', b'{\n  "b": 1\n}']),
        (b'{\r\n  "a": 1\r\n}\r\n{}\r\n', [b'{\r\n  "a": 1\r\n}', b"{}"]),
        # one that was cut off, and what is no document, end where the next one begins
        (b'{\n  "a": {\n{\n  "b": 1\n}\n', [b'{\n  "a": {', b'{\n  "b": 1\n}']),
        (b"ssh: no route\nto host\n{}\n", [b"ssh: no route\nto host", b"{}"]),
        (b'{"a": 1}\nssh: no route\n{}\nbye\n', [b'{"a": 1}', b"ssh: no route", b"{}", b"bye"]),
    ],
)
@pytest.mark.parametrize("chunk", [1, 3, 1 << 20])
def test_streams(tmp_path, monkeypatch, text, documents, chunk):
    monkeypatch.setattr(module, "_CHUNK", chunk)
    path = tmp_path / "all.jsonl"
    path.write_bytes(text)
    found = list(sources((str(path),)))
    assert [each.text.strip() for each in found] == documents
    assert [each.name for each in found] == [f"{path}:{n}" for n in range(1, len(documents) + 1)]


def test_standard_input_and_pipes(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"{}\n{}\n")))
    assert names("-") == ["standard input:1", "standard input:2"]
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"{}\n{}\n{}\n",))
    writer.start()
    assert names(pipe) == [f"{pipe}:{n}" for n in (1, 2, 3)]
    writer.join()


def test_a_line_without_end_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LIMIT", 1000)
    monkeypatch.setattr(module, "_CHUNK", 100)
    path = tmp_path / "all.jsonl"
    path.write_bytes(b'{"a": "' + b"x" * 5000 + b'"}\n{}\n')
    broken, whole = (each.text for each in sources((str(path),)))
    assert len(broken) <= 1100 and whole == b"{}\n"
