"""Where the parts of a toolkit lie, by layout: folders of headers, libraries and programs below a root."""

import posixpath
import re
from typing import Dict, Iterator, List, Optional, Tuple

from envdoctor.host import Host
from envdoctor.probes import nvccs

#: Component folders of the cu11 and cu12 wheels, those that a build may want first.
_SPLIT_FIRST = ("cuda_runtime", "cuda_nvcc", "cublas", "cuda_cccl", "cusparse", "cusolver")
_DEBIAN_TOOLKIT = "lib/nvidia-cuda-toolkit"
_HPC = re.compile(r"(?P<sdk>.*/(?P<release>\d[\d.]*))/cuda/(?P<cuda>\d+\.\d+)$")
_LINK_DIRS = re.compile(r"^\s*LIBRARIES\s*=?\+?=(.*)$", re.MULTILINE)
_LINK_DIR = re.compile(r"-L([^\s\"]+)")
_PROFILE_VARIABLE = re.compile(r"\$\((\w+)\)")
_RUNTIME_HEADERS = ("cuda_runtime_api.h", "cuda_runtime.h")


def layout_of(host: Host, root: str) -> str:
    """Who laid the root out: "debian", "wheel", "wheel-split", "hpc-sdk", "conda", "runfile" or "other"."""
    if host.is_file(f"{root}/{_DEBIAN_TOOLKIT}/bin/nvcc"):
        return "debian"
    folder, name = posixpath.split(root)
    if name == "nvidia" and posixpath.basename(folder) in ("site-packages", "dist-packages"):
        return "wheel-split"
    if posixpath.basename(folder) == "nvidia" and _site_of(root):
        return "wheel"
    hpc = _HPC.match(root)
    if hpc and host.is_dir(f"{hpc['sdk']}/compilers"):
        return "hpc-sdk"
    if host.is_dir(f"{root}/conda-meta"):
        return "conda"
    known = f"{root}/version.json", f"{root}/version.txt", f"{root}/targets"
    return "runfile" if any(host.exists(path) for path in known) else "other"


def nvcc_of(host: Host, root: str, layout: str) -> Optional[str]:
    """The real nvcc of a root, None without one."""
    inside = f"{_DEBIAN_TOOLKIT}/bin/nvcc" if layout == "debian" else "bin/nvcc"
    path = f"{root}/{inside}"
    return host.realpath(path) if layout != "wheel-split" and host.is_file(path) else None


def include_dirs(host: Host, root: str, layout: str) -> Tuple[str, ...]:
    """Folders whose headers nvcc of this root finds by itself; cccl's own folder is one since CUDA 13."""
    if layout == "wheel-split":
        found = [f"{part}/include" for part in _split_parts(host, root)]
    else:
        found = [f"{root}/include", *(f"{target}/include" for target in _targets(host, root))]
        found += [f"{_math_libraries(root)}/include"] if layout == "hpc-sdk" else []
        found += [f"{folder}/cccl" for folder in found]
    return _existing(host, found)


def library_dirs(host: Host, root: str, layout: str) -> Tuple[str, ...]:
    """Folders of libraries, those that -L usually names first."""
    if layout == "wheel-split":
        return _existing(host, [f"{part}/lib" for part in _split_parts(host, root)])
    found = [f"{root}/lib64", f"{root}/lib", *(f"{target}/lib" for target in _targets(host, root))]
    if layout == "debian":
        found = [*host.glob(f"{root}/lib", "*-linux-gnu"), *found]
    if layout == "hpc-sdk":
        math = _math_libraries(root)
        found += [f"{math}/lib64", *(f"{target}/lib" for target in _targets(host, math))]
    return _existing(host, found)


def missing_link_dir(host: Host, nvcc: str) -> Optional[str]:
    """The last folder that LIBRARIES of nvcc.profile names, when it is not there; nvcc fills in the target's folder."""
    folder = posixpath.dirname(nvcc)
    top, text = nvccs.root_of(host, nvcc), host.try_text(f"{folder}/nvcc.profile")
    if not top or not text or nvccs.debian_prefix(nvcc):  # Debian's libraries lie where every link searches
        return None
    named = _LINK_DIRS.search(text)
    folders = _LINK_DIR.findall(named.group(1)) if named else []
    if not folders:
        return None
    machine = host.machine().architecture
    target = next((t for t in _targets(host, top) if posixpath.basename(t).startswith(f"{machine}-")), None)
    values = {"TOP": top, "_HERE_": folder, "_SPACE_": ""}
    values["_TARGET_DIR_"] = f"targets/{posixpath.basename(target)}" if target else ""
    values["_TARGET_SIZE_"] = "" if target else "64"
    last = _PROFILE_VARIABLE.sub(lambda found: values.get(found.group(1), found.group()), folders[-1])
    return None if "$" in last or host.is_dir(last) else posixpath.normpath(last)


def program(host: Host, root: str, layout: str, name: str) -> Optional[str]:
    """ptxas, fatbinary, nvlink or cicc of a root, None without it."""
    folders = [f"{root}/bin"]
    if layout == "debian":
        folders = [f"{root}/{_DEBIAN_TOOLKIT}/bin", f"{root}/bin"]
    if layout == "wheel-split":
        folders = [f"{root}/cuda_nvcc/bin"]
    if name == "cicc":
        folders = [f"{root}/nvvm/bin", *folders]
    paths = (f"{folder}/{name}" for folder in folders)
    return next((path for path in paths if host.is_file(path)), None)


def is_toolkit(host: Host, root: str) -> bool:
    """Whether a folder is a root: nvcc, or the runtime's headers or library."""
    layout = layout_of(host, root)
    if nvcc_of(host, root, layout):
        return True
    if any(
        host.is_file(f"{folder}/{name}")
        for folder in include_dirs(host, root, layout)
        for name in _RUNTIME_HEADERS
    ):
        return True
    # A distribution's prefix may hold a stray libcudart; a root of its own does not lie at /usr.
    if root in ("/", "/usr", "/usr/local"):
        return False
    return any(host.glob(folder, "libcudart.so.*") for folder in library_dirs(host, root, layout))


def real_root(host: Host, folder: str) -> str:
    """The root that a folder stands for: its real path, or the one of the nvcc that its bin/nvcc leads to.

    For Debian's split layout that is the prefix of its parts.
    """
    real = host.realpath(folder)
    nvcc = f"{real}/bin/nvcc"
    if host.is_file(nvcc):
        kind, binary = nvccs.resolve(host, nvcc)
        if kind == "link" and binary:
            binary = host.realpath(binary)
        if binary and kind != "binary":
            return nvccs.root_of(host, binary) or posixpath.dirname(posixpath.dirname(binary))
        return nvccs.debian_prefix(nvcc) or real
    # conda and the runfiles keep a target's files below targets/x86_64-linux: some name that folder as the root
    head, found, _ = real.rpartition("/targets/")
    return head if found and host.is_file(f"{head}/bin/nvcc") else real


def wheel_roots(host: Host, site: str) -> Iterator[str]:
    """Roots that NVIDIA's wheels make in one site-packages."""
    for root in host.glob(f"{site}/nvidia", "cu[0-9]*"):
        if host.is_dir(root) and is_toolkit(host, root):
            yield root
    if any(host.is_dir(f"{site}/nvidia/cuda_runtime/{part}") for part in ("include", "lib")):
        yield f"{site}/nvidia"


def hpc_roots(host: Host) -> Iterator[str]:
    """CUDA roots of the HPC SDKs below /opt/nvidia/hpc_sdk and of the one that NVHPC_ROOT names."""
    releases = [host.env["NVHPC_ROOT"]] if host.env.get("NVHPC_ROOT") else []
    for machine in host.glob("/opt/nvidia/hpc_sdk", "Linux_*"):
        releases += reversed(host.glob(machine, "[0-9]*"))
    for release in releases:
        for root in reversed(host.glob(f"{release}/cuda", "[0-9]*.[0-9]*")):
            if is_toolkit(host, root):
                yield root


def _targets(host: Host, root: str) -> Tuple[str, ...]:
    """targets/x86_64-linux and the like, those for other systems (QNX, Android) left out."""
    return tuple(path for path in host.glob(f"{root}/targets", "*-linux") if host.is_dir(path))


def _split_parts(host: Host, root: str) -> Tuple[str, ...]:
    parts = [*(f"{root}/{name}" for name in _SPLIT_FIRST), *host.glob(root, "[!_]*")]
    unified = (path for path in parts if not re.fullmatch(r"cu\d+", posixpath.basename(path)))
    return tuple(path for path in dict.fromkeys(unified) if host.is_dir(path))


def _math_libraries(root: str) -> str:
    """The HPC SDK keeps cuBLAS and its like apart, by the same CUDA version."""
    return _HPC.sub(r"\g<sdk>/math_libs/\g<cuda>", root)


def _site_of(root: str) -> Optional[str]:
    site = posixpath.dirname(posixpath.dirname(root))
    return site if posixpath.basename(site) in ("site-packages", "dist-packages") else None


def _existing(host: Host, folders: List[str]) -> Tuple[str, ...]:
    """Those that are there, each real folder once."""
    found: Dict[str, str] = {}
    for folder in folders:
        if host.is_dir(folder):
            found.setdefault(host.realpath(folder), folder)
    return tuple(found.values())
