"""What an ELF file says of itself (formats: System V gABI, symbol versions of the LSB, glibc's elf.h)."""

import re
import struct
from dataclasses import dataclass, field, replace
from typing import Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

Reader = Callable[[int, int], bytes]
"""`read(offset, size)`: the bytes there, fewer at the end of the file."""

_PAGE = 1 << 14
_PAGES_KEPT = 64
# Readers hand offsets to pread, which takes 63 bits.
_PAGES_MOST = 1 << 48
_MOST_BYTES = 1 << 24
_MOST_TEXT = 1 << 26
_LONGEST_PATH = 1 << 16
#: Bounds that the functions for symbols keep as well.
MOST_RECORDS = 1 << 13
LONGEST_SYMBOL = 1 << 20
_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_DT_NEEDED, _DT_STRTAB, _DT_STRSZ, _DT_SONAME, _DT_RPATH, _DT_RUNPATH = 1, 5, 10, 14, 15, 29
_DT_VERDEF, _DT_VERDEFNUM, _DT_VERNEED, _DT_VERNEEDNUM = 0x6FFFFFFC, 0x6FFFFFFD, 0x6FFFFFFE, 0x6FFFFFFF
_SHT_NOBITS = 8
_VER_FLG_BASE, _VER_FLG_WEAK = 1, 2
_TYPES = {1: "rel", 2: "exec", 3: "dyn", 4: "core"}
# Named as `uname -m` names them.
_MACHINES = {
    (3, "<", 32): "i386",
    (21, ">", 64): "ppc64",
    (21, "<", 64): "ppc64le",
    (22, ">", 64): "s390x",
    (40, "<", 32): "arm",
    (62, "<", 64): "x86_64",
    (183, "<", 64): "aarch64",
    (190, "<", 64): "cuda",
    (243, "<", 64): "riscv64",
    (258, "<", 64): "loongarch64",
}
_NOT_ELF = (
    (rb"\Z", "it is empty"),
    (rb"!<(arch|thin)>\n", "it is an ar archive (a static library)"),
    (rb"version https://git-lfs", "it is a Git LFS pointer (the real file was never downloaded)"),
    (rb"\s*(/\*[^\0]*?\*/\s*)?(INPUT|GROUP|OUTPUT_FORMAT|SEARCH_DIR)\s*\(", "it is a linker script"),
    (rb"MZ", "it is a Windows program"),
    (rb"[\xce\xcf]\xfa\xed\xfe|\xca\xfe\xba\xbe", "it is a macOS binary"),
    (rb"[\t\n\r -~]{64}|[\t\n\r -~]*\Z", "it is a text file"),
    (rb"", "it has another format"),
)


class ElfError(ValueError):
    """The file is not ELF, or is damaged; says which in one line."""


@dataclass(frozen=True)
class Layout:
    """Where things are in the file, for the functions that read more of it."""

    order: str
    bits: int
    loads: Tuple[Tuple[int, int, int], ...] = ()
    dynamic: Mapping[int, int] = field(default_factory=dict)
    sections: Tuple[int, int, int, int] = (0, 0, 0, 0)

    def table(self, tag: int) -> int:
        """The file offset of what an entry of the dynamic section points to."""
        address = self.dynamic.get(tag, -1)
        for start, size, offset in self.loads:
            if start <= address < start + size:
                return offset + address - start
        raise ElfError(f"damaged ELF file: entry {tag:#x} of the dynamic section points to nothing loaded")


@dataclass(frozen=True)
class Elf:
    """What the dynamic loader reads of a file; a static program has little but the first four."""

    machine: str
    bits: int
    byteorder: str
    type: str
    interp: Optional[str]
    soname: Optional[str]
    needed: Tuple[str, ...]
    rpath: Tuple[str, ...]
    runpath: Tuple[str, ...]
    version_needs: Mapping[str, Tuple[str, ...]]
    version_definitions: Tuple[str, ...]
    layout: Layout = field(repr=False, compare=False)

    @property
    def versions_needed(self) -> Tuple[str, ...]:
        """The versions needed of all libraries together."""
        return tuple(version for versions in self.version_needs.values() for version in versions)


@dataclass(frozen=True)
class Section:
    """One section; `size` is 0 when its bytes are not in the file."""

    name: str
    type: int
    offset: int
    size: int


def parse(read: Reader) -> Elf:
    """Read the headers and the dynamic section of a file; needs no section headers."""
    head = read(0, _PAGE)[:_PAGE]
    file = File(read, _identify(head), head)
    kind, number, _, _, segments, sections, _, _, each, count, *rest = file.unpack("HHIPPPIHHHHHH", 16)
    if kind not in _TYPES:
        raise ElfError(f"damaged ELF file: unknown type {kind:#x}")
    headers = list(_segments(file, segments, count, each))
    entries = _dynamic(file, headers)
    file.layout = replace(
        file.layout,
        loads=tuple((address, size, offset) for what, offset, address, size in headers if what == _PT_LOAD),
        dynamic=dict(entries),
        sections=(sections, rest[0], rest[1], rest[2]),
    )
    order, bits = file.layout.order, file.layout.bits
    interp = [file.text(offset) for what, offset, _, size in headers if what == _PT_INTERP and size]
    return Elf(
        machine=_MACHINES.get((number, order, bits), f"machine-{number}-{bits}"),
        bits=bits,
        byteorder={"<": "little", ">": "big"}[order],
        type=_TYPES[kind],
        interp=interp[0] if interp else None,
        soname=_name(file, _DT_SONAME),
        needed=tuple(file.name(value) for tag, value in entries if tag == _DT_NEEDED),
        rpath=_path(file, _DT_RPATH),
        runpath=_path(file, _DT_RUNPATH),
        version_needs=_version_needs(file),
        version_definitions=tuple(_version_definitions(file)),
        layout=file.layout,
    )


def newest(versions: Iterable[str], prefix: str) -> Optional[str]:
    """The newest by number, `GLIBC_2.34` for the prefix `GLIBC`; `GLIBC_PRIVATE` does not count."""
    form = re.compile(re.escape(prefix) + r"_[0-9]{1,9}(\.[0-9]{1,9})*")
    numbered = [version for version in versions if form.fullmatch(version)]
    return max(
        numbered, default=None, key=lambda name: [int(part) for part in name[len(prefix) + 1 :].split(".")]
    )


def sections(read: Reader, elf: Elf) -> Tuple[Section, ...]:
    """All sections; none when the section headers were stripped."""
    return tuple(read_sections(File(read, elf.layout)))


def section(read: Reader, elf: Elf, name: str) -> Optional[Section]:
    """The first section of that name."""
    return next((one for one in read_sections(File(read, elf.layout)) if one.name == name), None)


class File:
    """Pieces of one file, cut from pages so that neighbours cost one read; bounded in memory and time."""

    def __init__(self, read: Reader, layout: Layout, head: Optional[bytes] = None) -> None:
        self.layout = layout
        self._read = read
        self._pages: Dict[int, bytes] = {} if head is None else {0: head}
        self._strings: Optional[int] = None
        self._records_left = MOST_RECORDS
        self._text_left = _MOST_TEXT

    def at(self, offset: int, size: int) -> bytes:
        """Exactly these bytes."""
        number, start = divmod(offset, _PAGE)
        inside = start + size <= _PAGE
        if inside:
            data = self._page(number)[start : start + size]
        else:
            data = self._read(offset, size)[:size] if size <= _MOST_BYTES and number < _PAGES_MOST else b""
        if len(data) < size:
            raise ElfError(f"damaged ELF file: {size} bytes at offset {offset:#x} are not there")
        return data

    def form(self, form: str) -> str:
        """The format in the file's byte order; P stands for a number of its word size."""
        return self.layout.order + form.replace("P", "Q" if self.layout.bits == 64 else "I")

    def unpack(self, form: str, offset: int) -> Tuple[int, ...]:
        """The numbers there."""
        form = self.form(form)
        return struct.unpack(form, self.at(offset, struct.calcsize(form)))

    def text(self, offset: int, longest: int = _LONGEST_PATH) -> str:
        """The text there up to its NUL."""
        found = b""
        while len(found) <= min(longest, self._text_left):
            number, start = divmod(offset + len(found), _PAGE)
            page = self._page(number)
            end = page.find(b"\0", start)
            found += page[start : end if end >= 0 else None]
            if end >= 0:
                self._text_left -= len(found) + 1
                return found.decode("utf-8", "backslashreplace")
            if len(page) < _PAGE:
                break
        raise ElfError(f"damaged ELF file: the name at offset {offset:#x} does not end")

    def name(self, index: int, longest: int = _LONGEST_PATH) -> str:
        """A name of the dynamic string table."""
        if index >= self.layout.dynamic.get(_DT_STRSZ, 0):
            raise ElfError(f"damaged ELF file: name {index:#x} is outside the string table")
        if self._strings is None:
            self._strings = self.layout.table(_DT_STRTAB)
        return self.text(self._strings + index, longest)

    def chain(self, form: str, offset: int, count: int) -> Iterator[Tuple[int, Tuple[int, ...]]]:
        """Records whose last number is the distance to the next one, with their offsets."""
        for _ in range(count):
            self.spend()
            record = self.unpack(form, offset)
            yield offset, record
            if not record[-1]:
                return
            offset += record[-1]

    def spend(self) -> None:
        """Count one step of a walk that the file itself may have made endless."""
        self._records_left -= 1
        if self._records_left < 0:
            raise ElfError(f"damaged ELF file: more than {MOST_RECORDS} records")

    def _page(self, number: int) -> bytes:
        if number not in self._pages:
            if len(self._pages) >= _PAGES_KEPT:
                self._pages.clear()
            self._pages[number] = self._read(number * _PAGE, _PAGE)[:_PAGE] if number < _PAGES_MOST else b""
        return self._pages[number]


def _identify(head: bytes) -> Layout:
    if not head.startswith(b"\x7fELF"):
        why = next(why for pattern, why in _NOT_ELF if re.match(pattern, head[:4096]))
        raise ElfError(f"not an ELF file: {why}")
    if len(head) < 16 or head[4] not in (1, 2) or head[5] not in (1, 2):
        raise ElfError("damaged ELF file: unknown word size or byte order")
    return Layout("<>"[head[5] - 1], 32 * head[4])


def _segments(file: File, table: int, count: int, each: int) -> Iterator[Tuple[int, int, int, int]]:
    """Type, file offset, address and size in the file of each segment."""
    wide = file.layout.bits == 64
    if count and each != (56 if wide else 32):
        raise ElfError("damaged ELF file: program headers of an impossible size")
    for index in range(count):
        file.spend()
        if wide:
            what, _, offset, address, _, size, _, _ = file.unpack("IIQQQQQQ", table + index * each)
        else:
            what, offset, address, _, size, _, _, _ = file.unpack("IIIIIIII", table + index * each)
        yield what, offset, address, size


def _dynamic(file: File, segments: Iterable[Tuple[int, int, int, int]]) -> List[Tuple[int, int]]:
    entries: List[Tuple[int, int]] = []
    for offset, size in [(offset, size) for what, offset, _, size in segments if what == _PT_DYNAMIC][:1]:
        each = file.layout.bits // 4
        for tag, value in struct.iter_unpack(file.form("PP"), file.at(offset, size - size % each)):
            if not tag:
                break
            file.spend()
            entries.append((tag, value))
    return entries


def _name(file: File, tag: int) -> Optional[str]:
    return file.name(file.layout.dynamic[tag]) if tag in file.layout.dynamic else None


def _path(file: File, tag: int) -> Tuple[str, ...]:
    text = _name(file, tag)
    return tuple(text.split(":")) if text else ()


def _version_needs(file: File) -> Dict[str, Tuple[str, ...]]:
    needs: Dict[str, Tuple[str, ...]] = {}
    if _DT_VERNEED not in file.layout.dynamic:
        return needs
    start, total = file.layout.table(_DT_VERNEED), file.layout.dynamic.get(_DT_VERNEEDNUM, 0)
    for offset, (_, count, library, first, _) in file.chain("HHIII", start, total):
        versions = file.chain("IHHII", offset + first, count)
        # The loader forgives the absence of a weak version.
        strong = tuple(file.name(name) for _, (_, flags, _, name, _) in versions if not flags & _VER_FLG_WEAK)
        needs[file.name(library)] = needs.get(file.name(library), ()) + strong
    return needs


def _version_definitions(file: File) -> Iterator[str]:
    if _DT_VERDEF in file.layout.dynamic:
        start, total = file.layout.table(_DT_VERDEF), file.layout.dynamic.get(_DT_VERDEFNUM, 0)
        for offset, (_, flags, _, _, _, first, _) in file.chain("HHHHIII", start, total):
            if not flags & _VER_FLG_BASE:
                yield file.name(file.unpack("II", offset + first)[0])


def read_sections(file: File) -> Iterator[Section]:
    """One section after the other, as their headers stand in the file."""
    table, each, count, names = file.layout.sections
    form = file.form("IIPPPPIIPP")
    if not table:
        return
    if each != struct.calcsize(form):
        raise ElfError("damaged ELF file: section headers of an impossible size")
    # What does not fit in the header's 16 bits stands in section 0.
    first = file.unpack("IIPPPPIIPP", table)
    names = first[6] if names == 0xFFFF else names
    headers = list(struct.iter_unpack(form, file.at(table, (count or first[5]) * each)))
    if names >= len(headers):
        raise ElfError("damaged ELF file: the section names are missing")
    for name, what, _, _, offset, size, _, _, _, _ in headers:
        text = file.text(headers[names][4] + name, LONGEST_SYMBOL) if names else ""
        yield Section(text, what, offset, 0 if what == _SHT_NOBITS else size)
