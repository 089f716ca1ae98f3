"""The parts of this build would take CUDA toolkits of different versions.

## What it means

The shell, torch's extension builder, CMake's CUDA language and find_package(CUDAToolkit) search differently:
PATH, CUDA_HOME, CUDACXX, CUDAToolkit_ROOT, /usr/local/cuda. When a build uses two of them and they find two
releases, it compiles with one nvcc and takes headers and libraries of another.

## How envdoctor knows

Each finder was asked or its search replayed, and only those that this project uses are compared, by the
release of the toolkit that they find.

In a log, torch's `Found two conflicting CUDA versions` (older: `installs`) counts.

## What to do

Point all of them at one toolkit.

## When to ignore it

When the two releases are meant, as in a project that tests several.
"""

from typing import Iterator, List, Optional, Tuple

from envdoctor import builders, toolkit_cures
from envdoctor.facts import Answer, Project, Resolution, Toolkit, Toolkits
from envdoctor.finding import Evidence, Finding, Fix, Severity
from envdoctor.log import BuildLog

SEVERITY = Severity.WARNING
ROLES = ("build", "ci")

Found = Tuple[Answer, Toolkit]


def check(
    project: Project,
    resolution: Resolution,
    toolkits: Toolkits,
    toolkit: Optional[Toolkit],
) -> Iterator[Finding]:
    found = _found(project, resolution, toolkits)
    if len({item.version for _, item in found}) < 2:
        yield from _variable_unread(found, toolkits)
        return
    chosen = toolkit if toolkit and toolkit.nvcc else found[0][1]
    listed = "; ".join(f"{answer.finder}: {item.version}" for answer, item in found)
    yield Finding(
        message=f"This build finds CUDA toolkits of different versions ({listed}).",
        consequence="It compiles with one and takes headers or libraries of another.",
        evidence=tuple(Evidence(answer.finder, f"{answer.takes} ({answer.reason})") for answer, _ in found),
        fix=Fix(f"Point all of them at CUDA {chosen.version} at {chosen.root}", toolkit_cures.use(chosen)),
    )


def _variable_unread(found: List[Found], toolkits: Toolkits) -> Iterator[Finding]:
    """CUDA_HOME names one toolkit, and CMake, which does not read it, takes another one alone."""
    named = next((item for item in toolkits.items if "CUDA_HOME" in item.origins), None)
    taken = next(
        (pair for pair in found if pair[0].finder in ("CMake CUDA language", "FindCUDAToolkit")), None
    )
    if named is None or not named.nvcc or named.error or taken is None or taken[1].root == named.root:
        return
    answer, item = taken
    yield Finding(
        message=f"CUDA_HOME names {named.root}, and CMake takes {item.root}: it does not read CUDA_HOME.",
        consequence="CMake compiles with that toolkit and looks for CUDA's libraries and headers in it."
        if answer.finder == "CMake CUDA language"
        else "CMake looks for CUDA's libraries and headers in that toolkit.",
        evidence=(
            Evidence("CUDA_HOME", f"{named.root} (CUDA {named.version})"),
            Evidence(answer.finder, f"{answer.takes} ({answer.reason})"),
        ),
        fix=Fix(f"Point CMake at CUDA {named.version} at {named.root}", toolkit_cures.use(named)),
    )


def _found(project: Project, resolution: Resolution, toolkits: Toolkits) -> List[Found]:
    found = []
    for finder in _used(project):
        answer = resolution.get(finder)
        taken = toolkits.get(answer.takes) if answer and answer.takes else None
        if answer and taken and taken.version:
            found.append((answer, taken))
    return found


def _used(project: Project) -> List[str]:
    """The finders that this project's build asks."""
    used = []
    if builders.builds_torch_extension(project):
        used.append("torch cpp_extension")
    if project.cmake and project.builds[:1] != ("make",):
        if builders.builds_with_cmake(project):
            used.append("CMake CUDA language")
        if project.cmake.package("CUDAToolkit"):
            used.append("FindCUDAToolkit")
    return used


def explain(log: BuildLog) -> Iterator[Finding]:
    # Source: torch's Caffe2/public/cuda.cmake; what follows from it is cuda-component-version-mix.
    hit = log.first(
        r"Found two conflicting CUDA (?:versions|installs): V(?P<one>[\d.]+) in '(?P<at>[^'\n]*)' and"
        r" V(?P<other>[\d.]+) in '(?P<there>[^'\n]*)'"
    )
    if hit:
        yield hit.finding(
            f"CMake's CUDA compiler is {hit['one']} ({hit['at']}), and its CUDAToolkit is {hit['other']}"
            f" ({hit['there']}).",
            "torch's CMake files stop, because nvcc and headers would be of two releases.",
            Fix(
                "Point CUDACXX, CUDA_HOME, CUDAToolkit_ROOT and PATH to one toolkit, and use an empty build folder"
            ),
            confidence="medium",
        )
