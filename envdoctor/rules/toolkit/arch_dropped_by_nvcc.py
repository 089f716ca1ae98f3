"""The build asks for a GPU architecture that is too old for the toolkit.

## What it means

Each CUDA major release stops compiling for old GPUs: 12.0 dropped Kepler (3.5, 3.7), 13.0 dropped Maxwell,
Pascal and Volta (5.0 to 7.2). nvcc then says "Unsupported gpu architecture 'compute_70'", although the flag
worked for years.

## How envdoctor knows

The architectures of the build (stated with --arch, in TORCH_CUDA_ARCH_LIST, CUDAARCHS, CMAKE_ARGS or
NVCC_APPEND_FLAGS, in the project's files, or those of the GPUs here when the build asks them) against
`nvcc --list-gpu-arch` of the toolkit that it uses. The number decides: `arch-unsupported-by-nvcc` is the
other direction. CMake's own lists (CMAKE_CUDA_ARCHITECTURES_ALL) count as what a CMake older than the toolkit
puts into them.

In a log, nvcc's or ptxas' refusal of an architecture counts where the toolkit that the log names is newer than it;
without a toolkit in the log, where it is older than 7.5.

## What to do

Leave the old architecture out, or build with a toolkit that still has it when such a GPU is to be served.

## When to ignore it

When the entry is only reached with older toolkits.
"""

from typing import Iterator, List, Optional, Tuple

from packaging.version import Version

from envdoctor import architectures, compat, libraries, toolkit_cures
from envdoctor.architectures import Architecture, Asked
from envdoctor.facts import Driver, Environment, Project, Request, Toolkit, Toolkits, Tools, Torch
from envdoctor.finding import Evidence, Finding, Fix, Location, SetEnv, Severity
from envdoctor.log import BuildLog
from envdoctor.messages.refused import refused
from envdoctor.requirements import release_of

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")


def check(
    request: Request,
    environment: Environment,
    project: Project,
    toolkit: Toolkit,
    toolkits: Optional[Toolkits],
    driver: Optional[Driver],
    tools: Optional[Tools],
    torch: Optional[Torch],
) -> Iterator[Finding]:
    if not toolkit.nvcc or not project.wants_cuda:
        return
    handed = (
        *architectures.handed_to_nvcc(environment, project),
        *_in_cmakes_list(project, toolkit, tools),
    )
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
            fix=_fix(
                refused,
                handed,
                environment,
                toolkit,
                libraries.torch_takes(project, toolkits, torch),
                architectures.stated(request),
            ),
            location=Location(first.file, first.line) if first.file else None,
        )


def _in_cmakes_list(project: Project, toolkit: Toolkit, tools: Optional[Tools]) -> Tuple[Asked, ...]:
    """What ${CMAKE_CUDA_ARCHITECTURES_ALL} holds where this CMake is older than the toolkit's last cut."""
    place = project.cmake.cmake_lists if project.cmake else None
    cmake = tools.first("cmake") if tools else None
    version = release_of(cmake.version) if cmake else None
    if (
        place is None
        or version is None
        or not any(
            toolkit.release >= cuda and Version(since) <= version < Version(below)
            for cuda, since, below in compat.CMAKE_ALL_UNAWARE
        )
    ):
        return ()
    text = f"${{{place.text}}} of CMake {version}"
    return tuple(
        Asked(text, Architecture(number), place.place, "project", place.file) for number in compat.CMAKE_ALL
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
    stated: Tuple[Asked, ...],
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
        value = architectures.as_variable(environment, first.source, left)
        return Fix(f"Leave it out of {first.source}", (SetEnv(first.source, value),))
    if left and first.origin == "project":
        return _left_out(old, left, stated, toolkit)
    # Nothing else is asked for, or such a GPU is to be served: only an older toolkit can.
    older = toolkit_cures.other(toolkits, lambda item: all(architectures.takes(a, item) for a in old))
    if older:
        return Fix(
            f"Build with CUDA {older.version} at {older.root}, which still has it", toolkit_cures.use(older)
        )
    major, minor = architectures.dropped_in(old, toolkit)
    return Fix(f"Build for a newer architecture, or install a toolkit older than CUDA {major}.{minor}")


def _left_out(
    old: List[Architecture],
    left: Tuple[Architecture, ...],
    stated: Tuple[Asked, ...],
    toolkit: Toolkit,
) -> Fix:
    """Where targets are stated, nvcc compiles for them alone: no time goes into others."""
    numbers = {architecture.number for architecture in old}
    targets = {asked.architecture.number for asked in stated if asked.architecture}
    wanted = [architecture for architecture in left if architecture.number in targets]
    if not wanted:
        title = "Have nvcc leave it out of what the build asks for"
    else:
        numbers |= {architecture.number for architecture in left} - targets
        names = ", ".join(dict.fromkeys(architecture.dotted for architecture in wanted))
        title = f"Have nvcc compile for {names} alone of what the build asks for"
    return Fix(title, toolkit_cures.nvcc_without(toolkit, numbers))


def explain(log: BuildLog) -> Iterator[Finding]:
    for hit, architecture, direction in refused(log):
        if direction == "dropped":
            yield hit.finding(
                f"The build asks for architecture {architecture.dotted}, which this nvcc no longer compiles for.",
                "nvcc stops before it compiles anything.",
                Fix(
                    f"Leave {architecture.dotted} out (TORCH_CUDA_ARCH_LIST, CMAKE_CUDA_ARCHITECTURES, -gencode"
                    " flags), or build with an older toolkit to serve such a GPU"
                ),
            )
            return
