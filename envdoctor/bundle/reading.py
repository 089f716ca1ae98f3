"""Reading the machine code in a wheel, from its file alone."""

import posixpath
import re
from typing import Callable, FrozenSet, Iterator, List, Optional, Tuple, TypeVar

from envdoctor import symbols
from envdoctor.bundle.compiled import Compiled, Linked
from envdoctor.bundle.target import BundleError
from envdoctor.elf import Elf, ElfError, Reader, newest, parse
from envdoctor.elf_symbols import defined_symbols, undefined_symbols
from envdoctor.fatbin import architectures
from envdoctor.host import Host, archives, make_folder, remove

T = TypeVar("T")
_COMPILED = re.compile(r".*\.so(\.[\d.]+)?|[^/]+\.data/scripts/.+|.*/bin/[^/.]+")
_MAGIC = b"\x7fELF"
_LIBSTDCXX = "libstdc++.so.6"


def read_compiled(host: Host, wheel: str, work: str) -> Tuple[Compiled, ...]:
    """All of a wheel, with room for its largest file below `work`. Raises BundleError, OSError."""
    return tuple(_each(host, wheel, work, _compiled))


def read_linked(host: Host, wheel: str, work: str) -> Tuple[Linked, ...]:
    """The same, with symbols."""

    def linked(member: str, read: Reader, elf: Elf) -> Linked:
        undefined, defined = undefined_symbols(read, elf), defined_symbols(read, elf)
        return Linked(_compiled(member, read, elf), _concern(undefined), _concern(defined))

    return tuple(_each(host, wheel, work, linked))


def _each(host: Host, wheel: str, work: str, of: Callable[[str, Reader, Elf], T]) -> List[T]:
    name = posixpath.basename(wheel)
    found: List[T] = []
    try:
        for member, path in _unpacked(host, wheel, work):

            def read(offset: int, size: int, path: str = path) -> bytes:
                return host.read_range(path, offset, size)

            try:
                found.append(of(member, read, parse(read)))
            except ElfError as error:
                raise BundleError(f"{name}: {member}: {error}") from None
    except archives.BrokenArchive as error:
        raise BundleError(f"{name}: {error}") from None
    return found


def _unpacked(host: Host, wheel: str, work: str) -> Iterator[Tuple[str, str]]:
    """ELF files by their names in a wheel, each unpacked below `work` until the next one. Raises BrokenArchive."""
    folder = posixpath.join(work, "compiled")
    try:
        for member in archives.members(wheel):
            if _COMPILED.fullmatch(member):
                make_folder(folder)
                path = archives.extract(wheel, member, folder)
                if host.read_range(path, 0, 4) == _MAGIC:
                    yield member, path
                remove(path)
    finally:
        remove(folder)


def _compiled(member: str, read: Reader, elf: Elf) -> Compiled:
    of_libstdcxx = elf.version_needs.get(_LIBSTDCXX, ())
    return Compiled(
        member,
        elf.machine,
        _version(elf.versions_needed, "GLIBC"),
        _version(of_libstdcxx, "GLIBCXX"),
        _version(of_libstdcxx, "CXXABI"),
        elf.soname,
        elf.needed,
        (*elf.rpath, *elf.runpath),
        _gpu(read, elf),
    )


def _version(versions: Tuple[str, ...], prefix: str) -> Optional[str]:
    found = newest(versions, prefix)
    return found.partition("_")[2] if found else None


def _gpu(read: Reader, elf: Elf) -> Optional[Tuple[str, ...]]:
    try:
        return architectures(read, elf)
    except ElfError:
        return None if elf.layout.sections[0] else ()


def _concern(names: FrozenSet[str]) -> FrozenSet[str]:
    return frozenset(name for name in names if symbols.is_of_torch(name) or symbols.cuda_library(name))
