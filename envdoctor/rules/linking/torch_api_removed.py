"""The sources use parts of torch's C++ interface that the installed torch no longer has.

## What it means

Extensions written for torch 1.x use `AT_CHECK` (gone since 1.5), or `THC/THC.h` with `THCudaCheck` and its
relatives (gone since 1.11). With a newer torch they do not compile.

## How envdoctor knows

The names stand in the project's sources, and a table (with its sources, in `compat.py`) says which torch dropped
them.

## What to do

Port the lines: `TORCH_CHECK` for `AT_CHECK`, `C10_CUDA_CHECK` for `THCudaCheck`, `at::ceil_div` for
`THCCeilDiv`, `at::cuda::getCurrentCUDAStream()` for `THCState_getCurrentStream`. Until then the cure that
`envdoctor check` prints defines these names from outside: flags for the macros, and a `THC/THC.h` of the
overlay on CPATH. Other headers of TH and THC have no substitute; take a torch below the version that is named.

## When to ignore it

When the lines are behind an `#if` on torch's version, or the file is left out of your build.
"""

from typing import Iterator, List, Tuple

from packaging.version import Version

from envdoctor import compat
from envdoctor.facts import Located, Project, Torch
from envdoctor.finding import Evidence, Finding, Fix, Location, SetEnv, Severity, Shim, Step

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")

THC_HEADER = "THC/THC.h"
# Compiled with torch 2.13: what extensions commonly took from THC/THC.h, in today's terms.
SUBSTITUTE = """\
#pragma once
#include <ATen/ceil_div.h>
#include <ATen/cuda/CUDAContext.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
struct THCState;
#define THCudaCheck(...) C10_CUDA_CHECK(__VA_ARGS__)
#define THCCeilDiv(a, b) at::ceil_div((a), (b))
#define THCState_getCurrentStream(state) at::cuda::getCurrentCUDAStream().stream()
#define THCudaMalloc(state, size) c10::cuda::CUDACachingAllocator::raw_alloc(size)
#define THCudaFree(state, pointer) c10::cuda::CUDACachingAllocator::raw_delete(pointer)
"""
CHECK_FLAG = "-DAT_CHECK=TORCH_CHECK"


def check(project: Project, torch: Torch) -> Iterator[Finding]:
    release = Version(torch.version).release[:2]
    gone = [(place, since) for place, since in _removed(project) if release >= since]
    if not gone:
        return
    names = list(dict.fromkeys(place.text for place, _ in gone))
    oldest = ".".join(map(str, min(since for _, since in gone)))
    first = gone[0][0]
    yield Finding(
        message=f"The sources use {', '.join(names)}, which torch {torch.version} does not have.",
        consequence="The compiler stops at them: not declared, or no such file.",
        evidence=(
            *(
                Evidence(place.place, f"{place.text}: gone since torch {since[0]}.{since[1]}")
                for place, since in gone[:10]
            ),
            Evidence(torch.found_via, torch.version),
        ),
        fix=_fix(names, oldest),
        location=Location(first.file, first.line),
    )


def _removed(project: Project) -> Iterator[Tuple[Located, Tuple[int, int]]]:
    missing = (
        Located(h.name, h.included_from.file, h.included_from.line) for h in project.unresolved_headers
    )
    seen = set()
    for place in (*project.features, *missing):
        name = place.text
        since = compat.TORCH_REMOVED.get(name) or compat.TORCH_REMOVED.get(name.partition("/")[0] + "/")
        if since and name not in compat.TORCH_HEADERS_LEFT and (name, place.place) not in seen:
            seen.add((name, place.place))
            yield place, since


def _fix(names: List[str], oldest: str) -> Fix:
    if any("/" in name and name != THC_HEADER for name in names):
        return Fix(f"Port these lines, or take a torch older than {oldest}")
    steps: List[Step] = []
    if "AT_CHECK" in names:
        steps += [
            SetEnv(variable, CHECK_FLAG, "append") for variable in ("CFLAGS", "CXXFLAGS", "NVCC_APPEND_FLAGS")
        ]
    if THC_HEADER in names:
        steps += [
            Shim(f"include/{THC_HEADER}", "text", SUBSTITUTE),
            SetEnv("CPATH", "{overlay}/include", "prepend"),
        ]
    elif set(names) != {
        "AT_CHECK"
    }:  # THC's macros without the header that brought them: nothing to hang them on
        return Fix(f"Port these lines, or take a torch older than {oldest}")
    return Fix("Define the old names in today's terms for this build", tuple(steps))
