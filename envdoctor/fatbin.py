"""Which GPU architectures a file has code for (format: unpublished; seen in files of nvcc 11.8 to 13.5)."""

import struct
from collections import Counter
from typing import Dict, Iterable, Iterator, List, Tuple

from envdoctor.elf import Elf, ElfError, Reader, Section, sections

_LINKED, _RELOCATABLE = ".nv_fatbin", "__nv_relfatbin"
_CONTAINER = struct.Struct("<IHHQ")
_MAGIC = 0xBA55ED50
# kind, version, size of this header, size of the payload; at 28 the architecture, at 40 the flags
_IMAGE = struct.Struct("<HHIQ12xI8xQ")
_KINDS = {1: "compute", 2: "sm", 8: "lto", 16: "sm"}
_FAMILY, _ARCHITECTURE = 1 << 21, 1 << 20
_WINDOW = 1 << 12
_MOST_HEADERS = 1 << 18


def architectures(read: Reader, elf: Elf) -> Tuple[str, ...]:
    """All architectures, `("sm_80", "sm_90a", "compute_90")`: machine code first, then PTX, then LTO code."""
    return tuple(images(read, elf))


def images(read: Reader, elf: Elf) -> Dict[str, int]:
    """How many images there are of each; one kernel may be built for more architectures than all others."""
    every = sections(read, elf)
    if not every:
        raise ElfError("the GPU architectures cannot be read: no section headers")
    found = Counter(name for container in _containers(read, every, _LINKED) for name in container)
    linked = frozenset(found)
    for container in _containers(read, every, _RELOCATABLE):
        # What the device linker was given stays in the file, with libcudadevrt, which is built for every
        # architecture. Of that only the PTX still counts: the driver can link it again for newer GPUs.
        if elf.type == "rel":
            found.update(container)
        elif linked.issuperset(name for name in container if name.startswith("sm_")):
            found.update(name for name in container if name.startswith("compute_"))
    return {name: found[name] for name in sorted(found, key=_order)}


def _order(name: str) -> Tuple[int, int, str]:
    kind, _, number = name.partition("_")
    return ("sm", "compute", "lto").index(kind), int(number.rstrip("af")), name


def _containers(read: Reader, every: Iterable[Section], name: str) -> Iterator[List[str]]:
    """The architectures of each container in the sections of that name; payloads are passed over."""
    file = _Window(read)
    for place, end in [(one.offset, one.offset + one.size) for one in every if one.name == name]:
        while place + _CONTAINER.size <= end:
            magic, _, header, size = file.unpack(_CONTAINER, place)
            # The linker fills with zeros between containers.
            if not magic:
                place += 8
                continue
            if magic != _MAGIC or header < _CONTAINER.size or place + header + size > end:
                raise ElfError(f"damaged ELF file: no container of GPU code at offset {place:#x}")
            yield list(_images(file, place + header, place + header + size))
            place += header + size


def _images(file: "_Window", place: int, end: int) -> Iterator[str]:
    while place < end:
        kind, _, header, size, architecture, flags = file.unpack(_IMAGE, place)
        if header < _IMAGE.size or place + header + size > end:
            raise ElfError(f"damaged ELF file: an impossible image of GPU code at offset {place:#x}")
        if kind in _KINDS:
            suffix = "a" if flags & _ARCHITECTURE else "f" if flags & _FAMILY else ""
            yield f"{_KINDS[kind]}_{architecture}{suffix}"
        place += header + size


class _Window:
    """A few kilobytes of the file, so that small images cost no read each; counts what it is asked."""

    def __init__(self, read: Reader) -> None:
        self._read = read
        self._start = 0
        self._data = b""
        self._left = _MOST_HEADERS

    def unpack(self, form: struct.Struct, place: int) -> Tuple[int, ...]:
        self._left -= 1
        if not self._start <= place <= self._start + len(self._data) - form.size:
            # Readers hand offsets to pread, which takes 63 bits.
            self._start, self._data = place, self._read(place, _WINDOW) if place < 1 << 62 else b""
        if self._left < 0 or len(self._data) < form.size:
            raise ElfError(f"damaged ELF file: no end of the GPU code at offset {place:#x}")
        return form.unpack_from(self._data, place - self._start)
