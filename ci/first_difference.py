#!/usr/bin/env python3
"""Say what differs first between two files, inside of wheels and tar files too: ci/first_difference.py ONE OTHER

Exit status: 0 the same bytes, 1 not, 2 usage. Standard library alone.
"""

import io
import sys
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional

#: What is in a differing place, or is it -> what it most likely is.
HINTS = (
    ("order", "the file system's order: sort"),
    ("time", "a time of the file: SOURCE_DATE_EPOCH"),
    ("mode", "the umask, or the permissions of the source"),
    ("owner", "who built it"),
    ("/", "a folder of the build: -ffile-prefix-map, or a name relative to the project"),
)
#: They list the checksums of others: what they say follows from another difference.
FOLLOWING = ("RECORD", "SHA256SUMS", "bundle.json", "sbom.cdx.json", ".html", ".txt", ".toml")
_AROUND = 40


@dataclass(frozen=True)
class Member:
    """Of an archive."""

    name: str
    time: str
    mode: str
    owner: str
    data: bytes


def members(data: bytes) -> Optional[List[Member]]:
    """Of a zip or tar file, in its order; None of anything else."""
    if data.startswith(b"PK\3\4"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return [
                Member(i.filename, str(i.date_time), oct(i.external_attr >> 16), "", archive.read(i))
                for i in archive.infolist()
            ]
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            return [_of_tar(tar, info) for info in tar]
    except tarfile.TarError:
        return None


def _of_tar(tar: tarfile.TarFile, info: tarfile.TarInfo) -> Member:
    stream = tar.extractfile(info) if info.isfile() else None
    owner = f"{info.uid} {info.gid} {info.uname} {info.gname}"
    data = stream.read() if stream else info.linkname.encode()
    return Member(info.name, str(info.mtime), oct(info.mode), owner, data)


def difference(name: str, one: bytes, other: bytes) -> Optional[str]:
    """The first one in a line, with a hint; None where there is none."""
    if one == other:
        return None
    first, second = members(one), members(other)
    if first is None or second is None:
        return _of_bytes(name, one, other)
    return _of_members(name, first, second) or f"{name}: the same members, packed or compressed otherwise"


def _of_members(name: str, first: List[Member], second: List[Member]) -> Optional[str]:
    names, others = [each.name for each in first], [each.name for each in second]
    alone = sorted(set(names).symmetric_difference(others))
    if alone:
        return f"{name}: {alone[0]}: only in the {'first' if alone[0] in names else 'second'} one"
    if names != others:
        return f"{name}: members in another order; {dict(HINTS)['order']}"
    pairs = sorted(zip(first, second), key=lambda pair: pair[0].name.endswith(FOLLOWING))
    found = (_of_pair(f"{name}: {here.name}", here, there) for here, there in pairs)
    return next((each for each in found if each), None)


def _of_pair(name: str, here: Member, there: Member) -> Optional[str]:
    for field in ("time", "mode", "owner"):
        mine, yours = getattr(here, field), getattr(there, field)
        if mine != yours:
            return f"{name}: {field} {mine} and {yours}; {dict(HINTS)[field]}"
    return difference(name, here.data, there.data)


def _of_bytes(name: str, one: bytes, other: bytes) -> str:
    at = next((i for i, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))
    around = slice(max(0, at - _AROUND), at + _AROUND)
    hint = f"; {dict(HINTS)['/']}" if b"/" in one[around] and b"\n" not in one[around] else ""
    return f"{name}: byte {at} of {len(one)} and {len(other)}: {one[around]!r} and {other[around]!r}{hint}"


def main() -> int:
    """Compare, and say it."""
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    one, other = map(Path, sys.argv[1:])
    if one.name != other.name:
        print(f"{one.name} and {other.name}: names differ")
        return 1
    try:
        found = difference(one.name, one.read_bytes(), other.read_bytes())
    except (OSError, zipfile.BadZipFile, EOFError, zlib.error) as error:
        print(f"{one} and {other} cannot be compared: {error}", file=sys.stderr)
        return 2
    print(found or f"{one.name}: the same {one.stat().st_size} bytes")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
