"""The build asks for a GPU architecture that is newer than the toolkit.

## What it means

Every nvcc knows the architectures up to its own time: 8.9 and 9.0 came with CUDA 11.8, 10.0 and 12.0 with
12.8, 11.0 (Thor's new number) with 13.0. For a newer one it says "Unsupported gpu architecture 'compute_120'"
or "Value 'sm_120' is not defined for option 'gpu-architecture'".

## How envdoctor knows

The architectures of the build (stated with --arch, in TORCH_CUDA_ARCH_LIST or CUDAARCHS, in the project's
files, or those of the GPUs here when the build asks them) against `nvcc --list-gpu-arch` of the toolkit that
it uses. The number decides: `arch-dropped-by-nvcc` is the other direction.

In a log, the compiler's refusal counts (`Unsupported gpu architecture`, `is not defined for option
'gpu-architecture'`) where the architecture is newer than the toolkit.

## What to do

Build with a newer toolkit, or leave that architecture out and keep PTX of the newest known one, which newer
GPUs compile when the program starts.

## When to ignore it

When the entry is only reached with newer toolkits.
"""

import re
from typing import Iterator, Optional, Tuple

from envdoctor import architectures, builders, compat, libraries, toolkit_cures
from envdoctor.architectures import Architecture, Asked
from envdoctor.facts import Driver, Environment, Project, Request, Toolkit, Toolkits, Torch
from envdoctor.finding import Evidence, Finding, Fix, Here, Location, SetEnv, Severity
from envdoctor.log import BuildLog
from envdoctor.messages.refused import refused

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")


def check(
    request: Request,
    environment: Environment,
    project: Project,
    toolkit: Toolkit,
    toolkits: Optional[Toolkits],
    driver: Optional[Driver],
    torch: Optional[Torch],
) -> Iterator[Finding]:
    if not toolkit.nvcc or not project.wants_cuda:
        return
    handed = architectures.handed_to_nvcc(environment, project)
    gpus = architectures.detected(request, environment, project, driver)
    dropped = (environment.get(architectures.DROPPED_VARIABLE) or "").split()
    refused = [
        (asked, asked.architecture)
        for asked in (*architectures.stated(request), *handed, *gpus)
        if asked.architecture
        and architectures.refusal(asked.architecture, toolkit) == "new"
        and (asked.origin == "request" or str(asked.architecture.number) not in dropped)
    ]
    if refused:
        first = refused[0][0]
        names = ", ".join(dict.fromkeys(architecture.dotted for _, architecture in refused))
        yield Finding(
            message=f"The build asks for {names}, and nvcc {toolkit.version} does not know it yet.",
            consequence='nvcc stops with "Unsupported gpu architecture".',
            evidence=(
                *dict.fromkeys(Evidence(asked.source, asked.text) for asked, _ in refused),
                Evidence(
                    f"{toolkit.nvcc} --list-gpu-arch",
                    " ".join(toolkit.architectures) or f"CUDA {toolkit.version}",
                ),
            ),
            fix=_fix(
                tuple(item for _, item in refused),
                first,
                handed,
                environment,
                toolkit,
                libraries.torch_takes(project, toolkits, torch),
                project,
            ),
            location=Location(first.file, first.line) if first.file else None,
        )


def _fix(
    refused: Tuple[Architecture, ...],
    first: Asked,
    handed: Tuple[Asked, ...],
    environment: Environment,
    toolkit: Toolkit,
    toolkits: Optional[Toolkits],
    project: Project,
) -> Fix:
    newer = toolkit_cures.other(toolkits, lambda item: all(architectures.takes(a, item) for a in refused))
    if newer:
        return Fix(
            f"Build with CUDA {newer.version} at {newer.root}, which knows it", toolkit_cures.use(newer)
        )
    since = max(compat.ARCHITECTURE_SINCE.get(item.number, (0, 0)) for item in refused)
    install = (
        f"install CUDA {since[0]}.{since[1]} or newer" if since > (0, 0) else "install a newer CUDA toolkit"
    )
    known = tuple(
        asked.architecture for asked in handed if asked.architecture and asked.architecture not in refused
    )
    if first.origin == "flags":
        flags = architectures.without(environment.get(first.source) or "", refused)
        return Fix(
            f"To serve that GPU itself, {install}; until then leave it out of {first.source}",
            (SetEnv(first.source, flags or None),),
        )
    if first.origin == "variable" and known:
        value = architectures.as_variable(environment, first.source, known)
        return Fix(
            f"To serve that GPU itself, {install}; until then leave it out, with PTX for newer GPUs",
            (SetEnv(first.source, value),),
        )
    if first.origin == "project" and known:
        return Fix(
            f"To serve that GPU itself, {install}; until then have nvcc leave it out",
            toolkit_cures.nvcc_without(toolkit, (item.number for item in refused)),
        )
    if first.origin == "GPU" and builders.builds_torch_extension(project):
        newest = max(architectures.sensible(toolkit), key=lambda item: item.number, default=None)
        if newest:
            return Fix(
                f"To serve that GPU itself, {install}; until then build PTX that its driver compiles",
                (SetEnv("TORCH_CUDA_ARCH_LIST", f"{newest.dotted}+PTX"),),
            )
    return Fix(install[0].upper() + install[1:])


# The same, without the architecture's number. Source: flashinfer's compilation_context.py; NVRTC.
_UNNAMED = (
    r"FlashInfer requires GPUs with sm75 or higher",
    r"SM \d+\.x requires CUDA >= ?\d+\.\d+",
    r"No supported CUDA architectures found for major versions",
)
_NVRTC = r"nvrtc: error: invalid value for --gpu-architecture"


def explain(log: BuildLog) -> Iterator[Finding]:
    for hit, architecture, direction in refused(log):
        if direction == "new":
            since = compat.ARCHITECTURE_SINCE.get(architecture.number)
            newer = f"CUDA {since[0]}.{since[1]} or newer" if since else "a newer CUDA toolkit"
            yield hit.finding(
                f"The build asks for architecture {architecture.dotted}, and this nvcc does not know it yet.",
                "nvcc stops before it compiles anything.",
                Fix(
                    f"Build with {newer}, or leave {architecture.dotted} out (TORCH_CUDA_ARCH_LIST,"
                    " CMAKE_CUDA_ARCHITECTURES, -gencode flags)"
                ),
            )
            return
    unnamed = log.first(*_UNNAMED)
    shown = unnamed or log.first(_NVRTC)
    if shown:
        yield shown.finding(
            "This CUDA toolkit has no architecture for the GPU of this machine.",
            "Nothing can be compiled for that GPU with it.",
            Fix(
                "Build with a newer toolkit (nvidia-smi --query-gpu=compute_cap --format=csv shows the GPU's number,"
                " nvcc --list-gpu-arch those that the toolkit knows); for NVRTC it is the torch that brings it"
            ),
            confidence="high" if unnamed else "medium",
        )


def judge(finding: Finding, toolkit: Toolkit) -> Optional[Here]:
    asked = re.search(r"architecture (\d+)\.(\d)", finding.message)
    if asked is None or not toolkit.nvcc or not toolkit.architectures:
        return None
    known = asked[1] + asked[2] in toolkit.architectures
    said = f"nvcc {toolkit.version} at {toolkit.root} {'knows' if known else 'does not know'} {asked[1]}.{asked[2]}"
    return Here("contradicted" if known else "confirmed", said)
