"""What the loader finds without being told: /etc/ld.so.cache (glibc's dl-cache.h) and the default folders."""

import struct
from typing import Dict, List, Tuple

from envdoctor.host import Host

PATH = "/etc/ld.so.cache"
_MAGIC = b"glibc-ld.so.cache1.1"
_HEADER, _ENTRY = struct.Struct("=20sII5I"), struct.Struct("=iIIIQ")
_LIMIT = 8 << 20
# The second byte of an entry's flags tells the word size and ABI; other machines have one ABI in practice.
_ABI = {"x86_64": 0x300, "aarch64": 0xA00, "ppc64le": 0x500, "s390x": 0x400}


def libraries(host: Host, machine: str) -> Dict[str, Tuple[str, ...]]:
    """Paths by soname in the loader's order, for programs of this machine; empty without a cache (musl, Nix)."""
    try:
        data = host.read_range(PATH, 0, _LIMIT)
    except FileNotFoundError:
        return {}
    except OSError as error:
        host.note(PATH, error.strerror or str(error))
        return {}
    found: Dict[str, List[str]] = {}
    try:
        for flags, hardware, soname, path in _entries(data):
            # Copies for newer processors (glibc-hwcaps) come first in the file and have a plain copy too.
            if not hardware and flags & 0xFF00 == _ABI.get(machine, flags & 0xFF00):
                found.setdefault(soname, []).append(path)
    except (struct.error, ValueError):
        host.note(PATH, "not a cache that glibc's loader reads")
    return {soname: tuple(paths) for soname, paths in found.items()}


def default_folders(machine: str, libc: str = "glibc") -> Tuple[str, ...]:
    """Folders that the loader searches when the cache has nothing; distributions differ, absent ones do no harm."""
    if libc == "musl":
        return ("/lib", "/usr/local/lib", "/usr/lib")
    triplet = f"{machine}-linux-gnu" if machine != "ppc64le" else "powerpc64le-linux-gnu"
    return (f"/lib/{triplet}", f"/usr/lib/{triplet}", "/lib64", "/usr/lib64", "/lib", "/usr/lib")


def _entries(data: bytes) -> List[Tuple[int, int, str, str]]:
    """Flags, needed processor, soname and path of each entry. Older caches hold the format before glibc 2.2 first."""
    start = data.index(_MAGIC)
    count = _HEADER.unpack_from(data, start)[1]
    first = start + _HEADER.size
    table = data[first : first + count * _ENTRY.size]
    if len(table) < count * _ENTRY.size:
        raise ValueError("truncated")
    return [
        (flags, hardware, _text(data, start + name), _text(data, start + path))
        for flags, name, path, _, hardware in _ENTRY.iter_unpack(table)
    ]


def _text(data: bytes, offset: int) -> str:
    return data[offset : data.index(b"\0", offset)].decode("utf-8", errors="replace")
