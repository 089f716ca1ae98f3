"""CUDACXX names a CUDA compiler that is not there.

## What it means

CMake takes the CUDA compiler from CUDACXX before it looks at PATH, and stops when nothing is there: "Could
not find compiler set in environment variable CUDACXX". A toolkit on PATH is not tried.

## How envdoctor knows

The project uses CMake's CUDA language, the variable is set, and no nvcc or clang was found where it points.

## What to do

Unset it, or name the nvcc of a toolkit that is there.

## When to ignore it

When CMAKE_CUDA_COMPILER is given on CMake's command line, which is stronger.
"""

from typing import Iterator, Optional, Set

from envdoctor import builders
from envdoctor.facts import Compilers, Environment, Nvccs, Project, Resolution, Toolkits
from envdoctor.finding import Evidence, Finding, Fix, SetEnv, Severity

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")


def check(
    environment: Environment,
    project: Project,
    toolkits: Toolkits,
    nvccs: Optional[Nvccs],
    compilers: Optional[Compilers],
    resolution: Optional[Resolution],
) -> Iterator[Finding]:
    value = (environment.get("CUDACXX") or "").strip()
    there = any(variable.name == "CUDACXX" and variable.exists for variable in environment.variables)
    answer = resolution.get("CMake CUDA language") if resolution else None
    folder = there and answer is not None and answer.takes is None  # it exists, and is no program
    if not value or (there and not folder) or not builders.builds_with_cmake(project):
        return
    reached = any("CUDACXX" in toolkit.origins for toolkit in toolkits.items)
    if (reached and not folder) or value.split()[0] in _known(toolkits, nvccs, compilers):
        return
    good = next((toolkit for toolkit in toolkits.items if toolkit.nvcc and not toolkit.error), None)
    steps = (SetEnv("CUDACXX", good.nvcc),) if good else (SetEnv("CUDACXX", None),)
    yield Finding(
        message=f"CUDACXX is {value}, and no CUDA compiler is there.",
        consequence="CMake stops: Could not find compiler set in environment variable CUDACXX.",
        evidence=(Evidence("CUDACXX", value),),
        fix=Fix(f"Set CUDACXX to the nvcc of CUDA {good.version}" if good else "Unset CUDACXX", steps),
    )


def _known(toolkits: Toolkits, nvccs: Optional[Nvccs], compilers: Optional[Compilers]) -> Set[str]:
    known = {f"{toolkit.root}/bin/nvcc" for toolkit in toolkits.items if toolkit.nvcc}
    known |= {toolkit.nvcc for toolkit in toolkits.items if toolkit.nvcc}
    for item in nvccs.items if nvccs else ():
        known |= {item.path, item.real, "nvcc"}
    for compiler in compilers.items if compilers else ():
        if compiler.kind == "clang":
            known |= {compiler.path, compiler.name}
    return known
