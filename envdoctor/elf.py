"""What an ELF file says of itself (formats: System V gABI, symbol versions of the LSB, glibc's elf.h)."""

import re
import struct
from dataclasses import dataclass, field, replace
from typing import Callable, Dict, FrozenSet, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Tuple

Reader = Callable[[int, int], bytes]
"""`read(offset, size)`: the bytes there, fewer at the end of the file."""

_PAGE = 1 << 14
_PAGES_KEPT = 64
# Readers hand offsets to pread, which takes 63 bits.
_PAGES_MOST = 1 << 48
_MOST_BYTES = 1 << 24
_MOST_TEXT = 1 << 26
_MOST_RECORDS = 1 << 13
_MOST_SYMBOLS = 1 << 22
_SYMBOLS_AT_ONCE = 1 << 15
_LONGEST_PATH = 1 << 16
_LONGEST_SYMBOL = 1 << 20
_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_DT_NEEDED, _DT_HASH, _DT_STRTAB, _DT_SYMTAB, _DT_STRSZ = 1, 4, 5, 6, 10
_DT_SONAME, _DT_RPATH, _DT_RUNPATH, _DT_GNU_HASH = 14, 15, 29, 0x6FFFFEF5
_DT_VERDEF, _DT_VERDEFNUM, _DT_VERNEED, _DT_VERNEEDNUM = 0x6FFFFFFC, 0x6FFFFFFD, 0x6FFFFFFE, 0x6FFFFFFF
_SHT_NOBITS, _SHT_DYNSYM = 8, 11
_STB_GLOBAL = 1
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
    file = _File(read, _identify(head), head)
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
    return tuple(_sections(_File(read, elf.layout)))


def section(read: Reader, elf: Elf, name: str) -> Optional[Section]:
    """The first section of that name."""
    return next((one for one in _sections(_File(read, elf.layout)) if one.name == name), None)


def undefined_symbols(read: Reader, elf: Elf) -> FrozenSet[str]:
    """The symbols that other libraries must define; weak ones may stay undefined, so they are left out."""
    if _DT_SYMTAB not in elf.layout.dynamic:
        return frozenset()
    file = _File(read, elf.layout)
    # Undefined symbols come before those of the GNU hash table, except that a program has its stand-ins
    # for functions whose address it takes among these. GNU ld says 1 in a table of nothing.
    first = _gnu_hash(file).first if _DT_GNU_HASH in elf.layout.dynamic and elf.interp is None else 0
    symbols = _symbols(file, 0, first if first > 1 else _count(file))
    return _names(
        file, {name for name, info, where in symbols if name and not where and info >> 4 == _STB_GLOBAL}
    )


def exports(read: Reader, elf: Elf, names: Iterable[str]) -> FrozenSet[str]:
    """Those of the names that the library defines, looked up as the loader does, through its hash table."""
    dynamic, wanted = elf.layout.dynamic, frozenset(names)
    if _DT_SYMTAB not in dynamic:
        return frozenset()
    file = _File(read, elf.layout)
    lookup = _by_gnu_hash if _DT_GNU_HASH in dynamic else _by_hash if _DT_HASH in dynamic else None
    if lookup is not None:
        return frozenset(
            name for name in wanted if any(_defines(file, at, name) for at in lookup(file, name))
        )
    symbols = _symbols(file, 0, _count(file))
    return wanted & _names(file, {name for name, info, where in symbols if where and info >> 4})


class _File:
    """Pieces of one file, cut from pages so that neighbours cost one read; bounded in memory and time."""

    def __init__(self, read: Reader, layout: Layout, head: Optional[bytes] = None) -> None:
        self.layout = layout
        self._read = read
        self._pages: Dict[int, bytes] = {} if head is None else {0: head}
        self._strings: Optional[int] = None
        self._records_left = _MOST_RECORDS
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
            raise ElfError(f"damaged ELF file: more than {_MOST_RECORDS} records")

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


def _segments(file: _File, table: int, count: int, each: int) -> Iterator[Tuple[int, int, int, int]]:
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


def _dynamic(file: _File, segments: Iterable[Tuple[int, int, int, int]]) -> List[Tuple[int, int]]:
    entries: List[Tuple[int, int]] = []
    for offset, size in [(offset, size) for what, offset, _, size in segments if what == _PT_DYNAMIC][:1]:
        each = file.layout.bits // 4
        for tag, value in struct.iter_unpack(file.form("PP"), file.at(offset, size - size % each)):
            if not tag:
                break
            file.spend()
            entries.append((tag, value))
    return entries


def _name(file: _File, tag: int) -> Optional[str]:
    return file.name(file.layout.dynamic[tag]) if tag in file.layout.dynamic else None


def _path(file: _File, tag: int) -> Tuple[str, ...]:
    text = _name(file, tag)
    return tuple(text.split(":")) if text else ()


def _version_needs(file: _File) -> Dict[str, Tuple[str, ...]]:
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


def _version_definitions(file: _File) -> Iterator[str]:
    if _DT_VERDEF in file.layout.dynamic:
        start, total = file.layout.table(_DT_VERDEF), file.layout.dynamic.get(_DT_VERDEFNUM, 0)
        for offset, (_, flags, _, _, _, first, _) in file.chain("HHHHIII", start, total):
            if not flags & _VER_FLG_BASE:
                yield file.name(file.unpack("II", offset + first)[0])


def _sections(file: _File) -> Iterator[Section]:
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
        text = file.text(headers[names][4] + name, _LONGEST_SYMBOL) if names else ""
        yield Section(text, what, offset, 0 if what == _SHT_NOBITS else size)


def _symbols(file: _File, begin: int, end: int) -> Iterator[Tuple[int, int, int]]:
    """Name, binding and type, and section of each symbol."""
    wide = file.layout.bits == 64
    form = file.form("IBBHQQ" if wide else "IIIBBH")
    table, each = file.layout.table(_DT_SYMTAB), struct.calcsize(form)
    if end - begin > _MOST_SYMBOLS:
        raise ElfError(f"damaged ELF file: more than {_MOST_SYMBOLS} symbols")
    for start in range(begin, end, _SYMBOLS_AT_ONCE):
        data = file.at(table + start * each, (min(end, start + _SYMBOLS_AT_ONCE) - start) * each)
        for symbol in struct.iter_unpack(form, data):
            yield (symbol[0], symbol[1], symbol[3]) if wide else (symbol[0], symbol[3], symbol[5])


def _names(file: _File, places: Iterable[int]) -> FrozenSet[str]:
    return frozenset(file.name(place, _LONGEST_SYMBOL) for place in sorted(places))


def _count(file: _File) -> int:
    """The number of dynamic symbols, which no header says."""
    if _DT_HASH in file.layout.dynamic:
        return file.unpack("II", file.layout.table(_DT_HASH))[1]
    if _DT_GNU_HASH in file.layout.dynamic:
        table = _gnu_hash(file)
        last = max(file.unpack(f"{table.buckets}I", table.heads), default=0)
        if last:
            return 1 + max(index for index, _ in _chain(file, table, last))
    for one in _sections(file):
        if one.type == _SHT_DYNSYM:
            return one.size // (24 if file.layout.bits == 64 else 16)
    raise ElfError("the symbols cannot be counted: no hash table and no section headers")


def _defines(file: _File, index: int, name: str) -> bool:
    place, _, where = next(_symbols(file, index, index + 1))
    return where != 0 and file.name(place, _LONGEST_SYMBOL) == name


class _GnuHash(NamedTuple):
    """Number of the first symbol in the table; offsets and sizes of its parts."""

    first: int
    shift: int
    words: int
    buckets: int
    filter: int
    heads: int
    chains: int


def _gnu_hash(file: _File) -> _GnuHash:
    table = file.layout.table(_DT_GNU_HASH)
    buckets, first, words, shift = file.unpack("IIII", table)
    heads = table + 16 + words * file.layout.bits // 8
    return _GnuHash(first, shift, words, buckets, table + 16, heads, heads + 4 * buckets)


def _chain(file: _File, table: _GnuHash, head: int) -> Iterator[Tuple[int, int]]:
    """The symbols of one bucket and their hashes."""
    if head < table.first:
        raise ElfError("damaged ELF file: the hash table names symbols before its first")
    for index in range(head, head + _MOST_RECORDS):
        (value,) = file.unpack("I", table.chains + 4 * (index - table.first))
        yield index, value | 1
        if value & 1:
            return
    raise ElfError("damaged ELF file: a chain of the hash table does not end")


def _by_gnu_hash(file: _File, name: str) -> Iterator[int]:
    """The symbols whose hash is that of the name."""
    table, bits, value = _gnu_hash(file), file.layout.bits, 5381
    for byte in name.encode():
        value = (value * 33 + byte) & 0xFFFFFFFF
    if not table.buckets or not table.words:
        return
    (word,) = file.unpack("P", table.filter + value // bits % table.words * bits // 8)
    (head,) = file.unpack("I", table.heads + 4 * (value % table.buckets))
    if head and word >> value % bits & word >> (value >> table.shift) % bits & 1:
        yield from (index for index, other in _chain(file, table, head) if other == value | 1)


def _by_hash(file: _File, name: str) -> Iterator[int]:
    """The symbols in the bucket of the name."""
    table, value = file.layout.table(_DT_HASH), 0
    for byte in name.encode():
        value = (value << 4) + byte
        value = (value ^ (value >> 24 & 0xF0)) & 0x0FFFFFFF
    buckets, _ = file.unpack("II", table)
    index = file.unpack("I", table + 8 + value % buckets * 4)[0] if buckets else 0
    for _ in range(_MOST_RECORDS):
        if not index:
            return
        yield index
        (index,) = file.unpack("I", table + 8 + (buckets + index) * 4)
    raise ElfError("damaged ELF file: a chain of the hash table does not end")
