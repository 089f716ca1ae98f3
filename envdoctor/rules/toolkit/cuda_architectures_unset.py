"""Architectures were stated, and nothing tells CMake of them.

## What it means

A CMake project that sets no CUDA_ARCHITECTURES compiles for nvcc's default: 5.2 up to CUDA 12, 7.5 from 13
on. Other GPUs then run what their driver compiles from that PTX, slowly at the first start and without the
instructions of newer architectures. A target whose property is empty stops the configuration:
"CUDA_ARCHITECTURES is empty for target".

## How envdoctor knows

Targets were stated with --arch, the project's CMake files name none, and CUDAARCHS is not set. Without stated
targets nothing is reported: the default compiles and runs.

## What to do

Set CUDAARCHS, or pass -DCMAKE_CUDA_ARCHITECTURES.

## When to ignore it

When the architectures are passed on CMake's command line.
"""

from typing import Iterator

from envdoctor import architectures, builders, compat
from envdoctor.facts import Environment, Project, Request, Toolkit
from envdoctor.finding import Evidence, Finding, Fix, SetEnv, Severity

SEVERITY = Severity.WARNING
ROLES = ("build", "ci")


def check(
    request: Request, environment: Environment, project: Project, toolkit: Toolkit
) -> Iterator[Finding]:
    stated = tuple(asked.architecture for asked in architectures.stated(request) if asked.architecture)
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
