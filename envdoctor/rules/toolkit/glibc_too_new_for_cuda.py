"""The system's C library declares functions that this toolkit's headers declare otherwise.

## What it means

glibc 2.41 added sinpi, cospi and their float forms to math.h, declared as noexcept. CUDA's
crt/math_functions.h before 13.0 declares them without: "exception specification is incompatible with that of
previous function cospi". Every CUDA source fails, and another gcc does not help.

## How envdoctor knows

The system's glibc is 2.41 or newer, and the declarations in the toolkit's crt/math_functions.h were read.

## What to do

Use CUDA 13 or newer, or build in a container whose base is older (Debian 12, Ubuntu 22.04 or 24.04, Rocky 9).

## When to ignore it

When the build uses a sysroot of its own with an older glibc, as conda's compilers do.
"""

from typing import Iterator, Optional, Tuple

from envdoctor import toolkit_cures
from envdoctor.facts import Compiler, Project, System, Toolkit, Toolkits, Torch
from envdoctor.finding import Evidence, Finding, Fix, Severity

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")
FIRST = (2, 41)


def check(
    system: System,
    toolkit: Toolkit,
    toolkits: Optional[Toolkits],
    compiler: Optional[Compiler],
    torch: Optional[Torch],
    project: Optional[Project],
) -> Iterator[Finding]:
    if (
        system.libc != "glibc"
        or _release(system.libc_version) < FIRST
        or toolkit.glibc_2_41_ready is not False
    ):
        return
    if not toolkit.nvcc or not toolkit_cures.wants_nvcc(project) or (compiler and compiler.owner == "conda"):
        return
    yield Finding(
        message=f"CUDA {toolkit.version}'s math headers do not fit the system's glibc {system.libc_version}.",
        consequence="Every CUDA source fails: exception specification is incompatible (cospi, sinpi).",
        evidence=(
            Evidence("C library", f"glibc {system.libc_version}"),
            Evidence(f"{toolkit.root}: crt/math_functions.h", "declares cospi without noexcept"),
        ),
        fix=_fix(toolkits, torch),
    )


def _fix(toolkits: Optional[Toolkits], torch: Optional[Torch]) -> Fix:
    major = int(torch.cuda.split(".")[0]) if torch and torch.cuda else None
    ready = toolkit_cures.other(
        toolkits, lambda item: item.glibc_2_41_ready is True and major in (None, item.release[0])
    )
    if ready:
        return Fix(f"Build with CUDA {ready.version} at {ready.root}", toolkit_cures.use(ready))
    return Fix("Use CUDA 13 or newer, or build in a container with an older base; another gcc does not help")


def _release(version: Optional[str]) -> Tuple[int, ...]:
    return tuple(int(part) for part in (version or "0").split(".")[:2] if part.isdigit())
