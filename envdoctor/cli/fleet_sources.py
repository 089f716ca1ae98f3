"""Where reports come from: files, folders and streams; each document is handed on before the next is read."""

import os
import stat
import sys
from typing import BinaryIO, Iterator, NamedTuple, Set, Tuple

#: What no report is as large as.
LIMIT = 64 << 20
STREAM = "-"
_CHUNK = 1 << 20


class Source(NamedTuple):
    """A document, or why there is none; `name` is the machine's, as far as the file's name says it."""

    name: str
    origin: str
    text: bytes
    error: str = ""


def sources(paths: Tuple[str, ...]) -> Iterator[Source]:
    """All of them, each file once."""
    seen: Set[Tuple[int, int]] = set()
    for path in paths:
        for file in _files(path):
            yield from _documents(file, seen)


def _files(path: str) -> Iterator[str]:
    """The file, or what lies in the folder, in order."""
    if path == STREAM or not os.path.isdir(path):
        yield path
        return
    try:
        names = sorted(os.listdir(path))
    except OSError:
        yield path  # what is wrong is said when it is opened
        return
    for name in names:
        if name.endswith((".json", ".jsonl")) and not name.startswith("."):
            yield os.path.join(path, name)


def _documents(path: str, seen: Set[Tuple[int, int]]) -> Iterator[Source]:
    if path == STREAM and sys.stdin is None:
        yield Source("", "standard input", b"", "it is closed")
        return
    if path == STREAM:
        yield from _stream(sys.stdin.buffer, "standard input")
        return
    try:
        with open(path, "rb") as file:
            found = os.fstat(file.fileno())
            if (found.st_dev, found.st_ino) in seen:
                return
            seen.add((found.st_dev, found.st_ino))
            if path.endswith(".jsonl") or not stat.S_ISREG(found.st_mode):
                yield from _stream(file, path)
            else:
                yield _whole(file, path, found.st_size)
    except (OSError, ValueError) as error:
        yield Source(_name(path), path, b"", getattr(error, "strerror", None) or str(error))


def _name(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]


def _whole(file: BinaryIO, path: str, size: int) -> Source:
    name = _name(path)
    if size > LIMIT:
        return Source(name, path, b"", f"{size >> 20} MiB: no report is as large")
    return Source(name, path, file.read())


def _stream(stream: BinaryIO, origin: str) -> Iterator[Source]:
    """Documents one after the other, one a line or over many: all begin and end at a line's beginning."""
    for number, text in enumerate(_split(stream), 1):
        yield Source(f"{origin}:{number}", f"{origin}:{number}", text)


def _split(stream: BinaryIO) -> Iterator[bytes]:
    """Each begins where a line begins with a brace; what stands between two is handed on as if it were one."""
    waiting = b""
    for chunk in iter(lambda: stream.read(_CHUNK), b""):
        # What is longer is cut off, and then no JSON. Files are joined as they are, with no line break at their end.
        text = (waiting[:LIMIT] + chunk).replace(b"\n}{", b"\n}\n{")
        first, *others = text.split(b"\n{")
        *whole, waiting = [first, *(b"{" + each for each in others)]
        for each in whole:
            yield from _cleared(each)
    yield from _cleared(waiting)


def _cleared(text: bytes) -> Iterator[bytes]:
    """The document, and other text that comes after it, such as what ssh complains of."""
    end = len(text) if text.rstrip().endswith(b"}") else text.rfind(b"}\n") + 1
    yield from (each for each in (text[:end], text[end:]) if each.strip())
