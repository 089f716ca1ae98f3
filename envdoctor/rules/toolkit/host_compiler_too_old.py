"""The host compiler is too old for what is compiled with it.

## What it means

gcc learns C++ standards with its releases (C++17 with 7, C++20 with 10), and torch's headers ask for gcc 9
since 2.2.2: "You're trying to build PyTorch with a too old version of GCC. We need GCC 9 or later". Older
compilers do not know the flag, or end inside the headers.

## How envdoctor knows

The version of the compiler that the build would use, against the C++ standards that the project asks for and
the torch whose headers it includes.

## What to do

Use a newer compiler that the CUDA toolkit still accepts. When one is found on PATH, it is named.

## When to ignore it

When the build chooses another compiler by itself.
"""

from typing import Iterator, List, NamedTuple, Optional

from envdoctor import builders, compat, compiler_cures
from envdoctor.facts import Compiler, Compilers, Project, System, Toolkit, Torch
from envdoctor.finding import Evidence, Finding, Fix, Severity

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")


class Need(NamedTuple):
    """What asks for how new a gcc."""

    gcc: int
    what: str
    evidence: Evidence


def check(
    project: Project,
    compiler: Compiler,
    compilers: Optional[Compilers],
    torch: Optional[Torch],
    toolkit: Optional[Toolkit],
    system: Optional[System],
) -> Iterator[Finding]:
    compiler = _used(project, compiler, compilers)
    if compiler.kind != "gcc" or not project.builds:
        return
    needs = [need for need in (*_standards(project), *_torch(project, torch)) if need.gcc > compiler.major]
    if needs:
        need = max(needs, key=lambda need: need.gcc)
        newest = toolkit.newest_gcc if toolkit and project.wants_cuda else None
        yield Finding(
            message=f"{need.what} needs gcc {need.gcc} or newer; the build would use {compiler.version}.",
            consequence="The compiler refuses the flag or the headers.",
            evidence=(
                need.evidence,
                Evidence(f"{compiler.path} ({compiler.found_via})", f"gcc {compiler.version}"),
            ),
            fix=_fix(need.gcc, newest, compilers, system),
        )


def _used(project: Project, compiler: Compiler, compilers: Optional[Compilers]) -> Compiler:
    """Where CMake or make compile no CUDA it is CXX's, which nvcc does not look at."""
    if project.wants_cuda or project.builds[:1] not in (("cmake",), ("make",)):
        return compiler
    items = compilers.items if compilers else ()
    return next((item for item in items if item.found_via == "CXX"), compiler)


def _standards(project: Project) -> List[Need]:
    """The lowest standard that is asked for: others may belong to a branch that is not taken."""
    numbers = {}
    for item in builders.of_build(project, project.cxx_standards):
        number = item.text.split()[-1]
        if number.isdigit() and int(number) in compat.GCC_CXX_SINCE:
            numbers[int(number)] = item
    if not numbers:
        return []
    lowest = min(numbers)
    return [
        Need(compat.GCC_CXX_SINCE[lowest], f"C++{lowest}", Evidence(numbers[lowest].place, f"C++{lowest}"))
    ]


def _torch(project: Project, torch: Optional[Torch]) -> List[Need]:
    if torch is None or not (builders.builds_torch_extension(project) or builders.includes_torch(project)):
        return []
    release = compat.release(torch.version)
    if release is None:
        return []
    gcc = compat.at_least(compat.TORCH_OLDEST_GCC, release)
    return [
        Need(
            gcc, f"An extension of torch {torch.version}", Evidence(torch.found_via, f"torch {torch.version}")
        )
    ]


def _fix(oldest: int, newest: Optional[int], compilers: Optional[Compilers], system: Optional[System]) -> Fix:
    newer = compiler_cures.accepted_compiler(compilers, "gcc", newest, oldest)
    if newer:
        return Fix(
            f"Use gcc {newer.version} ({newer.path})", compiler_cures.use_compiler(newer, everywhere=True)
        )
    command = compiler_cures.install_gcc(system, newest, oldest)
    between = f"g++ {oldest} or newer" + (f" (nvcc accepts up to {newest})" if newest else "")
    if command:
        return Fix(f"Install {between}; envdoctor then has the build use it", (command,))
    return Fix(f"Install {between}: a devtoolset, conda's gxx_linux-64, or the distribution's newer package")
