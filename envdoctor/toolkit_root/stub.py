"""A stand-in for the driver's libraries, made of the names in their header: for linking where no driver is installed.

NVIDIA's installers leave such stubs in lib64/stubs, and no wheel has them. Without one `-lcuda` fails on a machine
that only builds, and CMake has no CUDA::cuda_driver. Every function of the stub answers that it is one.
"""

import re
import struct
from dataclasses import dataclass
from typing import Callable, Dict, List, Optional, Pattern, Sequence, Tuple

#: `#define cuMemAlloc cuMemAlloc_v2`, `#define cuMemcpyHtoD __CUDA_API_PTDS(cuMemcpyHtoD_v2)`.
_RENAMED = re.compile(
    r"^\s*#\s*define\s+cu[A-Z]\w+\s+(?=cu[A-Z]|__CUDA_API_PT(DS|SZ)\()(?:\w+\()?(cu[A-Z]\w+)\)?\s*$",
    re.MULTILINE,
)
_PAGE = 0x10000  # the largest that aarch64 has
_HEADER, _PROGRAM_HEADER, _SECTION_HEADER, _SYMBOL = 64, 56, 64, 24
_LOAD, _DYNAMIC, _STACK = 1, 2, 0x6474E551
_PROGBITS, _STRTAB, _HASH, _DYNAMIC_SECTION, _DYNSYM = 1, 3, 5, 6, 11
#: kernel's name -> (ELF's number, "return {code}" in machine code).
_MACHINES: Dict[str, Tuple[int, Callable[[int], bytes]]] = {
    "x86_64": (62, lambda code: b"\xb8" + struct.pack("<I", code) + b"\xc3"),
    "aarch64": (183, lambda code: struct.pack("<II", 0x52800000 | code << 5, 0xD65F03C0)),
}


@dataclass(frozen=True)
class Stub:
    """One library of the driver, and the headers that declare its functions."""

    headers: Tuple[str, ...]
    name: str
    soname: str
    functions: Pattern[str]
    code: int  # what every function returns


STUBS = (
    # 34 is CUDA_ERROR_STUB_LIBRARY.
    Stub(
        ("cuda.h", "cudaProfiler.h", "cudaGL.h", "cudaEGL.h", "cudaVDPAU.h"),
        "libcuda.so",
        "libcuda.so.1",
        re.compile(r"CUDAAPI\s+(cu[A-Z]\w+)\s*\("),
        34,
    ),
    # 12 is NVML_ERROR_LIBRARY_NOT_FOUND.
    Stub(
        ("nvml.h",),
        "libnvidia-ml.so",
        "libnvidia-ml.so.1",
        re.compile(r"DECLDIR\s+(?:char\s*\*\s*)?(nvml[A-Z]\w+)\s*\("),
        12,
    ),
)


def functions_of(stub: Stub, header: str) -> Tuple[str, ...]:
    """The functions that the header's text declares, and the names that its macros turn them into; sorted."""
    found = set(stub.functions.findall(header))
    for streams, name in _RENAMED.findall(header):
        found.add(name)
        if streams:  # cuMemcpy is cuMemcpy_ptds where each thread has a default stream of its own
            found.add(f"{name}_pt{streams.lower()}")
    return tuple(sorted(found))


def library(stub: Stub, functions: Sequence[str], machine: str) -> Optional[bytes]:
    """A shared library with these functions; None for a machine whose code is not known."""
    if machine not in _MACHINES or not functions:
        return None
    number, code = _MACHINES[machine]
    return _Layout(stub.soname, functions, code(stub.code)).file(number)


class _Layout:
    """Where each section lies: first what is only read and run, then on a page of its own what the loader writes to."""

    def __init__(self, soname: str, functions: Sequence[str], code: bytes) -> None:
        names, at = _strings((soname, *functions))
        self.sections: Dict[str, Tuple[int, bytes]] = {}
        self.end = _HEADER + 4 * _PROGRAM_HEADER
        self._add(".hash", _hash_table(functions))
        self._add(".dynsym", bytes(_SYMBOL * (len(functions) + 1)))
        self._add(".dynstr", names)
        self._add(".text", code)
        where = self.sections[".text"][0]
        symbols = (struct.pack("<IBBHQQ", at[name], 0x12, 0, 4, where, len(code)) for name in functions)
        self.sections[".dynsym"] = (self.sections[".dynsym"][0], bytes(_SYMBOL) + b"".join(symbols))
        self.read_only = self.end
        self.end = -(-self.end // _PAGE) * _PAGE
        self._add(".dynamic", self._dynamic(at[soname]))
        self.loaded = self.end

    def _add(self, name: str, data: bytes) -> None:
        start = -(-self.end // 8) * 8
        self.sections[name] = (start, data)
        self.end = start + len(data)

    def _dynamic(self, soname: int) -> bytes:
        strings, symbols = self.sections[".dynstr"], self.sections[".dynsym"]
        entries = [(14, soname), (4, self.sections[".hash"][0]), (5, strings[0]), (6, symbols[0])]
        entries += [(10, len(strings[1])), (11, _SYMBOL), (0, 0)]
        return b"".join(struct.pack("<QQ", *entry) for entry in entries)

    def file(self, machine: int) -> bytes:
        """Everything in its place."""
        kinds = {
            ".hash": (_HASH, 2, 2, 0, 4),
            ".dynsym": (_DYNSYM, 2, 3, 1, _SYMBOL),
            ".dynstr": (_STRTAB, 2, 0, 0, 0),
            ".text": (_PROGBITS, 6, 0, 0, 0),
            ".dynamic": (_DYNAMIC_SECTION, 3, 3, 0, 16),
            ".shstrtab": (_STRTAB, 0, 0, 0, 0),
        }
        names, at = _strings(tuple(kinds))
        self._add(".shstrtab", names)
        table = -(-self.end // 8) * 8
        image = bytearray(table)
        for start, data in self.sections.values():
            image[start : start + len(data)] = data
        image[:_HEADER] = _header(machine, table, len(kinds) + 1)
        image[_HEADER : _HEADER + 4 * _PROGRAM_HEADER] = self._program_headers()
        headers = [bytes(_SECTION_HEADER)]
        for name, (kind, flags, link, info, size) in kinds.items():
            start, data = self.sections[name]
            address = start if flags else 0
            headers.append(
                struct.pack(
                    "<IIQQQQIIQQ", at[name], kind, flags, address, start, len(data), link, info, 8, size
                )
            )
        return bytes(image) + b"".join(headers)

    def _program_headers(self) -> bytes:
        start, data = self.sections[".dynamic"]
        parts: List[Tuple[int, int, int, int, int]] = [
            (_LOAD, 5, 0, self.read_only, _PAGE),
            (_LOAD, 6, start, len(data), _PAGE),
            (_DYNAMIC, 6, start, len(data), 8),
            (_STACK, 6, 0, 0, 16),
        ]
        return b"".join(
            struct.pack("<IIQQQQQQ", kind, flags, at, at, at, size, size, align)
            for kind, flags, at, size, align in parts
        )


def _header(machine: int, sections: int, count: int) -> bytes:
    identity = b"\x7fELF\x02\x01\x01" + bytes(9)
    sizes = (_HEADER, _PROGRAM_HEADER, 4, _SECTION_HEADER, count, count - 1)
    return identity + struct.pack("<HHIQQQIHHHHHH", 3, machine, 1, 0, _HEADER, sections, 0, *sizes)


def _strings(names: Sequence[str]) -> Tuple[bytes, Dict[str, int]]:
    """A string table, and where each name is in it."""
    table, at = b"\0", {}
    for name in names:
        at[name] = len(table)
        table += name.encode() + b"\0"
    return table, at


def _hash_table(functions: Sequence[str]) -> bytes:
    """ELF's classic hash table: symbol numbers start at 1."""
    count = max(1, len(functions) // 2)
    buckets, chain = [0] * count, [0] * (len(functions) + 1)
    for number, name in enumerate(functions, 1):
        bucket = _hashed(name) % count
        chain[number], buckets[bucket] = buckets[bucket], number
    numbers = [count, len(chain), *buckets, *chain]
    return struct.pack(f"<{len(numbers)}I", *numbers)


def _hashed(name: str) -> int:
    value = 0
    for letter in name.encode():
        value = (value << 4) + letter
        high = value & 0xF0000000
        value = (value ^ high >> 24) & ~high & 0xFFFFFFFF
    return value
