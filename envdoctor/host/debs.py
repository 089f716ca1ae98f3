"""Debian's packages without dpkg, an ar archive with a tar file in it: what is wanted of them is written, no more."""

import contextlib
import lzma
import os
import tarfile
from typing import IO, Any, Callable, Iterator, List, Optional, Tuple

from envdoctor.host.install import write_chunks
from envdoctor.host.xz_blocks import Blocks, BrokenBlocks, Read

_CHUNK = 1 << 20
_MAGIC, _ENTRY = b"!<arch>\n", 60
_DATA = b"data.tar.xz"


class BrokenDeb(Exception):
    """Not a whole package; the text says why."""


def unpack(path: str, folder: str, place: Callable[[str], Optional[str]]) -> List[Tuple[str, str]]:
    """Write files below a folder, where `place` says (None: nowhere); a file that is there stays.

    Links are not made: (place, what it leads to) is returned. Raises BrokenDeb, OSError.
    """
    links: List[Tuple[str, str]] = []
    with _opened(path) as tar:
        for member in tar:
            target = place(_inside(member.name))
            if target is None:
                continue
            full = os.path.join(folder, target)
            if member.issym():
                links.append((target, member.linkname))
            elif member.isfile() and not os.path.lexists(full):
                write_chunks(full, _chunks(tar, member), bool(member.mode & 0o111))
    return links


def one_file(read: Read, name: str) -> bytes:
    """One file of a package, of which only what is needed is read. Raises BrokenDeb, and what `read` does."""
    begin, size = _data(read)
    try:
        blocks: Any = Blocks(read, begin, size)
        with tarfile.open(fileobj=blocks, mode="r:") as tar:
            for member in tar:
                if _inside(member.name) == name and member.isfile():
                    return b"".join(_chunks(tar, member))
    except (tarfile.TarError, BrokenBlocks) as error:
        raise BrokenDeb(f"it is no whole package ({error})") from None
    raise BrokenDeb(f"it holds no {name}")


@contextlib.contextmanager
def _opened(path: str) -> Iterator[tarfile.TarFile]:
    with open(path, "rb") as stream:

        def read(first: int, size: int) -> bytes:
            stream.seek(first)
            return stream.read(size)

        begin, size = _data(read)
        stream.seek(begin)
        try:
            limited: Any = _Limited(stream, size)
            with lzma.open(limited) as plain, tarfile.open(fileobj=plain, mode="r|") as tar:
                yield tar
        except (tarfile.TarError, lzma.LZMAError, EOFError) as error:
            raise BrokenDeb(f"it is no whole package ({error})") from None


def _data(read: Read) -> Tuple[int, int]:
    """Where its files begin, and how many bytes they are."""
    at = len(_MAGIC)
    if read(0, at) != _MAGIC:
        raise BrokenDeb("it is no Debian package")
    while True:
        entry = read(at, _ENTRY)
        if len(entry) < _ENTRY or not entry[48:58].strip().isdigit():
            raise BrokenDeb(f"it holds no {_DATA.decode()}")
        name, size = entry[:16].strip().rstrip(b"/"), int(entry[48:58])
        at += _ENTRY
        if name == _DATA:
            return at, size
        at += size + size % 2


def _inside(name: str) -> str:
    """ "./usr/bin/ptxas" -> "usr/bin/ptxas"."""
    return os.path.normpath(name) if not name.startswith("/") else ""


def _chunks(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    stream = tar.extractfile(member)
    assert stream is not None  # a file
    return iter(lambda: stream.read(_CHUNK), b"")


class _Limited:
    """A file's next bytes, so many and no more."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream = stream
        self._left = size

    def read(self, size: int = -1) -> bytes:
        """Up to so many."""
        found = self._stream.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(found)
        return found
