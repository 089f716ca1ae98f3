"""CUDACXX names a CUDA compiler that is not there.

## What it means

CMake takes the CUDA compiler from CUDACXX before it looks at PATH, and stops when nothing is there: "Could
not find compiler set in environment variable CUDACXX". A toolkit on PATH is not tried.

## How envdoctor knows

The project uses CMake's CUDA language, the variable is set, and no nvcc or clang was found where it points.

In a log, CMake's words of CUDACXX or CMAKE_CUDA_COMPILER count: `Could not find compiler set in environment
variable`, `is not a full path to an existing compiler tool`.

## What to do

Unset it, or name the nvcc of a toolkit that is there.

## When to ignore it

When CMAKE_CUDA_COMPILER is given on CMake's command line, which is stronger.
"""

from typing import Iterator, Optional, Set

from envdoctor import builders
from envdoctor.facts import Compilers, Environment, Nvccs, Project, Resolution, Toolkits
from envdoctor.finding import Evidence, Finding, Fix, SetEnv, Severity
from envdoctor.log import BuildLog

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


# Source: CMakeDetermineCUDACompiler.cmake, 3.8 to 4.4, and cmGlobalGenerator.cxx.
_NAMED = (
    (
        r"Could not find (?:the )?compiler (?:set|specified) in (?:the )?environment variable CUDACXX:"
        r" (?P<path>\S+?)\.?$"
    ),
    r"The CMAKE_CUDA_COMPILER: (?P<path>\S[^\n]*?) is not a full path",
)


# CMake 3.18 to 3.28 says no more than this where the compiler that it was told is not there.
_SILENT = r"Failed to detect a default CUDA architecture\. Compiler output: (?:Call Stack|--)"
_TOLD = r"-D ?CMAKE_CUDA_COMPILER(?::\w+)?=['\"]?(?P<path>[^\s'\"]+)"


def explain(log: BuildLog) -> Iterator[Finding]:
    named = log.first(*_NAMED)
    hit = named or (log.first(_TOLD) if log.has(_SILENT) else None)
    if hit and "NOTFOUND" not in hit["path"]:
        yield hit.finding(
            f"CMake was told that the CUDA compiler is {hit['path']}, and it is not there.",
            "CMake does not look elsewhere: a toolkit on PATH is not tried.",
            Fix(
                "Unset CUDACXX and leave -DCMAKE_CUDA_COMPILER out, or name the nvcc of a toolkit that is there by its"
                " full path; then configure in an empty build folder"
            ),
            confidence="high" if named else "medium",
        )
