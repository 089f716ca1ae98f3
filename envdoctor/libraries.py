"""CUDA's libraries as link lines name them: where a copy is, and the overlay's steps that put one in reach. Pure."""

import posixpath
import re
import shlex
from dataclasses import replace
from typing import Iterator, Optional, Tuple

from envdoctor import compat
from envdoctor.builders import builds_torch_extension
from envdoctor.facts import Library, Project, Toolkit, Toolkits, Torch
from envdoctor.finding import SetEnv, Shim, Step

FOLDER = "{overlay}/lib"
_OF_TORCH = re.compile(r"(?:torch|c10|caffe2|shm)\w*")


def link_name(text: str) -> str:
    """The bare name: "cublas_static" of "CUDA::cublas_static", "-lcublas_static" or "libcublas_static.a"."""
    name = posixpath.basename(text.strip())
    for start in ("CUDA::", "-l", "lib"):
        name = name[len(start) :] if name.startswith(start) else name
    return name.partition(".")[0]


def used(toolkit: Optional[Toolkit], toolkits: Toolkits) -> Optional[Toolkit]:
    """The toolkit whose folders a link searches: the one that a variable names, also without nvcc, else nvcc's."""
    for variable in ("CUDA_HOME", "CUDA_PATH"):
        named = next((item for item in toolkits.items if variable in item.origins), None)
        if named is not None:
            return named
    return toolkit


def torch_refuses(project: Project, toolkit: Toolkit, torch: Optional[Torch]) -> bool:
    """Whether torch's extension builder stops over the toolkit itself: its CUDA major version is not torch's.

    What such a toolkit lacks is no trouble of its own: the cure is another toolkit (toolkit-torch-cuda-mismatch).
    """
    built_with = compat.release(torch.cuda) if torch else None
    if not builds_torch_extension(project) or not toolkit.nvcc or toolkit.release == (0, 0):
        return False
    return built_with is not None and toolkit.release[0] != built_with[0]


def torch_takes(project: Project, toolkits: Optional[Toolkits], torch: Optional[Torch]) -> Optional[Toolkits]:
    """Those toolkits that torch's extension builder takes: a cure must not bring the next trouble."""
    if toolkits is None:
        return None
    kept = tuple(item for item in toolkits.items if not torch_refuses(project, item, torch))
    return replace(toolkits, items=kept)


def linkable(toolkits: Toolkits, file: str) -> bool:
    """Whether a folder of LIBRARY_PATH has that file."""
    return any(posixpath.basename(path) == file for path in toolkits.linkable)


def searched(name: str, near: Toolkit, toolkits: Toolkits) -> Iterator[Library]:
    """The library where every link looks: in that toolkit, and in Debian's in the system's folder."""
    for item in (near, *(item for item in toolkits.items if item.layout == "debian")):
        library = item.library(name)
        if library is not None:
            yield library


def copies(name: str, near: Toolkit, toolkits: Toolkits) -> Iterator[Library]:
    """The library in that toolkit, then in the others of the same CUDA major version."""
    others = (
        item for item in toolkits.items if item.root != near.root and item.release[0] == near.release[0]
    )
    for item in (near, *others):
        library = item.library(name)
        if library is not None:
            yield library


def dev_link(name: str, near: Toolkit, toolkits: Toolkits) -> Tuple[Step, ...]:
    """The shim that lets `-lNAME` find a shared library; empty when one is there, or no copy is known.

    A linker script, not a link: behind a link ld does not see what lies beside the library ($ORIGIN), and a program
    that links libcublas.so then misses libcublasLt.
    """
    own = near.library(name)
    if (own is not None and own.dev_link) or linkable(toolkits, f"lib{name}.so"):
        return ()
    target = next((copy.dev_link or copy.shared for copy in copies(name, near, toolkits)), None)
    return (Shim(f"lib/lib{name}.so", "text", f'INPUT ( "{target}" )\n'),) if target else ()


def search(project: Project, *folders: str) -> Tuple[Step, ...]:
    """Let the linker, and CMake's find_library, look into the overlay's folder and these."""
    value = ":".join((FOLDER, *folders))
    steps: Tuple[Step, ...] = (SetEnv("LIBRARY_PATH", value, "prepend"),)
    return (*steps, SetEnv("CMAKE_LIBRARY_PATH", value, "prepend")) if project.cmake else steps


def wheel_command(name: str, near: Toolkit, python: str) -> Optional[str]:
    """pip's command for the wheel that brings a library for that toolkit's CUDA; None when no wheel does."""
    wheel = compat.cuda_wheel(name, near.release[0])
    return f"{shlex.quote(python)} -m pip install {wheel}" if wheel else None


def soname(name: str) -> Tuple[str, str]:
    """ "libcudart.so.11.0" is ("cudart", "11.0"); a name without version has ""."""
    stem, _, version = posixpath.basename(name).partition(".so")
    return stem[3:] if stem.startswith("lib") else stem, version.lstrip(".")


def cuda_major(name: str) -> int:
    """CUDA's major version that a library's name tells; 0 when it tells none."""
    stem, version = soname(name)
    number = version.partition(".")[0]
    return int(number) if stem in compat.CUDA_MAJOR_SONAMES and number.isdigit() else 0


def is_of_torch(name: str) -> bool:
    """Whether a library is one of torch's by its name: "libtorch_cpu.so", "libc10.so", or without "lib" and ".so"."""
    return _OF_TORCH.fullmatch(soname(name)[0]) is not None


def is_importable(path: str) -> bool:
    """Whether a compiled file's name says that Python imports it: other libraries of a package may be optional."""
    name = posixpath.basename(path)
    return name.endswith(".abi3.so") or ".cpython-" in name
