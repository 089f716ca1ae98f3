"""Every library of a toolkit that a build may ask for: shared, for linking, static, header, stub."""

import posixpath
import re
from dataclasses import replace
from typing import Dict, List, NamedTuple, Optional, Tuple

from envdoctor.facts import Library
from envdoctor.host import Host


class Names(NamedTuple):
    """How a library is called on disk; "" where it has no such form."""

    shared: str  # stem of lib<stem>.so
    static: str
    header: str


#: By the names of the facts. Source: file lists of the 11.8, 12.4 and 13.0 toolkits and of NVIDIA's wheels.
TABLE: Dict[str, Names] = {
    "cudart": Names("cudart", "cudart_static", "cuda_runtime.h"),
    "cudadevrt": Names("", "cudadevrt", "cuda_device_runtime_api.h"),
    "cublas": Names("cublas", "cublas_static", "cublas_v2.h"),
    "cublasLt": Names("cublasLt", "cublasLt_static", "cublasLt.h"),
    "cusparse": Names("cusparse", "cusparse_static", "cusparse.h"),
    "cusolver": Names("cusolver", "cusolver_static", "cusolverDn.h"),
    "curand": Names("curand", "curand_static", "curand.h"),
    "cufft": Names("cufft", "cufft_static", "cufft.h"),
    "nvrtc": Names("nvrtc", "nvrtc_static", "nvrtc.h"),
    "nvJitLink": Names("nvJitLink", "nvJitLink_static", "nvJitLink.h"),
    "culibos": Names("", "culibos", ""),
    "cuda": Names("cuda", "", "cuda.h"),
    "nvidia-ml": Names("nvidia-ml", "", "nvml.h"),
    "cupti": Names("cupti", "cupti_static", "cupti.h"),
    "nvToolsExt": Names("nvToolsExt", "", "nvToolsExt.h"),
}
_VERSION = re.compile(r"\d+(?:\.\d+)*")


def libraries(
    host: Host,
    include_dirs: Tuple[str, ...],
    library_dirs: Tuple[str, ...],
    wheels: Dict[str, str],
) -> Tuple[Library, ...]:
    """Those that are there in some form; `wheels` gives versions by library where the file's name says less."""
    found = (_library(host, name, names, include_dirs, library_dirs) for name, names in TABLE.items())
    return tuple(_with_wheel(library, wheels) for library in found if library)


def _library(
    host: Host,
    name: str,
    names: Names,
    include_dirs: Tuple[str, ...],
    library_dirs: Tuple[str, ...],
) -> Optional[Library]:
    stubs = tuple(f"{folder}/stubs" for folder in library_dirs)
    dev_link = _first(host, library_dirs, names.shared and f"lib{names.shared}.so")
    shared, soname, version = _newest(host, library_dirs, names.shared)
    if shared is None and dev_link and not host.is_link(dev_link):
        shared = dev_link  # a library without a version in its name
    static = _first(host, library_dirs, names.static and f"lib{names.static}.a")
    header = _first(host, include_dirs, names.header)
    stub = _first(host, stubs, names.shared and f"lib{names.shared}.so")
    if not any((shared, dev_link, static, header, stub)):
        return None
    return Library(name, shared, dev_link, static, header, stub, soname, version)


def _first(host: Host, folders: Tuple[str, ...], name: str) -> Optional[str]:
    """The file in the first folder that has it; a dangling link is none."""
    paths = (posixpath.join(folder, name) for folder in folders if name and name in host.listdir(folder))
    return next((path for path in paths if host.is_file(path)), None)


def _newest(
    host: Host, folders: Tuple[str, ...], stem: str
) -> Tuple[Optional[str], Optional[str], Optional[str]]:
    """(path under its soname, soname, version) of the newest versioned file in the first folder that has one.

    libcudart.so.11.0 -> libcudart.so.11.8.89 is one library: the shorter name is the soname, the longer its version.
    """
    prefix = f"lib{stem}.so."
    for folder in folders if stem else ():
        files: Dict[str, List[str]] = {}
        for name in host.listdir(folder):
            path = posixpath.join(folder, name)
            if name.startswith(prefix) and _VERSION.fullmatch(name[len(prefix) :]) and host.is_file(path):
                files.setdefault(host.realpath(path), []).append(name[len(prefix) :])
        if files:
            versions = max(files.values(), key=lambda all_: max(map(_number, all_)))
            soname = prefix + min(versions, key=len)
            return posixpath.join(folder, soname), soname, max(versions, key=len)
    return None, None, None


def _with_wheel(library: Library, wheels: Dict[str, str]) -> Library:
    version = wheels.get(library.name)
    if not version or not library.version or "." in library.version:
        return library
    # A wheel of another major version is not what this file came from.
    return library if version.split(".")[0] != library.version else replace(library, version=version)


def _number(version: str) -> Tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
