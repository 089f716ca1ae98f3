"""The stand-in for libcuda.so."""

import re
import shutil
import struct
import subprocess

import pytest

from envdoctor import elf, elf_symbols
from envdoctor.toolkit_root.stub import STUBS, functions_of, library

CUDA, NVML = STUBS
# Lines of cuda.h 13.0.
HEADER = """
    #define __CUDA_API_PTDS(api) api ## _ptds
    #define cuMemAlloc                          cuMemAlloc_v2
    #define cuMemcpyHtoD                        __CUDA_API_PTDS(cuMemcpyHtoD_v2)
    #define cuMemcpyHtoDAsync                   __CUDA_API_PTSZ(cuMemcpyHtoDAsync_v2)
#define CU_IPC_HANDLE_SIZE 64
#define CUDA_VERSION 13000
CUresult CUDAAPI cuInit(unsigned int Flags);
 * ::cuNotDeclared (see there)
CUresult CUDAAPI cuMemAlloc(CUdeviceptr *dptr, size_t bytesize);
typedef void (CUDA_CB *CUstreamCallback)(CUstream hStream, CUresult status, void *userData);
"""
NAMES = (
    "cuInit",
    "cuMemAlloc",
    "cuMemAlloc_v2",
    "cuMemcpyHtoDAsync_v2",
    "cuMemcpyHtoDAsync_v2_ptsz",
    "cuMemcpyHtoD_v2",
    "cuMemcpyHtoD_v2_ptds",
)


def test_functions_that_a_header_declares():
    assert functions_of(CUDA, HEADER) == NAMES
    assert functions_of(CUDA, "#define CUDA_VERSION 13000\n") == ()
    nvml = (
        "nvmlReturn_t DECLDIR nvmlInit_v2(void);\nconst DECLDIR char* nvmlErrorString(nvmlReturn_t result);\n"
    )
    assert functions_of(NVML, nvml) == ("nvmlErrorString", "nvmlInit_v2")


def test_no_library_for_other_machines_or_of_nothing():
    assert library(CUDA, NAMES, "ppc64le") is None
    assert library(CUDA, (), "x86_64") is None


@pytest.mark.parametrize(("machine", "number"), [("x86_64", 62), ("aarch64", 183)])
def test_the_same_names_make_the_same_library_for_that_machine(machine, number):
    image = library(CUDA, NAMES, machine)
    assert image == library(CUDA, NAMES, machine)
    assert struct.unpack_from("<HH", image, 16) == (3, number)


def test_envdoctor_reads_its_own_stub():
    image = library(CUDA, NAMES, "x86_64")

    def read(offset, size):
        return image[offset : offset + size]

    found = elf.parse(read)
    assert found.soname == "libcuda.so.1"
    assert elf_symbols.exports(read, found, [*NAMES, "cuAbsent"]) == set(NAMES)


@pytest.mark.skipif(not shutil.which("g++"), reason="no g++")
def test_a_program_links_against_it_and_is_told_that_it_is_a_stub(tmp_path):
    machine = subprocess.run(["uname", "-m"], capture_output=True, text=True).stdout.strip()
    image = library(CUDA, NAMES, machine)
    if image is None:
        pytest.skip(f"no stub for {machine}")
    (tmp_path / "libcuda.so").write_bytes(image)
    (tmp_path / "main.cpp").write_text(
        'extern "C" int cuInit(unsigned), cuMemcpyHtoD_v2_ptds();\n'
        "int main() { return cuInit(0) + cuMemcpyHtoD_v2_ptds(); }\n"
    )
    run = {"cwd": tmp_path, "capture_output": True, "text": True}
    linked = subprocess.run(["g++", "main.cpp", "-L.", "-lcuda", "-o", "main"], **run)
    assert linked.returncode == 0, linked.stderr
    needed = subprocess.run(["readelf", "-d", "main"], **run).stdout
    assert re.search(r"NEEDED.*\[libcuda\.so\.1\]", needed)
    (tmp_path / "libcuda.so").rename(tmp_path / "libcuda.so.1")
    started = subprocess.run(["./main"], env={"LD_LIBRARY_PATH": str(tmp_path)}, **run)
    assert started.returncode == 68
