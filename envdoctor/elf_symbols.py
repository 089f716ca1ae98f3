"""Dynamic symbols of an ELF file, by the hash tables that the loader uses (System V gABI, GNU hash)."""

import functools
import struct
from typing import FrozenSet, Iterable, Iterator, NamedTuple, Tuple

from envdoctor.elf import LONGEST_SYMBOL, MOST_RECORDS, Elf, ElfError, File, Reader, read_sections

_MOST_SYMBOLS = 1 << 22
_SYMBOLS_AT_ONCE = 1 << 15
_DT_HASH, _DT_SYMTAB, _DT_GNU_HASH = 4, 6, 0x6FFFFEF5
_SHT_DYNSYM = 11
_STB_GLOBAL = 1


def undefined_symbols(read: Reader, elf: Elf) -> FrozenSet[str]:
    """The symbols that other libraries must define; weak ones may stay undefined, so they are left out."""
    if _DT_SYMTAB not in elf.layout.dynamic:
        return frozenset()
    file = File(read, elf.layout)
    # Undefined symbols come before those of the GNU hash table, except that a program has its stand-ins
    # for functions whose address it takes among these. GNU ld says 1 in a table of nothing.
    first = _gnu_hash(file).first if _DT_GNU_HASH in elf.layout.dynamic and elf.interp is None else 0
    symbols = _symbols(file, 0, first if first > 1 else _count(file))
    return _names(
        file, {name for name, info, where in symbols if name and not where and info >> 4 == _STB_GLOBAL}
    )


def defined_symbols(read: Reader, elf: Elf) -> FrozenSet[str]:
    """All that the file defines for others; where a few names are to be looked up, `exports` reads far less."""
    if _DT_SYMTAB not in elf.layout.dynamic:
        return frozenset()
    file = File(read, elf.layout)
    symbols = _symbols(file, 0, _count(file))
    return _names(file, {name for name, info, where in symbols if name and where and info >> 4})


def exports(read: Reader, elf: Elf, names: Iterable[str]) -> FrozenSet[str]:
    """Those of the names that the library defines, looked up as the loader does, through its hash table."""
    dynamic, wanted = elf.layout.dynamic, frozenset(names)
    if _DT_SYMTAB not in dynamic:
        return frozenset()
    file = File(read, elf.layout)
    lookup = _by_gnu_hash if _DT_GNU_HASH in dynamic else _by_hash if _DT_HASH in dynamic else None
    if lookup is not None:
        return frozenset(name for name, at in lookup(file, wanted) if _defines(file, at, name))
    symbols = _symbols(file, 0, _count(file))
    return wanted & _names(file, {name for name, info, where in symbols if where and info >> 4})


def _symbols(file: File, begin: int, end: int) -> Iterator[Tuple[int, int, int]]:
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


def _names(file: File, places: Iterable[int]) -> FrozenSet[str]:
    return frozenset(file.name(place, LONGEST_SYMBOL) for place in sorted(places))


def _count(file: File) -> int:
    """The number of dynamic symbols, which no header says."""
    if _DT_HASH in file.layout.dynamic:
        return file.unpack("II", file.layout.table(_DT_HASH))[1]
    if _DT_GNU_HASH in file.layout.dynamic:
        table = _gnu_hash(file)
        last = max(file.unpack(f"{table.buckets}I", table.heads), default=0)
        if last:
            return 1 + max(index for index, _ in _chain(file, table, last))
    for one in read_sections(file):
        if one.type == _SHT_DYNSYM:
            return one.size // (24 if file.layout.bits == 64 else 16)
    raise ElfError("the symbols cannot be counted: no hash table and no section headers")


def _defines(file: File, index: int, name: str) -> bool:
    place, _, where = next(_symbols(file, index, index + 1))
    return where != 0 and file.name(place, LONGEST_SYMBOL) == name


class _GnuHash(NamedTuple):
    """Number of the first symbol in the table; offsets and sizes of its parts."""

    first: int
    shift: int
    words: int
    buckets: int
    filter: int
    heads: int
    chains: int


def _gnu_hash(file: File) -> _GnuHash:
    table = file.layout.table(_DT_GNU_HASH)
    buckets, first, words, shift = file.unpack("IIII", table)
    heads = table + 16 + words * file.layout.bits // 8
    return _GnuHash(first, shift, words, buckets, table + 16, heads, heads + 4 * buckets)


def _chain(file: File, table: _GnuHash, head: int) -> Iterator[Tuple[int, int]]:
    """The symbols of one bucket and their hashes."""
    if head < table.first:
        raise ElfError("damaged ELF file: the hash table names symbols before its first")
    for index in range(head, head + MOST_RECORDS):
        (value,) = file.unpack("I", table.chains + 4 * (index - table.first))
        yield index, value | 1
        if value & 1:
            return
    raise ElfError("damaged ELF file: a chain of the hash table does not end")


def _by_gnu_hash(file: File, names: Iterable[str]) -> Iterator[Tuple[str, int]]:
    """The names with the symbols that have their hash, in the table's order: neighbours cost one read."""
    table, bits = _gnu_hash(file), file.layout.bits
    if not table.buckets or not table.words:
        return
    hashes = {name: _hash(name) for name in names}
    for name in sorted(hashes, key=lambda name: hashes[name] // bits % table.words):
        value = hashes[name]
        (word,) = file.unpack("P", table.filter + value // bits % table.words * bits // 8)
        if not word >> value % bits & word >> (value >> table.shift) % bits & 1:
            del hashes[name]
    for name in sorted(hashes, key=lambda name: hashes[name] % table.buckets):
        (head,) = file.unpack("I", table.heads + 4 * (hashes[name] % table.buckets))
        for index, other in _chain(file, table, head) if head else ():
            if other == hashes[name] | 1:
                yield name, index


@functools.lru_cache(maxsize=1 << 14)
def _hash(name: str) -> int:
    """GNU's; the same names are looked up in one library after the other."""
    value = 5381
    for byte in name.encode():
        value = (value * 33 + byte) & 0xFFFFFFFF
    return value


def _by_hash(file: File, names: Iterable[str]) -> Iterator[Tuple[str, int]]:
    """The names with the symbols in their buckets."""
    table = file.layout.table(_DT_HASH)
    buckets, _ = file.unpack("II", table)
    for name in names if buckets else ():
        value = 0
        for byte in name.encode():
            value = (value << 4) + byte
            value = (value ^ (value >> 24 & 0xF0)) & 0x0FFFFFFF
        (index,) = file.unpack("I", table + 8 + value % buckets * 4)
        for _ in range(MOST_RECORDS):
            if not index:
                break
            yield name, index
            (index,) = file.unpack("I", table + 8 + (buckets + index) * 4)
        else:
            raise ElfError("damaged ELF file: a chain of the hash table does not end")
