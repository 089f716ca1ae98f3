"""The host compiler that nvcc would use."""

import struct

from envdoctor.host import Completed
from envdoctor.probes import compilers
from envdoctor.probes.compiler import probe
from tests import factory
from tests.fakes import FakeHost

CC1PLUS = "/usr/lib/gcc/x86_64-linux-gnu/12/cc1plus"


def gcc(name, version):
    text = f"Target: x86_64-linux-gnu\nThread model: posix\ngcc version {version} (Debian {version}-14)\n"
    return {f"{name} -v": Completed(0, "", text), f"{name} -print-prog-name=cc1plus": CC1PLUS}


def program_with(constants):
    """An ELF program with these bytes in .rodata."""
    names = b"\0.rodata\0.shstrtab\0"
    table = 64 + len(constants) + len(names)
    head = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 0, table, 0, 64, 56, 0, 64, 3, 2)
    sections = ((0, 0, 0, 0), (1, 1, 64, len(constants)), (9, 3, 64 + len(constants), len(names)))
    packed = (struct.pack("<IIQQQQIIQQ", a, b, 0, 0, c, d, 0, 0, 1, 0) for a, b, c, d in sections)
    return head + constants + names + b"".join(packed)


PROGRAMS = {
    **gcc("/usr/bin/gcc", "12.2.0"),
    **gcc("/usr/bin/g++-11", "11.3.0"),
    **gcc("/usr/bin/g++-9", "9.5.0"),
}
EXECUTABLES = ["/usr/bin/gcc", "/usr/bin/g++-11", "/usr/bin/g++-9", "/usr/bin/ccache"]
TORCH = factory.project(
    setup=factory.setup(factory.extension(), imports=(factory.at("torch"),)), cuda_sources=("csrc/demo.cu",)
)
CMAKE = factory.project(builds=("cmake",), cmake=factory.cmake("3.18", "CXX", "CUDA"))


def chosen(project=None, toolkit=None, programs=None, files=None, path="/usr/bin", links=None, **env):
    executables = [*EXECUTABLES, *(files or {})]
    everything = {**dict.fromkeys(EXECUTABLES, "\x7fELF"), CC1PLUS: "", **(files or {})}
    host = FakeHost({**PROGRAMS, **(programs or {})}, everything, {"PATH": path, **env}, links, executables)
    return probe(host, compilers.probe(host), project, toolkit)


def named(*args, **kwargs):
    found = chosen(*args, **kwargs)
    return (found.name, found.version, found.found_via) if found else None


def test_the_first_gcc_on_path_whatever_cxx_says():
    assert named() == ("gcc", "12.2.0", "PATH")
    assert named(CMAKE, CXX="g++-11") == ("gcc", "12.2.0", "PATH")


def test_nothing_there():
    assert chosen(path="/opt") is None


def test_nvccs_own_variables_and_flags():
    assert named(NVCC_CCBIN="/usr/bin/g++-9") == ("g++-9", "9.5.0", "NVCC_CCBIN")
    flags = {"NVCC_CCBIN": "g++-9", "NVCC_APPEND_FLAGS": "-O2 -ccbin=g++-11"}
    assert named(**flags) == ("g++-11", "11.3.0", "NVCC_APPEND_FLAGS")


def test_an_old_nvcc_does_not_know_nvcc_ccbin():
    for constants, name in ((b"NVCC_APPEND_FLAGS\0", "gcc"), (b"NVCC_APPEND_FLAGS\0NVCC_CCBIN\0", "g++-9")):
        nvcc = factory.toolkit("11.8", "/opt/cuda-11.8")
        found = named(
            None, nvcc, files={"/opt/cuda-11.8/bin/nvcc": program_with(constants)}, NVCC_CCBIN="g++-9"
        )
        assert found is not None
        assert found[0] == name


def test_cmake_hands_on_cudahostcxx_and_torch_hands_on_cc():
    both = {"CUDAHOSTCXX": "g++-11", "CC": "ccache g++-9"}
    assert named(CMAKE, **both) == ("g++-11", "11.3.0", "CUDAHOSTCXX")
    assert named(CMAKE, CUDAFLAGS="-ccbin=g++-11") == ("g++-11", "11.3.0", "CUDAFLAGS")
    assert named(TORCH, **both) == ("g++-9", "9.5.0", "CC")
    assert named(factory.project(builds=("make",), cuda_sources=("x.cu",)), **both) == (
        "gcc",
        "12.2.0",
        "PATH",
    )


def test_a_gcc_in_nvccs_own_folder_comes_before_path():
    folder = "/usr/lib/nvidia-cuda-toolkit/bin"
    nvcc = factory.toolkit("11.8", "/usr", nvcc=f"{folder}/nvcc", layout="debian")
    programs = gcc(f"{folder}/gcc", "11.3.0")
    files = {f"{folder}/gcc": "#!/bin/sh\nexec gcc-11\n"}
    assert named(None, nvcc, programs, files) == ("gcc", "11.3.0", "beside nvcc")


def test_a_folder_that_nvccs_profile_names_comes_before_path():
    toolkit = factory.toolkit("11.8", "/opt/cuda", nvcc="/opt/cuda/bin/nvcc")
    programs = gcc("/opt/cuda/host-compiler/bin/gcc", "11.3.0")
    files = {
        "/opt/cuda/bin/nvcc": "\x7fELF",
        "/opt/cuda/bin/nvcc.profile": "TOP = $(_HERE_)/..\ncompiler-bindir = $(TOP)/host-compiler/bin\n",
        "/opt/cuda/host-compiler/bin/gcc": "#!/bin/sh\n",
    }
    assert named(None, toolkit, programs, files) == ("gcc", "11.3.0", "nvcc.profile")
    assert named(None, toolkit, programs, files, NVCC_APPEND_FLAGS="-ccbin g++-9")[2] == "NVCC_APPEND_FLAGS"
    gone = {**files, "/opt/cuda/bin/nvcc.profile": "compiler-bindir = $(OTHER)/bin\n"}
    assert named(None, toolkit, programs, gone) == ("gcc", "12.2.0", "PATH")


def test_the_compiler_behind_a_cache():
    links = {"/usr/lib/ccache/gcc": "/usr/bin/ccache"}
    found = chosen(path="/usr/lib/ccache:/usr/bin", links=links)
    assert found is not None
    assert (found.path, found.version) == ("/usr/bin/gcc", "12.2.0")


def test_one_that_does_not_answer_is_not_replaced_by_a_guess():
    assert chosen(programs={"/usr/bin/gcc -v": Completed(1, "", "gcc: error\n")}) is None
