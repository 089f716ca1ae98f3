"""Small ELF files with what the loader reads: run paths, needs, version definitions, the interpreter."""

import struct
from typing import List, Sequence, Tuple


def elf(
    versions: Sequence[str] = (),
    needed: Sequence[str] = (),
    rpath: str = "",
    runpath: str = "",
    interp: str = "",
    machine: int = 62,
    soname: str = "",
    needs_versions: Sequence[str] = (),
    defines: Sequence[str] = (),
    undefined: Sequence[str] = (),
) -> bytes:
    """A 64-bit little-endian shared object; its one segment maps the file at address 0."""
    names = bytearray(b"\0")

    def name(text: str) -> int:
        names.extend(text.encode() + b"\0")
        return len(names) - 1 - len(text.encode())

    dynamic: List[Tuple[int, int]] = [(1, name(library)) for library in needed]
    dynamic += [(tag, name(text)) for tag, text in ((14, soname), (15, rpath), (29, runpath)) if text]
    symbols, hashes = _symbols(
        [(name(text), 0) for text in undefined] + [(name(text), 1) for text in defines]
    )
    wants = _wants(name("libc.so.6") if needs_versions else 0, [name(version) for version in needs_versions])
    definitions = b"".join(
        struct.pack(
            "<HHHHIIIII", 1, 0, number, 1, 0, 20, 28 if number < len(versions) else 0, name(version), 0
        )
        for number, version in enumerate(versions, 1)
    )
    segments = 2 + bool(interp)
    start = 64 + segments * 56
    loader = interp.encode() + b"\0" if interp else b""
    table = start + len(loader)
    after = table + len(names)
    dynamic += [(5, table), (10, len(names))]
    if versions:
        dynamic += [(0x6FFFFFFC, after), (0x6FFFFFFD, len(versions))]
    after += len(definitions)
    for tags, content in (
        (((6, 0),), symbols),
        (((4, 0),), hashes),
        (((0x6FFFFFFE, 0), (0x6FFFFFFF, 1)), wants),
    ):
        dynamic += [(tag, number or after) for tag, number in tags if content]
        after += len(content)
    entries = b"".join(struct.pack("<QQ", *entry) for entry in [*dynamic, (0, 0)])
    body = loader + bytes(names) + definitions + symbols + hashes + wants + entries
    size = start + len(body)
    headers = struct.pack("<IIQQQQQQ", 1, 4, 0, 0, 0, size, size, 4096)
    place = after
    headers += struct.pack("<IIQQQQQQ", 2, 4, place, place, place, len(entries), len(entries), 8)
    if interp:
        headers += struct.pack("<IIQQQQQQ", 3, 4, start, start, start, len(loader), len(loader), 1)
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    return (
        ident
        + struct.pack("<HHIQQQIHHHHHH", 3, machine, 1, 0, 64, 0, 0, 64, 56, segments, 0, 0, 0)
        + headers
        + body
    )


def _symbols(symbols: Sequence[Tuple[int, int]]) -> Tuple[bytes, bytes]:
    """Their table, with the empty first one, and a DT_HASH of one bucket; nothing for no symbols."""
    if not symbols:
        return b"", b""
    rows = [struct.pack("<IBBHQQ", place, 0x12, 0, section, 0, 0) for place, section in [(0, 0), *symbols]]
    return b"".join(rows), struct.pack(f"<III{len(rows)}I", 1, len(rows), len(symbols), *_chain(len(rows)))


def _chain(count: int) -> List[int]:
    """Each symbol leads to the one before it, the first to none."""
    return [max(0, number - 1) for number in range(count)]


def _wants(library: int, versions: Sequence[int]) -> bytes:
    """One library of which these versions are needed."""
    if not versions:
        return b""
    head = struct.pack("<HHIII", 1, len(versions), library, 16, 0)
    last = len(versions) - 1
    rows = [
        struct.pack("<IHHII", 0, 0, 2, place, 16 * (number < last)) for number, place in enumerate(versions)
    ]
    return head + b"".join(rows)


def cache(*entries: Tuple[str, str], flags: int = 0x303, old: bool = False) -> bytes:
    """An ld.so.cache with these (soname, path) entries, as glibc writes it; `old`: behind the format before 2.2."""
    strings, rows = bytearray(), []
    first = 48 + 24 * len(entries)
    for soname, path in entries:
        places = []
        for text in (soname, path):
            places.append(first + len(strings))
            strings.extend(text.encode() + b"\0")
        rows.append(struct.pack("<iIIIQ", flags, *places, 0, 0))
    header = struct.pack("<20sII5I", b"glibc-ld.so.cache1.1", len(entries), len(strings), 2, 0, 0, 0, 0)
    data = header + b"".join(rows) + bytes(strings)
    return b"ld.so-1.7.0\0" + struct.pack("<I", 0) + data if old else data
