"""The ELF reader against real compilers and libraries, hand-made files of every kind, and damage."""

import contextlib
import random
import re
import shutil
import struct
import subprocess
import time
from pathlib import Path
from typing import Any, Callable, Dict, Optional, Tuple

import pytest

from envdoctor.elf import Elf, ElfError, newest, parse, section, sections
from envdoctor.elf_symbols import exports, undefined_symbols
from envdoctor.fatbin import architectures

GCC = shutil.which("gcc") or shutil.which("cc")
NEEDS_COMPILER = pytest.mark.skipif(GCC is None, reason="no C compiler on this machine")
EVERY_KIND = [("<", 64), (">", 64), ("<", 32), (">", 32)]
LIBRARY = """
int missing(void); extern int perhaps(void) __attribute__((weak)); static int hidden(void) { return 3; }
int work(void) { return missing() + (perhaps ? perhaps() : 0); } int (*get(void))(void) { return hidden; }
"""
VERSIONS = "V_1.9 { global: work; local: *; }; V_1.10 { global: get; } V_1.9;"


def reader(data: bytes) -> Callable[[int, int], bytes]:
    def read(offset: int, size: int) -> bytes:
        assert 0 <= offset < 1 << 63 and 0 <= size <= 1 << 24, "no reader is asked for that"
        return data[offset : offset + size]

    return read


def opened(path: Path) -> Tuple[Callable[[int, int], bytes], Elf]:
    read = reader(path.read_bytes())
    return read, parse(read)


def compiled(folder: Path, name: str, source: str, *flags: str) -> Path:
    (folder / f"{name}.c").write_text(source)
    subprocess.run([str(GCC), f"{name}.c", "-o", name, *flags], cwd=folder, check=True, capture_output=True)
    return folder / name


def compiled_library(folder: Path, *flags: str) -> Path:
    (folder / "versions").write_text(VERSIONS)
    link = ("-shared", "-fPIC", "-Wl,--version-script=versions", "-Wl,-soname,libwork.so.1", *flags)
    return compiled(folder, "libwork.so", LIBRARY, *link)


def system_library(name: str) -> Path:
    for folder in ("/lib64", "/usr/lib64", "/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/usr/lib"):
        if (Path(folder) / name).exists():
            return Path(folder) / name
    pytest.skip(f"no {name} on this machine")


def everything(read: Callable[[int, int], bytes]) -> Tuple[Any, ...]:
    elf = parse(read)
    names = undefined_symbols(read, elf), exports(read, elf, ["work", "missing", "nothing"])
    return (*names, sections(read, elf), architectures(read, elf))


def handmade(order: str, bits: int, changes: Optional[Dict[int, int]] = None) -> bytes:
    """A library of one page that needs and defines a little, with DT_HASH and no section headers."""
    word = {64: "Q", 32: "I"}[bits]
    names = b"\0libx.so.1\0$ORIGIN/../lib:/opt\0X_1.10\0here\0missing\0libme.so\0ME_2\0"

    def at(name: bytes) -> int:
        return names.index(b"\0" + name + b"\0") + 1

    def pack(form: str, *values: Any) -> bytes:
        return struct.pack(order + form.replace("P", word), *values)

    def symbol(name: bytes, where: int) -> bytes:
        wide = (at(name), 0x12, 0, where, 0x900, 0)
        return pack("IBBHPP", *wide) if bits == 64 else pack("IPPBBH", at(name), 0x900, 0, 0x12, 0, where)

    tables = {
        4: (0x700, pack("6I", 1, 3, 2, 0, 0, 1)),
        5: (0x400, names),
        6: (0x500, bytes(len(symbol(b"here", 5))) + symbol(b"missing", 0) + symbol(b"here", 5)),
        0x6FFFFFFE: (0x600, pack("HHIII IHHII", 1, 1, at(b"libx.so.1"), 16, 0, 0, 0, 2, at(b"X_1.10"), 0)),
        0x6FFFFFFC: (0x680, pack("HHHHIII II", 1, 0, 2, 1, 0, 20, 0, at(b"ME_2"), 0)),
    }
    entries = {10: len(names), 1: at(b"libx.so.1"), 14: at(b"libme.so"), 29: at(b"$ORIGIN/../lib:/opt")}
    entries.update({tag: 0x10000 + offset for tag, (offset, _) in tables.items()})
    entries.update({0x6FFFFFFF: 1, 0x6FFFFFFD: 1, **(changes or {})})
    dynamic = b"".join(pack("PP", tag, value) for tag, value in [*entries.items(), (0, 0)])
    ident = b"\x7fELF" + bytes([bits // 32, "<>".index(order) + 1, 1]) + bytes(9)
    size = {64: 64, 32: 52}[bits]
    header = pack(
        "16sHHIPPPIHHHHHH", ident, 3, 22, 1, 0, size, 0, 0, size, {64: 56, 32: 32}[bits], 2, 0, 0, 0
    )
    for what, offset, length in [(1, 0, 0x1000), (2, 0x200, len(dynamic))]:
        if bits == 64:
            header += pack("IIPPPPPP", what, 4, offset, 0x10000 + offset, 0, length, length, 8)
        else:
            header += pack("8I", what, offset, 0x10000 + offset, 0, length, length, 4, 4)
    page = bytearray(0x1000)
    for offset, data in [(0, header), (0x200, dynamic), *tables.values()]:
        page[offset : offset + len(data)] = data
    return bytes(page)


@pytest.mark.parametrize(("order", "bits"), EVERY_KIND)
def test_reads_both_byte_orders_and_word_sizes(order: str, bits: int) -> None:
    read = reader(handmade(order, bits))
    elf = parse(read)
    assert (elf.type, elf.bits, elf.byteorder) == ("dyn", bits, {"<": "little", ">": "big"}[order])
    assert (elf.soname, elf.needed, elf.interp) == ("libme.so", ("libx.so.1",), None)
    assert (elf.rpath, elf.runpath) == ((), ("$ORIGIN/../lib", "/opt"))
    assert elf.version_needs == {"libx.so.1": ("X_1.10",)}
    assert (elf.version_definitions, elf.versions_needed) == (("ME_2",), ("X_1.10",))
    assert undefined_symbols(read, elf) == {"missing"}
    assert exports(read, elf, ["here", "missing", "nothing"]) == {"here"}
    assert sections(read, elf) == ()


def test_big_endian_s390x_is_named() -> None:
    assert (parse(reader(handmade(">", 64))).machine, parse(reader(handmade("<", 64))).machine) == (
        "s390x",
        "machine-22-64",
    )


def test_newest_counts_by_number() -> None:
    versions = [
        "GLIBC_2.9",
        "GLIBC_2.34",
        "GLIBC_2.4",
        "GLIBC_PRIVATE",
        "GLIBC_ABI_DT_RELR",
        "GLIBCXX_3.4.30",
    ]
    assert newest(versions, "GLIBC") == "GLIBC_2.34"
    assert newest(["GLIBCXX_3.4.9", "GLIBCXX_3.4.30", "GLIBCXX_3.4"], "GLIBCXX") == "GLIBCXX_3.4.30"
    assert (
        newest(["CXXABI_1.3.13", "CXXABI_1.3.8", "CXXABI_TM_1", "CXXABI_FLOAT128"], "CXXABI")
        == "CXXABI_1.3.13"
    )
    assert newest(["GLIBC_PRIVATE"], "GLIBC") is None
    assert newest([], "GLIBC") is None


@NEEDS_COMPILER
@pytest.mark.parametrize("style", ["gnu", "sysv", "both"])
def test_a_compiled_library(tmp_path: Path, style: str) -> None:
    tags = ("-Wl,--enable-new-dtags", "-Wl,-rpath,$ORIGIN/../lib:/opt/lib", f"-Wl,--hash-style={style}")
    read, elf = opened(compiled_library(tmp_path, *tags))
    assert (elf.type, elf.soname, elf.interp) == ("dyn", "libwork.so.1", None)
    assert (elf.rpath, elf.runpath) == ((), ("$ORIGIN/../lib", "/opt/lib"))
    assert elf.version_definitions == ("V_1.9", "V_1.10")
    assert newest(elf.version_definitions, "V") == "V_1.10"
    assert exports(read, elf, ["work", "get", "hidden", "missing", "perhaps", "nothing"]) == {"work", "get"}
    assert undefined_symbols(read, elf) == {"missing"}
    assert section(read, elf, ".dynamic") is not None
    assert section(read, elf, ".nothing") is None
    assert architectures(read, elf) == ()


@NEEDS_COMPILER
def test_old_style_run_paths(tmp_path: Path) -> None:
    _, elf = opened(compiled_library(tmp_path, "-Wl,--disable-new-dtags", "-Wl,-rpath,$ORIGIN"))
    assert (elf.rpath, elf.runpath) == (("$ORIGIN",), ())


@NEEDS_COMPILER
def test_a_compiled_program(tmp_path: Path) -> None:
    source = '#include <stdio.h>\n#include <stdlib.h>\nvoid (*f)(void *) = free; int main(void) { return puts(""); }'
    for flags in (["-pie", "-fPIE"], ["-no-pie", "-fno-pie"]):
        read, elf = opened(compiled(tmp_path, "program", source, *flags))
        assert elf.type == ("dyn" if "-pie" in flags else "exec")
        assert elf.interp is not None and "ld" in elf.interp
        assert undefined_symbols(read, elf) >= {"puts", "free"}
        assert exports(read, elf, ["puts", "main"]) == frozenset()


@NEEDS_COMPILER
def test_an_object_needs_nothing_and_has_sections(tmp_path: Path) -> None:
    read, elf = opened(compiled(tmp_path, "object.o", LIBRARY, "-c"))
    assert (elf.type, elf.needed, elf.soname, elf.versions_needed) == ("rel", (), None, ())
    assert section(read, elf, ".text") is not None
    assert undefined_symbols(read, elf) == exports(read, elf, ["work"]) == frozenset()


@NEEDS_COMPILER
def test_without_section_headers(tmp_path: Path) -> None:
    data = bytearray(compiled_library(tmp_path).read_bytes())
    whole = parse(reader(bytes(data)))
    data[40:48], data[60:64] = bytes(8), bytes(4)
    read = reader(bytes(data))
    elf = parse(read)
    assert elf == whole
    assert undefined_symbols(read, elf) == {"missing"}
    assert exports(read, elf, ["work"]) == {"work"}
    assert sections(read, elf) == ()
    with pytest.raises(ElfError, match="no section headers"):
        architectures(read, elf)


def test_the_c_library() -> None:
    read, elf = opened(system_library("libc.so.6"))
    assert (elf.soname, elf.type) == ("libc.so.6", "dyn")
    assert "GLIBC_PRIVATE" in elf.version_definitions
    assert newest(elf.version_definitions, "GLIBC") is not None
    assert exports(read, elf, ["malloc", "qsort", "no_such_function"]) == {"malloc", "qsort"}


def test_the_cxx_library() -> None:
    read, elf = opened(system_library("libstdc++.so.6"))
    newest_cxx = newest(elf.version_definitions, "GLIBCXX")
    assert newest_cxx is not None and newest_cxx.startswith("GLIBCXX_3.4.")
    assert str(newest(elf.version_definitions, "CXXABI")).startswith("CXXABI_1.3.")
    assert "libc.so.6" in elf.needed and "libc.so.6" in elf.version_needs
    assert exports(read, elf, ["_ZSt4cout", "_ZSt4lost"]) == {"_ZSt4cout"}


@pytest.mark.skipif(not shutil.which("objdump"), reason="no objdump on this machine")
@pytest.mark.parametrize(
    "name", ["libc.so.6", "libm.so.6", "libstdc++.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2"]
)
def test_agrees_with_objdump(name: str) -> None:
    path = system_library(name)
    text = subprocess.run(["objdump", "-p", str(path)], check=True, capture_output=True, text=True).stdout
    defined, _, needed = text.partition("Version References:")
    _, elf = opened(path)
    assert list(elf.needed) == re.findall(r"^  NEEDED +(\S+)", text, re.MULTILINE)
    assert [elf.soname] == re.findall(r"^  SONAME +(\S+)", text, re.MULTILINE)
    assert list(elf.version_definitions) == re.findall(r"^\d+ 0x0[02468] 0x\w+ (\S+)", defined, re.MULTILINE)
    assert list(elf.version_needs) == re.findall(r"required from (\S+):", needed)
    assert list(elf.versions_needed) == re.findall(r"^    0x\w+ 0x00 \d+ (\S+)", needed, re.MULTILINE)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"!<arch>\n/               0  ", "static library"),
        (b"!<thin>\n/               0  ", "static library"),
        (b"INPUT(libncurses.so.6 -ltinfo)\n", "linker script"),
        (b"/* GNU ld script\n*/\nOUTPUT_FORMAT(elf64-x86-64)\nGROUP ( /lib/libc.so.6 )\n", "linker script"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "Git LFS pointer"),
        (b"#!/bin/sh\nexit 0\n", "text file"),
        (b"MZ\x90\0\x03", "Windows"),
        (b"\xcf\xfa\xed\xfe\x07\0\0\x01", "macOS"),
        (b"PK\x03\x04\x14\0", "another format"),
        (b"\x7fELF", "damaged"),
        (b"\x7fELF\x09\x01\x01" + bytes(60), "damaged"),
        (b"\x7fELF\x02\x01\x01" + bytes(9), "damaged"),
        (b"\x7fELF\x02\x01\x01" + bytes(100), "unknown type 0x0"),
    ],
)
def test_what_is_not_elf_is_named(content: bytes, message: str) -> None:
    with pytest.raises(ElfError, match=message) as caught:
        parse(reader(content))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("order", "bits"), EVERY_KIND)
@pytest.mark.parametrize(
    "value", [0, 1, 0xFFF, 0x10FFF, 0x11000, 0x7FFFFFFF, 0xFFFFFFFF, 2**63 - 1, 2**63, 2**64 - 1]
)
def test_absurd_numbers_in_the_dynamic_section(order: str, bits: int, value: int) -> None:
    started = time.perf_counter()
    for tag in (1, 4, 5, 6, 10, 14, 15, 29, 0x6FFFFEF5, 0x6FFFFFFC, 0x6FFFFFFD, 0x6FFFFFFE, 0x6FFFFFFF):
        with contextlib.suppress(ElfError):
            everything(reader(handmade(order, bits, {tag: value % (1 << bits)})))
    assert time.perf_counter() - started < 5


def test_a_file_that_is_all_names(tmp_path: Path) -> None:
    """Every one of many records points to one long name: neither memory nor time may grow with their product."""
    data = handmade("<", 64, {0x6FFFFFFF: 2**64 - 1, 10: 1 << 40})[:0x600]
    records = b"".join(struct.pack("<HHIII", 1, 0, number, 16, 16) for number in range(20000))
    started = time.perf_counter()
    with pytest.raises(ElfError):
        parse(reader((data + records).ljust(1 << 20, b"x")))
    assert time.perf_counter() - started < 5


@NEEDS_COMPILER
def test_two_thousand_damaged_files(tmp_path: Path) -> None:
    chance = random.Random(20260419)
    good = [compiled_library(tmp_path, "-s", "-Wl,-z,noseparate-code").read_bytes(), handmade(">", 32)]
    good.append(compiled(tmp_path, "program", "int main(void) { return 0; }", "-s").read_bytes())
    slowest = 0.0
    said = set()
    for number in range(2400):
        data = bytearray(good[number % 3])
        if number % 4 == 0:
            del data[chance.randrange(len(data)) :]
        for _ in range(0 if number % 4 == 0 else chance.choice((1, 2, 8, 64))):
            # Most of the bytes that matter are the headers at the beginning.
            place = chance.randrange(len(data) if chance.random() < 0.4 else min(len(data), 1600))
            data[place] = chance.choice(
                (data[place] ^ 1 << chance.randrange(8), 0, 255, chance.randrange(256))
            )
        started = time.perf_counter()
        try:
            everything(reader(bytes(data)))
            said.add("whole")
        except ElfError as error:
            said.add(str(error))
        slowest = max(slowest, time.perf_counter() - started)
    assert "whole" in said and len(said) > 10
    assert all(message.isprintable() for message in said)
    assert slowest < 2


@NEEDS_COMPILER
def test_few_and_small_reads(tmp_path: Path) -> None:
    asked = []
    data = system_library("libstdc++.so.6").read_bytes()

    def read(offset: int, size: int) -> bytes:
        asked.append(size)
        return data[offset : offset + size]

    parse(read)
    assert len(asked) < 10 and sum(asked) < 200_000
