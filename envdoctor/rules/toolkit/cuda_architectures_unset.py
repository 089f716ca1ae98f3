"""Architectures were stated, and nothing tells CMake of them.

## What it means

A CMake project that sets no CUDA_ARCHITECTURES compiles for nvcc's default: 5.2 up to CUDA 12, 7.5 from 13
on. Other GPUs then run what their driver compiles from that PTX, slowly at the first start and without the
instructions of newer architectures. A target whose property is empty stops the configuration:
"CUDA_ARCHITECTURES is empty for target".

## How envdoctor knows

Targets were stated with --arch, the project's CMake files name none, and CUDAARCHS is not set. Without stated
targets nothing is reported: the default compiles and runs.

In a log, CMake's `CUDA_ARCHITECTURES is empty for target` and `must be non-empty if set` count, and projects that
ask for them; CMake's warning of policy CMP0104 does not.

## What to do

Set CUDAARCHS, or pass -DCMAKE_CUDA_ARCHITECTURES.

## When to ignore it

When the architectures are passed on CMake's command line.
"""

from typing import Iterator

from envdoctor import architectures, builders, compat, targets
from envdoctor.facts import Environment, Project, Request, Toolkit
from envdoctor.finding import Evidence, Finding, Fix, SetEnv, Severity
from envdoctor.log import BuildLog

SEVERITY = Severity.WARNING
ROLES = ("build", "ci")


def check(
    request: Request, environment: Environment, project: Project, toolkit: Toolkit
) -> Iterator[Finding]:
    stated = targets.stated(request)
    if not stated or not builders.builds_with_cmake(project) or project.cmake is None:
        return
    # find_package(Torch) sets its own from TORCH_CUDA_ARCH_LIST.
    torch = project.cmake.package("Torch") is not None
    name = "TORCH_CUDA_ARCH_LIST" if torch else "CUDAARCHS"
    named = builders.of_build(project, project.architectures) or project.cmake.architectures
    if named or environment.get(name):
        return
    value = architectures.dotted_list(stated) if torch else architectures.cmake_list(stated)
    default = compat.at_least(compat.DEFAULT_ARCHITECTURE, toolkit.release)
    yield Finding(
        message=f"{', '.join(item.dotted for item in stated)} was stated, and nothing tells CMake to compile for it.",
        consequence=f"The kernels are compiled for {default // 10}.{default % 10}, nvcc's default."
        if not torch
        else "The kernels are compiled for the GPUs that torch sees, or for its own list.",
        evidence=(
            Evidence("--arch", " ".join(item.dotted for item in stated)),
            Evidence(name, "not set"),
            Evidence("CMakeLists.txt", "sets no CMAKE_CUDA_ARCHITECTURES"),
        ),
        fix=Fix(f"Set {name}", (SetEnv(name, value),)),
    )


# Source: CMake's cmGeneratorTarget.cxx and CMakeCUDAArchitecturesValidate.cmake, 3.18 to 4.4.
_EMPTY = (
    r"(?:CUDA|HIP)_ARCHITECTURES is empty for target ['\"]?(?P<target>[\w.+-]*)",
    r"CMAKE_CUDA_ARCHITECTURES must be (?:non-empty|valid) if set(?P<target>)",
)
# The same words in CMake's warning of policy CMP0104, after which it goes on.
_WARNED = r"suppress this warning\. CUDA_ARCHITECTURES is empty for target [^\n]*"
# Projects that ask for it themselves; CMake 3.18 to 3.28, whose nvcc gave no default.
_ASKED = (
    r"Failed to detect a default CUDA architecture(?!\. Compiler output: (?:Call Stack|--))",
    r"CUDA_ARCHITECTURES['\"]? (?:is |variable )*(?:not|must be|should be|needs to be) (?:set|specified|defined|given)",
    r"(?i:please|must|need to|should) (?:set|specify|define|give) (?:the )?['\"]?(?:-D)?(?:CMAKE_)?CUDA_ARCHITECTURES",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    log = log.without(_WARNED)
    empty = log.first(*_EMPTY)
    hit = empty or log.first(*_ASKED)
    if hit:
        target = f" of target {empty['target']}" if empty and empty["target"] else ""
        yield hit.finding(
            f"The CUDA architectures{target} are empty: nothing told CMake what to compile for.",
            "CMake stops before it compiles anything.",
            Fix(
                "Configure with -DCMAKE_CUDA_ARCHITECTURES=86 (the GPUs' compute capability without its dot), or set"
                " CUDAARCHS, in an empty build folder; with pip: CMAKE_ARGS"
            ),
            confidence="high" if empty else "medium",
        )
