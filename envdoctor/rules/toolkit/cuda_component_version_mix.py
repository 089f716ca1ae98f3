"""Parts of several CUDA releases work together in one toolkit.

## What it means

nvcc calls a chain of programs: cicc (from nvvm) writes PTX, ptxas reads it, the crt headers and cuda.h belong
to one nvcc. A newer cicc writes PTX of a newer version, and ptxas ends the build with "Unsupported .version
9.4; current version is '9.0'". cuda.h of another release makes the C++ headers of CUDA stop with "CUDA
compiler and CUDA toolkit headers are incompatible".

## How envdoctor knows

Each part was asked for its own version. Only major and minor count: nvcc 13.0.88 with cudart 13.0.96 is one
release. The C++ library (cccl), nvjitlink and cuBLAS have version numbers of their own and are not compared.

## What to do

Install all parts of one release. With wheels, name every one of them in one command: `pip install
nvidia-cuda-nvcc==X` alone brings the newest nvvm and crt.

## When to ignore it

Never for cicc and ptxas. Headers of another minor version matter only where CUDA's C++ headers are included.
"""

from typing import Iterator, List, Optional, Tuple

from envdoctor import compat, toolkit_cures
from envdoctor.facts import Component, Project, Toolkit, Toolkits, Torch
from envdoctor.finding import Evidence, Finding, Fix, Run, Safety, Severity

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")
# What has to be of nvcc's release; cudart may be any of its major version.
TIED = ("cicc", "ptxas", "crt", "cuda.h")

Release = Tuple[int, int]


def check(
    toolkit: Toolkit,
    toolkits: Optional[Toolkits],
    torch: Optional[Torch],
    project: Optional[Project],
) -> Iterator[Finding]:
    if not toolkit.nvcc or not toolkit_cures.wants_nvcc(project):
        return
    odd = _odd(toolkit)
    if odd:
        names = ", ".join(f"{part.name} {part.version}" for part in odd)
        yield Finding(
            message=f"The toolkit at {toolkit.root} mixes CUDA releases: nvcc {toolkit.build}, {names}.",
            consequence=_consequence(toolkit),
            evidence=tuple(
                Evidence(part.path, f"{part.name} {part.version} ({part.found_via})")
                for part in toolkit.components
                if part in odd or part.name == "nvcc"
            ),
            fix=_fix(toolkit, toolkits, torch),
            severity=Severity.ERROR if _ptx_rejected(toolkit) else Severity.WARNING,
        )


def _odd(toolkit: Toolkit) -> List[Component]:
    found = []
    for part in toolkit.components:
        release = _release(part)
        if release is None or toolkit.release == (0, 0):
            continue
        own_major = part.name == "cudart" and release[0] != toolkit.release[0]
        if own_major or (part.name in TIED and release != toolkit.release):
            found.append(part)
    return found


def _ptx_rejected(toolkit: Toolkit) -> bool:
    writer, reader = (_release(toolkit.component(name)) for name in ("cicc", "ptxas"))
    return writer is not None and reader is not None and writer > reader


def _consequence(toolkit: Toolkit) -> str:
    if _ptx_rejected(toolkit):
        return "ptxas refuses the PTX that the newer cicc writes: no kernel compiles."
    return (
        "Headers and compiler do not agree: CUDA's C++ headers stop, or options and built-ins are not known."
    )


def _fix(toolkit: Toolkit, toolkits: Optional[Toolkits], torch: Optional[Torch]) -> Fix:
    built_with = compat.release(torch.cuda) if torch else None
    major = (built_with or toolkit.release)[0]
    whole = toolkit_cures.other(
        toolkits, lambda item: item.release[0] == major and not _odd(item) and item.root != toolkit.root
    )
    if whole:
        return Fix(
            f"Build with the whole toolkit CUDA {whole.version} at {whole.root}", toolkit_cures.use(whole)
        )
    release = _wanted(toolkit, torch)
    title = f"Install all parts of CUDA {release[0]}.{release[1]}"
    if toolkit.layout == "wheel":
        return Fix(title, (Run(toolkit_cures.pip_line(release), Safety.UNSAFE),))
    return Fix(title)


def _wanted(toolkit: Toolkit, torch: Optional[Torch]) -> Release:
    """torch's release where a part has it, else nvcc's."""
    built_with = compat.release(torch.cuda) if torch else None
    if built_with and built_with in [_release(part) for part in toolkit.components]:
        return built_with
    return toolkit.release


def _release(part: Optional[Component]) -> Optional[Release]:
    return compat.release(part.version) if part else None
