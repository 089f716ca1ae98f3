"""Wheels: reading one member, and unpacking what is wanted with every file checked against the wheel's own record."""

import base64
import csv
import hashlib
import io
import os
import zipfile
import zlib
from contextlib import contextmanager
from typing import Callable, Dict, Iterator, List, Optional

from envdoctor.host.files import naming
from envdoctor.host.install import write_chunks

_CHUNK = 1 << 20
_MOST_TEXT = 64 << 20
_WITHOUT_SUM = ("RECORD", "RECORD.jws", "RECORD.p7s")


class BrokenArchive(Exception):
    """Not a whole wheel; the text says why."""


def read_member(path: str, suffix: str) -> str:
    """The text of the one member whose name ends so. Raises BrokenArchive, OSError."""
    with _opened(path) as archive:
        name = _named(archive, suffix)
        if archive.getinfo(name).file_size > _MOST_TEXT:
            raise BrokenArchive(f"{name} in it has {archive.getinfo(name).file_size} bytes")
        return archive.read(name).decode("utf-8", errors="replace")


def members(path: str) -> List[str]:
    """Names of its files. Raises BrokenArchive, OSError."""
    with _opened(path) as archive:
        return [member.filename for member in archive.infolist() if not member.is_dir()]


def check_record(path: str) -> Iterator[str]:
    """What RECORD and the files do not agree on, a line each. Raises BrokenArchive, OSError."""
    with _opened(path) as archive:
        record = _record(archive)
        there = [member for member in archive.infolist() if not member.is_dir()]
        for name in sorted(set(record) - {member.filename for member in there}):
            yield f"{name}: in RECORD, and not in the wheel"
        names = [member.filename for member in there]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"{name}: twice in the wheel"
        for member in there:
            folder, _, last = member.filename.rpartition("/")
            if folder.endswith(".dist-info") and last in _WITHOUT_SUM:
                continue
            if member.filename not in record:
                yield f"{member.filename}: in the wheel, and not in RECORD"
            elif _sum(archive, member) != record[member.filename]:
                yield f"{member.filename}: not what RECORD says"


def _sum(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> str:
    """As RECORD has it."""
    digest = hashlib.sha256()
    with archive.open(member) as stream:
        for chunk in iter(lambda: stream.read(_CHUNK), b""):
            digest.update(chunk)
    return "sha256=" + base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()


def extract(path: str, member: str, folder: str) -> str:
    """One file of it, under its last name in a folder: where that is. Raises BrokenArchive, OSError."""
    target = os.path.join(folder, os.path.basename(member))
    with _opened(path) as archive, archive.open(member) as stream:
        write_chunks(target, iter(lambda: stream.read(_CHUNK), b""))
    return target


def unpack_all(path: str, folder: str) -> None:
    """Every member below a folder, none beside it. Raises BrokenArchive, OSError."""
    with naming(folder), _opened(path) as archive:
        archive.extractall(folder)


def unpack(path: str, folder: str, place: Callable[[str], Optional[str]]) -> None:
    """Write members below a folder, where `place` says (None: nowhere). Raises BrokenArchive, OSError.

    Two wheels may bring the same file (licences, a header); the first one stays.
    """
    with _opened(path) as archive:
        record = _record(archive)
        for member in archive.infolist():
            target = None if member.is_dir() else place(member.filename)
            if target is None:
                continue
            full = os.path.join(folder, target)
            if not os.path.lexists(full):
                # As pip does: whoever may read a program may run it.
                executable = bool(member.external_attr >> 16 & 0o111)
                write_chunks(full, _checked(archive, member, record.get(member.filename)), executable)


@contextmanager
def _opened(path: str) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise BrokenArchive(f"it is no whole wheel ({error})") from None


def _named(archive: zipfile.ZipFile, suffix: str) -> str:
    found = [name for name in archive.namelist() if name.endswith(suffix) and name.count("/") == 1]
    if not found:
        raise BrokenArchive(f"it holds no {suffix.rpartition('/')[2]}")
    return found[0]


def _record(archive: zipfile.ZipFile) -> Dict[str, str]:
    """Member -> "sha256=..." of the wheel's RECORD."""
    text = archive.read(_named(archive, ".dist-info/RECORD")).decode("utf-8", errors="replace")
    return {row[0]: row[1] for row in csv.reader(io.StringIO(text)) if len(row) >= 2}


def _checked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, expected: Optional[str]) -> Iterator[bytes]:
    digest = hashlib.sha256()
    with archive.open(member) as stream:
        for chunk in iter(lambda: stream.read(_CHUNK), b""):
            digest.update(chunk)
            yield chunk
    found = "sha256=" + base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
    if expected != found:
        raise BrokenArchive(f"{member.filename} in it is not what its RECORD says")
