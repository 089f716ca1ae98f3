"""A new root is believed when its nvcc answers, and has compiled and linked a program where there is a C++ compiler."""

import re
from dataclasses import dataclass
from typing import Iterable, List, Optional, Tuple

from envdoctor.host import Host
from envdoctor.probes import _toolkit_parts, compilers
from envdoctor.toolkit_root.debian import HOST_COMPILER
from envdoctor.toolkit_root.wheels import component_of

_RELEASE = re.compile(r"release (\d+\.\d+), V(\d+(?:\.\d+)+)")
_ARCHITECTURE = re.compile(r"compute_(\d+)")
TIMEOUT = 300.0
_OLDEST_GCC = 7  # the first with C++17
#: Component -> (header, library for the linker): what an extension of torch that uses it includes and links.
_USED = {
    "nvidia-cuda-nvrtc": ("nvrtc.h", "nvrtc"),
    "nvidia-cublas": ("cublas_v2.h", "cublas"),
    "nvidia-cusparse": ("cusparse.h", "cusparse"),
    "nvidia-cusolver": ("cusolverDn.h", "cusolver"),
    "nvidia-curand": ("curand_kernel.h", "curand"),
    "nvidia-cufft": ("cufft.h", "cufft"),
}
_SOURCE = """#include <cuda.h>
#include <cuda_runtime.h>
#include <cuda_fp16.h>
#include <cub/version.cuh>
{includes}
__global__ void twice(__half *x) {{ x[threadIdx.x] = __hadd(x[threadIdx.x], x[threadIdx.x]); }}
int main() {{ twice<<<1, 32>>>(nullptr); return cuInit(0) == cudaGetLastError(); }}
"""


@dataclass(frozen=True)
class Trial:
    """What came of it."""

    nvcc: Optional[str]  # its version, None when it does not run
    compiled: Optional[bool]  # None: not tried
    detail: str  # what was compiled, or why not
    #: A compiler that nvcc has to be told of: it does not accept the one that it finds by itself.
    told: Optional[str] = None

    @property
    def good(self) -> bool:
        """Nothing that was tried failed."""
        return self.nvcc is not None and self.compiled is not False


def try_root(host: Host, root: str, projects: Iterable[str]) -> Trial:
    """Ask nvcc for its version, and let it make a program that uses what is there."""
    nvcc = f"{root}/bin/nvcc"
    answer = host.run(nvcc, "--version", timeout=60)
    release = _RELEASE.search(answer.stdout)
    if not answer.ok or not release:
        return Trial(None, None, answer.complaint)
    try:
        told, by = _host_compiler(host, root)
    except _NoCompiler as error:
        return Trial(release[2], None, f"not compiled: {error}")
    return _compiled(host, nvcc, release[2], tuple(map(component_of, projects)), told, by)


class _NoCompiler(Exception):
    """Why nothing can be compiled."""


def _host_compiler(host: Host, root: str) -> Tuple[Optional[str], str]:
    """(what nvcc must be told of, the name for it)."""
    if host.is_file(f"{root}/{HOST_COMPILER}/bin/g++"):
        return None, "the g++ in it"
    first = host.which("g++")
    if not first:
        raise _NoCompiler("there is no g++ on PATH")
    newest = _toolkit_parts.bounds(host, (f"{root}/include",)).gcc
    found = compilers.ask(host, host.which("gcc") or first, "PATH")
    if newest is None or found is None or found.kind != "gcc" or found.major <= newest:
        return None, "g++"
    named = (f"g++-{number}" for number in range(newest, _OLDEST_GCC - 1, -1))
    older = next((path for path in map(host.which, named) if path), None)
    if older is None:
        raise _NoCompiler(
            f"it accepts gcc {newest} at most, and here is {found.version}; --with {HOST_COMPILER} brings gcc 11"
        )
    return older, older


def _compiled(
    host: Host,
    nvcc: str,
    version: str,
    projects: Tuple[str, ...],
    told: Optional[str],
    by: str,
) -> Trial:
    architectures = _ARCHITECTURE.findall(host.run(nvcc, "--list-gpu-arch", timeout=60).stdout)
    if not architectures:
        return Trial(version, False, "nvcc lists no GPU architecture")
    architecture = "80" if "80" in architectures else architectures[0]
    used = [_USED[project] for project in projects if project in _USED]
    source = _SOURCE.format(includes="\n".join(f"#include <{header}>" for header, _ in used))
    ccbin = ["-ccbin", told] if told else []
    libraries = ["-lcuda", *(f"-l{library}" for _, library in used)]
    steps: List[List[str]] = [[f"-arch=sm_{architecture}", "-c", "trial.cu", "-o", "trial.o"]]
    steps += [["-cudart", runtime, "trial.o", "-o", runtime, *libraries] for runtime in ("static", "shared")]
    with host.scratch({"trial.cu": source}) as folder:
        for step in steps:
            answer = host.run(nvcc, *step, *ccbin, cwd=folder, timeout=TIMEOUT)
            if not answer.ok:
                return Trial(version, False, f"nvcc does not compile here: {answer.complaint}", told)
    linked = ", ".join(["cudart (static and shared)", "cuda (stub)", *(library for _, library in used)])
    return Trial(version, True, f"compiled for sm_{architecture} with {by}, linked with {linked}", told)
