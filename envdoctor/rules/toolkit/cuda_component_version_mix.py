"""Parts of several CUDA releases work together in one toolkit.

## What it means

nvcc calls a chain of programs: cicc (from nvvm) writes PTX, ptxas reads it, the crt headers and cuda.h belong
to one nvcc. A newer cicc writes PTX of a newer version, and ptxas ends the build with "Unsupported .version
9.4; current version is '9.0'". cuda.h of another release makes the C++ headers of CUDA stop with "CUDA
compiler and CUDA toolkit headers are incompatible".

## How envdoctor knows

Each part was asked for its own version. Only major and minor count: nvcc 13.0.88 with cudart 13.0.96 is one
release. The C++ library (cccl), nvjitlink and cuBLAS have version numbers of their own and are not compared.

In a log, the parts' own words count: `Unsupported .version` of ptxas, `Input file newer than toolkit` of nvlink,
CCCL's `CUDA compiler and CUDA toolkit headers are incompatible`.

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
from envdoctor.log import BuildLog

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


# Source: ptxas, nvlink, CCCL's cuda_toolkit.h, libNVVM, Caffe2's cuda.cmake.
_PTX = r"Unsupported \.version (?P<has>\d+\.\d+); current version is '?(?P<knows>\d+\.\d+)"
_MIXED = (
    r"CUDA compiler and CUDA toolkit headers are incompatible",
    r"Input file '[^'\n]+' newer than toolkit \(\d+ vs \d+\)",
    r"cannot be linked due to version mismatch",
    r"FindCUDA says CUDA version is \S+ \(usually determined by nvcc\), but the CUDA headers say the version is",
    r"Found two conflicting CUDA (?:versions|installs)",
    r"IR version [\d.]+ (?:is )?incompatible with current version [\d.]+",
)
# nvcc knows what its own ptxas knows; CMake asks for no architecture while it identifies the compiler.
_IDENTIFIED = (r"ptxas fatal *: Value 'sm_\w+' is not defined for option 'gpu-name'", r"CMakeCUDACompilerId")
# What nvcc of one release calls and libcudart of an older one lacks: CUDA 9.2, 10.1, 12.0.
_NEWER_CALLS = (
    (
        r"undefined (?:reference to|symbol:?) ['\"]?(?:__cuda(?:Push|Pop)CallConfiguration|__cudaRegisterFatBinaryEnd"
        r"|__cudaInitModule|__cudaGetKernel|__cudaLaunchKernel)\b"
    ),
)
# Undefined, too, where libcudart is not linked at all: library-not-linked.
_OLD_CALLS = (
    r"undefined (?:reference to|symbol:?) ['\"]?"
    r"(?:__cudaRegister(?:Function|FatBinary)\b|cuda(?:Malloc|Free|Launch|Get))"
)
ADVICE = "Install all parts of one release, and have PATH, CUDA_HOME and include paths lead to it alone; build anew"


def explain(log: BuildLog) -> Iterator[Finding]:
    ptx = log.first(_PTX)
    if ptx:
        yield ptx.finding(
            f"nvcc's front end writes PTX {ptx['has']}, and the ptxas that runs knows no more than {ptx['knows']}.",
            "cicc and ptxas are of different CUDA releases; no file compiles.",
            Fix(f"{ADVICE}. nvcc --dryrun x.cu and which -a ptxas show what is taken"),
        )
    mixed = log.first(*_MIXED) or (log.first(_IDENTIFIED[0]) if log.has(_IDENTIFIED[1]) else None)
    if mixed:
        yield mixed.finding(
            "Parts of two CUDA releases work together here: nvcc is of another one than headers, objects or libraries.",
            "The build stops at the check that sees it.",
            Fix(
                f"{ADVICE}. With wheels, pin every nvidia-* package of the toolkit to one release in one command"
            ),
        )
    newer = log.first(*_NEWER_CALLS)
    if newer and not log.has(_OLD_CALLS):
        yield newer.finding(
            "Objects of a newer nvcc are linked with an older libcudart.",
            "The older library lacks what the compiler's code calls.",
            Fix(f"{ADVICE}. The linker's -L folders before the right lib64 decide which libcudart it is"),
        )
