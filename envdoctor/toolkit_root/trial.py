"""A new root is believed when its nvcc answers, and has compiled and linked a program where there is a C++ compiler."""

import re
from dataclasses import dataclass
from typing import Iterable, Optional, Tuple

from envdoctor.host import Host

_RELEASE = re.compile(r"release (\d+\.\d+), V(\d+(?:\.\d+)+)")
_ARCHITECTURE = re.compile(r"compute_(\d+)")
TIMEOUT = 300.0
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
    if not host.which("g++"):
        return Trial(release[2], None, "not compiled: there is no g++ on PATH")
    return _compiled(host, nvcc, release[2], tuple(projects))


def _compiled(host: Host, nvcc: str, version: str, projects: Tuple[str, ...]) -> Trial:
    architectures = _ARCHITECTURE.findall(host.run(nvcc, "--list-gpu-arch", timeout=60).stdout)
    if not architectures:
        return Trial(version, False, "nvcc lists no GPU architecture")
    architecture = "80" if "80" in architectures else architectures[0]
    used = [_USED[project] for project in projects if project in _USED]
    source = _SOURCE.format(includes="\n".join(f"#include <{header}>" for header, _ in used))
    libraries = ["-lcuda", *(f"-l{library}" for _, library in used)]
    steps = [[f"-arch=sm_{architecture}", "-c", "trial.cu", "-o", "trial.o"]]
    steps += [["-cudart", runtime, "trial.o", "-o", runtime, *libraries] for runtime in ("static", "shared")]
    with host.scratch({"trial.cu": source}) as folder:
        for step in steps:
            answer = host.run(nvcc, *step, cwd=folder, timeout=TIMEOUT)
            if not answer.ok:
                return Trial(version, False, f"nvcc does not compile here: {answer.complaint}")
    linked = ", ".join(["cudart (static and shared)", "cuda (stub)", *(library for _, library in used)])
    return Trial(version, True, f"compiled for sm_{architecture} with g++, linked with {linked}")
