"""The NVIDIA driver: kernel module, user-space library, and the GPUs that NVML (or CUDA's own library) shows."""

import posixpath
import re
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from envdoctor.facts import Driver, Gpu, Python
from envdoctor.host import Host
from envdoctor.probes import _nvml
from envdoctor.probes._loader import Search
from envdoctor.probes.loader import is_stub

_PROC, _SYS, _WSL = "/proc/driver/nvidia/version", "/sys/module/nvidia/version", "/usr/lib/wsl/lib"
# "Kernel Module  580.159.04", "Open Kernel Module for x86_64  580.159.04"
_PROC_VERSION = re.compile(r"Kernel Module(?: for \S+)?\s+(\d+(?:\.\d+)+)")
# Others (modeset, capabilities, uvm-tools) are for programs that do not compute.
_NODE = re.compile(r"nvidia(?:\d+|ctl|-uvm)")
# Without a persistence daemon the driver wakes every GPU first.
_TIMEOUT = 20.0


class _Found(NamedTuple):
    path: str
    via: str
    stub: bool


def probe(host: Host, python: Optional[Python]) -> Optional[Driver]:
    """None when there is no trace of a driver; a toolkit's stub is none."""
    search = Search(host, python)
    cuda, nvml = (_library(search, name) for name in ("libcuda.so.1", "libnvidia-ml.so.1"))
    kernel, kernel_via = _kernel_module(host)
    libcuda = cuda.path if cuda and not cuda.stub else None
    answer = _ask(host, nvml.path if nvml and not nvml.stub else None, libcuda)
    nodes = _nodes(host)
    if not (kernel or libcuda or answer or nodes):
        return None
    error = answer.get("error") or (None if answer.get("asked") else _silence(nvml))
    return Driver(
        kernel_module=kernel or answer.get("driver"),
        libcuda=libcuda,
        libcuda_version=_file_version(host, libcuda),
        libcuda_via=f"{cuda.via}: a stub" if cuda and cuda.stub else cuda.via if cuda else None,
        cuda_version=answer.get("cuda"),
        gpus=tuple(_gpu(entry) for entry in answer.get("gpus", ())),
        forbidden_nodes=tuple(node for node in nodes if _forbidden(host, node, bool(error))),
        error=error,
        found_via=answer.get("asked")
        or kernel_via
        or (f"libcuda ({cuda.via})" if cuda and libcuda else "/dev"),
    )


def _library(search: Search, soname: str) -> Optional[_Found]:
    """What the loader takes; Windows' folder of drivers counts too, where only the loader's cache is out of date."""
    found = search.find(soname)
    if found is None and search.host.is_file(f"{_WSL}/{soname}"):
        return _Found(f"{_WSL}/{soname}", _WSL, stub=False)
    return _Found(found.path, found.via, is_stub(search.host, soname, found.path)) if found else None


def _kernel_module(host: Host) -> Tuple[Optional[str], Optional[str]]:
    named = _PROC_VERSION.search(host.try_text(_PROC, 1 << 12) or "")
    if named:
        return named[1], _PROC
    version = (host.try_text(_SYS, 1 << 8) or "").strip()
    return (version, _SYS) if version else (None, None)


def _ask(host: Host, nvml: Optional[str], libcuda: Optional[str]) -> Dict[str, Any]:
    """NVML's answer; empty when there is nothing to ask."""
    if not (nvml or libcuda):
        return {}
    if not host.own_python:
        return {"error": "NVML was not asked: envdoctor knows no interpreter for the child process"}
    try:
        answer = host.ask_python(host.own_python, _nvml.SCRIPT, nvml or "", libcuda or "", timeout=_TIMEOUT)
        return dict(answer)
    except (TypeError, ValueError) as error:
        return {"error": f"NVML gave no answer: {error}"[:300]}


def _silence(nvml: Optional[_Found]) -> Optional[str]:
    """Why nothing was asked although a driver is there."""
    if nvml is None:
        return "libnvidia-ml.so.1 is not found by the loader"
    return f"the loader takes a stub for libnvidia-ml.so.1: {nvml.path}" if nvml.stub else None


def _file_version(host: Host, path: Optional[str]) -> Optional[str]:
    """ "580.159.04" of libcuda.so.580.159.04; WSL's and Tegra's libcuda.so.1.1 tells none."""
    named = re.search(r"\.so\.(\d{2,}(?:\.\d+)+)$", posixpath.basename(host.realpath(path))) if path else None
    return named[1] if named else None


def _gpu(entry: Dict[str, Any]) -> Gpu:
    major, minor = entry["compute_capability"]
    return Gpu(**{**entry, "compute_capability": (major, minor)})


def _nodes(host: Host) -> List[str]:
    return [f"/dev/{name}" for name in host.listdir("/dev") if _NODE.fullmatch(name)]


def _forbidden(host: Host, node: str, in_trouble: bool) -> bool:
    """By its mode, and when NVML failed by opening it: a container's device rules do not show in the mode."""
    if not (host.access(node, "r") and host.access(node, "w")):
        return True
    if in_trouble:
        try:
            host.read_range(node, 0, 0)
        except PermissionError:
            return True
        except OSError:
            return False  # it opens, and is no regular file
    return False
