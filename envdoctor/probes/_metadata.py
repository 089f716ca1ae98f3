"""Metadata of distributions: its headers, and where a wheel has it.

zipfile would read the names of all files of a wheel, tens of thousands, one by one: it is left to unusual archives.
"""

import io
import re
import struct
import zipfile
import zlib
from typing import Dict, List, Optional

from envdoctor.host import Host

Headers = Dict[str, List[str]]

MOST = 1 << 20
# Source: APPNOTE.TXT of PKWARE, 4.3.7 (local header), 4.3.12 (central directory), 4.3.16 (its end).
_END, _LOCAL, _CENTRAL = "<4s8xIIH", "<4s22xHH", "<6xH8xI4xH12xI"
_SIZE_OF_END, _SIZE_OF_LOCAL = 22, 30
_ENTRY = re.compile(rb"PK\x01\x02(.{42})([^/]+\.dist-info/METADATA)", re.DOTALL)
_IN_ZIP64 = 0xFFFFFFFF


def headers_of(text: str) -> Headers:
    """Header lines up to the first empty one, by lower-case name; folded lines are one."""
    headers: Headers = {}
    head = text.replace("\r\n", "\n").lstrip("\n").partition("\n\n")[0]
    for line in re.sub(r"\n[ \t]+", " ", head).splitlines():
        name, colon, value = line.partition(":")
        if colon and not line[0].isspace():
            headers.setdefault(name.lower(), []).append(value.strip())
    return headers


def metadata(host: Host, path: str) -> str:
    """Its first MiB. Raises OSError, ValueError."""
    found = host.stat(path)
    if found is None:
        raise FileNotFoundError(path)
    try:
        data = _quickly(host, path, found.size)
        if data is None:
            with zipfile.ZipFile(_HostFile(host, path, found.size)) as archive:
                data = _slowly(archive)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, struct.error, zlib.error) as error:
        raise ValueError(str(error) or "cut short") from None
    return data.decode("utf-8", errors="replace")


def _quickly(host: Host, path: str, size: int) -> Optional[bytes]:
    """From an archive as wheels are made; None for other forms (a comment at its end, zip64)."""
    end = host.read_range(path, max(0, size - _SIZE_OF_END), _SIZE_OF_END)
    if len(end) < _SIZE_OF_END:
        return None
    signature, length, start, comment = struct.unpack(_END, end)
    if signature != b"PK\5\6" or comment or start == _IN_ZIP64 or start + length > size:
        return None
    for entry in _ENTRY.finditer(host.read_range(path, start, length)):
        method, packed, name, local = struct.unpack(_CENTRAL, entry[1])
        if name == len(entry[2]) and method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) and local < start:
            signature, *lengths = struct.unpack(_LOCAL, host.read_range(path, local, _SIZE_OF_LOCAL))
            if signature == b"PK\3\4":
                data = host.read_range(path, local + _SIZE_OF_LOCAL + sum(lengths), packed)
                return zlib.decompressobj(-15).decompress(data, MOST) if method else data[:MOST]
    return None


def _slowly(archive: zipfile.ZipFile) -> bytes:
    for name in archive.namelist():
        if name.count("/") == 1 and name.endswith(".dist-info/METADATA"):
            with archive.open(name) as stream:
                return stream.read(MOST)
    raise ValueError("no METADATA in it")


class _HostFile(io.RawIOBase):
    """A host's file as `zipfile` wants it: seekable, read in pieces."""

    def __init__(self, host: Host, path: str, size: int) -> None:
        self._host, self._path, self._size, self._at = host, path, size, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._size - self._at)
        data = self._host.read_range(self._path, self._at, left if size < 0 else min(size, left))
        self._at += len(data)
        return data
