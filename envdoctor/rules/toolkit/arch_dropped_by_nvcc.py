"""The build asks for a GPU architecture that is too old for the toolkit.

## What it means

Each CUDA major release stops compiling for old GPUs: 12.0 dropped Kepler (3.5, 3.7), 13.0 dropped Maxwell,
Pascal and Volta (5.0 to 7.2). nvcc then says "Unsupported gpu architecture 'compute_70'", although the flag
worked for years.

## How envdoctor knows

The architectures of the build (stated with --arch, in TORCH_CUDA_ARCH_LIST, CUDAARCHS or
NVCC_APPEND_FLAGS, in the project's files, or those of the GPUs here when the build asks them) against
`nvcc --list-gpu-arch` of the toolkit that it uses. The number decides: `arch-unsupported-by-nvcc` is the
other direction.

## What to do

Leave the old architecture out, or build with a toolkit that still has it when such a GPU is to be served.

## When to ignore it

When the entry is only reached with older toolkits.
"""

from typing import Iterator, List, Optional, Tuple

from envdoctor import architectures, toolkit_cures
from envdoctor.architectures import Architecture, Asked
from envdoctor.facts import Driver, Environment, Project, Request, Toolkit, Toolkits
from envdoctor.finding import Evidence, Finding, Fix, Location, SetEnv, Severity

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")


def check(
    request: Request,
    environment: Environment,
    project: Project,
    toolkit: Toolkit,
    toolkits: Optional[Toolkits],
    driver: Optional[Driver],
) -> Iterator[Finding]:
    if not toolkit.nvcc or not project.wants_cuda:
        return
    handed = architectures.handed_to_nvcc(environment, project)
    gpus = architectures.detected(request, environment, project, driver)
    refused = _refused((*architectures.stated(request), *handed, *gpus), environment, toolkit)
    if refused:
        first = refused[0][0]
        names = ", ".join(dict.fromkeys(architecture.dotted for _, architecture in refused))
        yield Finding(
            message=f"The build asks for {names}, and nvcc {toolkit.version} no longer compiles for it.",
            consequence='nvcc stops with "Unsupported gpu architecture".',
            evidence=(
                *dict.fromkeys(Evidence(asked.source, asked.text) for asked, _ in refused),
                Evidence(
                    f"{toolkit.nvcc} --list-gpu-arch",
                    " ".join(toolkit.architectures) or f"CUDA {toolkit.version}",
                ),
            ),
            fix=_fix(refused, handed, environment, toolkit, toolkits),
            location=Location(first.file, first.line) if first.file else None,
        )


def _refused(
    every: Tuple[Asked, ...],
    environment: Environment,
    toolkit: Toolkit,
) -> List[Tuple[Asked, Architecture]]:
    left_out = (environment.get(architectures.DROPPED_VARIABLE) or "").split()
    return [
        (asked, asked.architecture)
        for asked in every
        if asked.architecture
        and architectures.refusal(asked.architecture, toolkit) == "dropped"
        and (asked.origin == "request" or str(asked.architecture.number) not in left_out)
    ]


def _fix(
    refused: List[Tuple[Asked, Architecture]],
    handed: Tuple[Asked, ...],
    environment: Environment,
    toolkit: Toolkit,
    toolkits: Optional[Toolkits],
) -> Fix:
    first = refused[0][0]
    old = [architecture for _, architecture in refused]
    if first.origin == "flags":
        value = architectures.without(environment.get(first.source) or "", old)
        return Fix(f"Leave it out of {first.source}", (SetEnv(first.source, value or None),))
    left = tuple(
        asked.architecture for asked in handed if asked.architecture and asked.architecture not in old
    )
    if left and first.origin == "variable":
        value = (
            architectures.cmake_list(left) if first.source == "CUDAARCHS" else architectures.dotted_list(left)
        )
        return Fix(f"Leave it out of {first.source}", (SetEnv(first.source, value),))
    if left and first.origin == "project":
        numbers = [architecture.number for architecture in old]
        return Fix(
            "Have nvcc leave it out of what the build asks for", toolkit_cures.nvcc_without(toolkit, numbers)
        )
    # Nothing else is asked for, or such a GPU is to be served: only an older toolkit can.
    older = toolkit_cures.other(toolkits, lambda item: all(architectures.takes(a, item) for a in old))
    if older:
        return Fix(
            f"Build with CUDA {older.version} at {older.root}, which still has it", toolkit_cures.use(older)
        )
    major, minor = architectures.dropped_in(old, toolkit)
    return Fix(f"Build for a newer architecture, or install a toolkit older than CUDA {major}.{minor}")
