"""Edits applied to a file's bytes, and shown as a diff that `git apply` takes: pure."""

import difflib
import re
from typing import Iterable, List, Tuple

from envdoctor.finding import Edit


def edited(data: bytes, edits: Iterable[Edit]) -> Tuple[bytes, Tuple[str, ...]]:
    """A file's new contents, and why some edits cannot be made; every other byte stays as it is."""
    lines = _lines(data)
    left: List[str] = []
    for edit in edits:
        line = lines[edit.line - 1] if 0 < edit.line <= len(lines) else b""
        places = list(_whole_words(edit.old.encode()).finditer(line))
        if len(places) == 1:
            start, end = places[0].span()
            lines[edit.line - 1] = line[:start] + edit.new.encode() + line[end:]
        else:
            found = "does not have" if not places else "has more than once"
            left.append(f"{edit.file}:{edit.line} {found} {edit.old!r}")
    return b"".join(lines), tuple(left)


def diff(file: str, before: bytes, after: bytes) -> bytes:
    """A unified diff of one file, by its path from the project's root."""
    old, new = _lines(before), _lines(after)
    names = (f"a/{file}".encode(), f"b/{file}".encode())
    return b"".join(_with_end(line) for line in difflib.diff_bytes(difflib.unified_diff, old, new, *names))


def _lines(data: bytes) -> List[bytes]:
    """Lines with their ends; only a line feed ends one, as for git."""
    return re.findall(rb"[^\n]*\n|[^\n]+", data)


def _whole_words(text: bytes) -> "re.Pattern[bytes]":
    """A pattern for a text with nothing on either side that would make it part of a longer word."""
    start = rb"(?<![\w.])" if re.match(rb"\w", text) else b""
    end = rb"(?![\w]|\.\d)" if re.search(rb"\w\Z", text) else b""
    return re.compile(start + re.escape(text) + end)


def _with_end(line: bytes) -> bytes:
    return line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n"
