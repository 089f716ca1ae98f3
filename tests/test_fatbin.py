"""Architectures in hand-made containers, and in what nvcc makes where there is one."""

import contextlib
import random
import shutil
import struct
import subprocess
import time
from pathlib import Path
from typing import Dict, Tuple

import pytest

from envdoctor.elf import ElfError, parse
from envdoctor.fatbin import architectures, images
from tests.test_elf import opened, reader

NVCC = shutil.which("nvcc") or shutil.which("/usr/local/cuda/bin/nvcc")
NEEDS_NVCC = pytest.mark.skipif(NVCC is None, reason="no nvcc on this machine")
PTX, SASS, LTO = 1, 2, 8
SPECIFIC, FAMILY = 1 << 20, 1 << 21
KERNEL = 'extern "C" __global__ void k(float *x) { x[threadIdx.x] *= 2; }'


def image(kind: int, architecture: int, flags: int = 0, header: int = 64, size: int = 24) -> bytes:
    start = struct.pack("<HHIQ12xI8xQ", kind, 0x101, header, size, architecture, 0x11 | flags)
    return start.ljust(header, b"\0") + b"x" * size


def container(*parts: bytes) -> bytes:
    return struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(b"".join(parts))) + b"".join(parts)


def file_with(sections: Dict[str, bytes], kind: int = 3) -> bytes:
    names = b"\0" + b"".join(name.encode() + b"\0" for name in sections) + b".shstrtab\0"
    data = b"\x7fELF\2\1\1" + bytes(57)
    headers = bytes(64)
    for name, content in {**sections, ".shstrtab": names}.items():
        place = names.index(name.encode() + b"\0")
        headers += struct.pack("<IIQQQQIIQQ", place, 1, 0, 0, len(data), len(content), 0, 0, 8, 0)
        data += content
    count = len(sections) + 2
    header = struct.pack("<HHIQQQIHHHHHH", kind, 62, 1, 0, 0, len(data), 0, 64, 0, 0, 64, count, count - 1)
    return data[:16] + header + data[64:] + headers


def found(sections: Dict[str, bytes], kind: int = 3) -> Tuple[str, ...]:
    read = reader(file_with(sections, kind))
    return architectures(read, parse(read))


def test_a_file_with_no_gpu_code() -> None:
    assert found({".text": b"code"}) == ()
    assert found({".nv_fatbin": b""}) == ()
    assert found({".nv_fatbin": container()}) == ()


def test_machine_code_comes_before_ptx_and_is_sorted_by_number() -> None:
    parts = [image(PTX, 90), image(SASS, 120, header=112), image(SASS, 80), image(PTX, 80, header=80)]
    assert found({".nv_fatbin": container(*parts)}) == ("sm_80", "sm_120", "compute_80", "compute_90")


def test_specific_and_family_architectures() -> None:
    parts = [image(SASS, 90, SPECIFIC), image(SASS, 100, FAMILY), image(SASS, 90), image(PTX, 100, FAMILY)]
    assert found({".nv_fatbin": container(*parts)}) == ("sm_90", "sm_90a", "sm_100f", "compute_100f")


def test_many_containers_with_zeros_between_are_counted() -> None:
    one, more = container(image(SASS, 80)), container(image(SASS, 80), image(SASS, 89), image(64, 7))
    read = reader(file_with({".nv_fatbin": one + bytes(16) + more + bytes(8)}))
    assert images(read, parse(read)) == {"sm_80": 2, "sm_89": 1}


def test_payloads_are_passed_over() -> None:
    asked = []
    data = file_with({".nv_fatbin": container(*(image(SASS, 80, size=1 << 20) for _ in range(20)))})

    def read(offset: int, size: int) -> bytes:
        asked.append(size)
        return data[offset : offset + size]

    assert images(read, parse(read)) == {"sm_80": 20}
    assert sum(asked) < 200_000


def test_relocatable_code_of_the_device_runtime_is_not_ours() -> None:
    ours = container(image(SASS, 80), image(PTX, 90))
    runtime = container(*(image(SASS, number) for number in (75, 80, 90, 120)), image(PTX, 121))
    both = {".nv_fatbin": container(image(SASS, 80)), "__nv_relfatbin": ours + runtime}
    assert found(both) == ("sm_80", "compute_90")


def test_an_object_carries_all_that_it_was_compiled_for() -> None:
    parts = [image(SASS, 80), image(PTX, 90), image(LTO, 90, SPECIFIC)]
    assert found({"__nv_relfatbin": container(*parts)}, kind=1) == ("sm_80", "compute_90", "lto_90a")


@pytest.mark.parametrize(
    "content",
    [
        b"not a container at all, but long",
        container(image(SASS, 80))[:-8],
        container(image(SASS, 80, header=16)),
        container(image(SASS, 80)[:-8]),
        struct.pack("<IHHQ", 0xBA55ED50, 1, 16, 2**64 - 1),
        struct.pack("<IHHQ", 0xBA55ED50, 1, 0, 0),
        container(struct.pack("<HHIQ12xI8xQ", SASS, 0x101, 64, 2**64 - 64, 80, 0).ljust(64, b"\0")),
    ],
)
def test_damage_is_said(content: bytes) -> None:
    with pytest.raises(ElfError, match="damaged ELF file"):
        found({".nv_fatbin": content})


def test_millions_of_images_of_nothing_end() -> None:
    started = time.perf_counter()
    with pytest.raises(ElfError, match="no end of the GPU code"):
        found({".nv_fatbin": container() * 300_000})
    assert time.perf_counter() - started < 5


def test_two_thousand_damaged_containers() -> None:
    chance = random.Random(20260419)
    parts = [image(SASS, 80), image(PTX, 90, SPECIFIC, header=80), image(SASS, 120, FAMILY, header=112)]
    good = file_with({".nv_fatbin": container(*parts) * 3, "__nv_relfatbin": container(*parts)})
    started = time.perf_counter()
    for number in range(2000):
        data = bytearray(good[: chance.randrange(1, len(good))] if number % 4 == 0 else good)
        for _ in range(chance.choice((0, 1, 8))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        with contextlib.suppress(ElfError):
            read = reader(bytes(data))
            images(read, parse(read))
    assert time.perf_counter() - started < 20


@NEEDS_NVCC
@pytest.mark.parametrize("flags", [(), ("--no-compress",), ("-rdc=true",)])
def test_what_nvcc_makes(tmp_path: Path, flags: Tuple[str, ...]) -> None:
    listed = subprocess.run([str(NVCC), "--list-gpu-arch"], check=True, capture_output=True, text=True).stdout
    if "compute_90" not in listed:
        pytest.skip("this nvcc knows no compute_90")
    (tmp_path / "k.cu").write_text(KERNEL)
    targets = ["-gencode=arch=compute_80,code=sm_80", "-gencode=arch=compute_90a,code=[sm_90a,compute_90a]"]
    command = [str(NVCC), *targets, *flags, "-c", "k.cu", "-o", "k.o"]
    made = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"this nvcc does not compile here: {made.stderr.strip()[:200]}")
    assert architectures(*opened(tmp_path / "k.o")) == ("sm_80", "sm_90a", "compute_90a")
    subprocess.run(
        [str(NVCC), *targets, *flags, "-shared", "-cudart=none", "-Xcompiler=-fPIC", "k.cu", "-o", "k.so"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    # With no CUDA runtime nvcc leaves out the device linker too: relocatable code stays unusable.
    linked = () if "-rdc=true" in flags else ("sm_80", "sm_90a", "compute_90a")
    assert architectures(*opened(tmp_path / "k.so")) == linked
