"""Symbols and hash tables against nm, the C++ library and damage; hand-made files of every kind are in test_elf."""

import shutil
import struct
import subprocess

import pytest

from envdoctor.elf import ElfError, parse
from envdoctor.elf_symbols import defined_symbols, exports, undefined_symbols
from tests.test_elf import handmade, opened, reader, system_library


@pytest.mark.skipif(not shutil.which("nm"), reason="no nm on this machine")
@pytest.mark.parametrize("name", ["libc.so.6", "libstdc++.so.6", "libgcc_s.so.1"])
def test_agrees_with_nm(name: str) -> None:
    path = system_library(name)
    text = subprocess.run(["nm", "-D", str(path)], check=True, capture_output=True, text=True).stdout
    rows = [row.split() for row in text.splitlines()]
    strong = {row[-1].split("@")[0] for row in rows if row[-2] == "U"}
    defined = {row[-1].split("@")[0] for row in rows if row[-2] in tuple("TDBRWVi")} - {"__gmon_start__"}
    defined -= {row[-1].split("@")[0] for row in rows if len(row) == 2}
    read, elf = opened(path)
    assert undefined_symbols(read, elf) == strong
    assert exports(read, elf, defined) == defined
    assert defined_symbols(read, elf) >= defined and exports(read, elf, defined_symbols(read, elf)) >= defined


def test_a_hash_chain_that_bites_its_tail() -> None:
    data = bytearray(handmade("<", 64))
    data[0x700:0x718] = struct.pack("<6I", 1, 3, 2, 0, 0, 2)
    read = reader(bytes(data))
    with pytest.raises(ElfError, match="does not end"):
        exports(read, parse(read), ["nothing"])


def test_a_look_up_reads_little() -> None:
    asked = []
    data = system_library("libstdc++.so.6").read_bytes()

    def read(offset: int, size: int) -> bytes:
        asked.append(size)
        return data[offset : offset + size]

    elf = parse(read)
    del asked[:]
    exports(read, elf, ["_ZSt4cout", "_ZSt3cin", "nothing"])
    assert len(asked) < 15 and sum(asked) < 250_000
