"""The project needs CUDA, and this system or this torch cannot have it.

## What it means

NVIDIA's CUDA toolkit and the CUDA builds of torch exist for Linux with glibc on x86_64 and aarch64. On musl
(Alpine) there is neither, and a CUDA extension cannot be compiled against a ROCm build of torch without being
ported (hipified).

## How envdoctor knows

The C library is musl, or the machine is of another kind; or `torch.version.hip` is set while the project has CUDA
sources. Packages that refuse a system by themselves, and Windows, cannot be foreseen here.

## What to do

Use a glibc image (Debian, Ubuntu, Fedora, AlmaLinux) or a CUDA build of torch.

## When to ignore it

When the project's setup hipifies its sources (torch's CUDAExtension does so for simple ones), or builds its CPU
variant.
"""

from typing import Iterator, Optional

from envdoctor.facts import Project, System, Torch
from envdoctor.finding import Evidence, Finding, Fix, Severity

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")
MACHINES = ("x86_64", "aarch64", "ppc64le")  # ppc64le up to CUDA 12.4


def check(project: Project, system: System, torch: Optional[Torch]) -> Iterator[Finding]:
    if project.wants_cuda and system.libc == "musl":
        yield Finding(
            message=f"The project needs CUDA, and {system.distribution_name} uses musl.",
            consequence="Neither the CUDA toolkit nor CUDA builds of torch run on musl.",
            evidence=(
                Evidence(
                    system.found_via, f"{system.distribution_name}, musl {system.libc_version or ''}".strip()
                ),
            ),
            fix=Fix("Build on a glibc system: Debian, Ubuntu, Fedora, AlmaLinux"),
        )
    elif project.wants_cuda and system.machine not in MACHINES:
        yield Finding(
            message=f"The project needs CUDA, which does not exist for {system.machine}.",
            consequence="No toolkit can be installed.",
            evidence=(Evidence("uname", system.machine),),
            fix=Fix("Build on x86_64 or aarch64"),
        )
    elif project.wants_cuda and torch is not None and torch.hip:
        yield Finding(
            message=f"The project has CUDA sources, and torch {torch.version} is a ROCm build.",
            consequence="torch compiles extensions for ROCm; sources that are not ported to HIP do not compile.",
            evidence=(Evidence(torch.found_via, f"hip {torch.hip}"),),
            fix=Fix("Install a CUDA build of torch, or port the sources to HIP"),
            severity=Severity.WARNING,
        )
