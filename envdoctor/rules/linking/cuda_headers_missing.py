"""The sources include headers of CUDA libraries that the toolkit in use does not have.

## What it means

Toolkits from wheels, runtime images, HPC SDKs and hand-picked packages often hold nvcc and the run time alone,
without the headers of cuBLAS, cuSPARSE, cuSOLVER or libcu++. torch's own `ATen/cuda/CUDAContext.h` includes
`cusparse.h`, `cublas_v2.h` and `cusolverDn.h`, so that nearly every CUDA extension needs them. torch's wheels
bring the libraries' wheels with their headers, but its extension builder adds only `$CUDA_HOME/include`.

## How envdoctor knows

A source includes the header (or a header of torch that does), it lies in no include folder of the toolkit that the
build uses, and CPATH names none that has it.

In a log, a compiler's message that a header of CUDA's is not there counts, and CMake's `Could NOT find CUDAToolkit`
where only its include folder is missing.

## What to do

Where another installed copy of the same CUDA major version has the header, the cure that `envdoctor check`
prints adds its folder to CPATH, behind everything that the build itself names. Else install the package that is
named.

## When to ignore it

When the source is left out of your build.
"""

import posixpath
from typing import Dict, Iterator, List, Optional, Tuple

from envdoctor import compat, libraries
from envdoctor.facts import Environment, Located, Project, Python, Toolkit, Toolkits, Torch
from envdoctor.finding import Evidence, Finding, Fix, Location, Run, Safety, SetEnv, Severity
from envdoctor.log import BuildLog, Hit, told
from envdoctor.messages import absent

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")


def check(
    project: Project,
    toolkits: Toolkits,
    toolkit: Optional[Toolkit],
    environment: Environment,
    torch: Optional[Torch],
    python: Optional[Python],
) -> Iterator[Finding]:
    used = libraries.used(toolkit, toolkits)
    # cuda-toolkit-missing speaks, or toolkit-torch-cuda-mismatch.
    if used is None or libraries.torch_refuses(project, used, torch):
        return
    reached = [used, *(item for item in toolkits.items if _on_path(item, environment))]
    missing = {
        part: place
        for part, place in _wanted(project, used, torch).items()
        if not any(_has(item, part) for item in reached)
    }
    if not missing:
        return
    first = next(iter(missing.values()))
    yield Finding(
        message=f"{used.root} (CUDA {used.version}) lacks headers of {', '.join(missing)} that are included.",
        consequence=f"The compiler stops: {_header(*next(iter(missing.items())))}: No such file or directory.",
        evidence=(
            *(Evidence(place.place, f"includes {place.text}") for place in dict.fromkeys(missing.values())),
            Evidence(", ".join(used.include_dirs) or used.root, f"no headers of {', '.join(missing)}"),
        ),
        fix=_fix(list(missing), used, toolkits, python.executable if python else "python"),
        location=Location(first.file, first.line),
    )


def _wanted(project: Project, used: Toolkit, torch: Optional[Torch]) -> Dict[str, Located]:
    """Toolkit parts whose headers are included, each with the first place."""
    wanted: Dict[str, Located] = {}
    for header in project.unresolved_headers:
        part = _part(header.name)
        if part:
            wanted.setdefault(
                part, Located(header.name, header.included_from.file, header.included_from.line)
            )
    for place in project.includes if used.release >= compat.HALF_HEADERS_NEED_CCCL else ():
        if place.text in compat.HALF_HEADERS:
            wanted.setdefault("cccl", place)
    # Without torch, or with a CPU build of it, other rules speak: the wheels that torch brings have these headers.
    for place in project.includes if torch is not None and torch.cuda else ():
        if place.text in compat.TORCH_HEADERS_WITH_MATH:
            for part in compat.TORCH_MATH_LIBRARIES:
                wanted.setdefault(part, place)
    return wanted


def _part(header: str) -> Optional[str]:
    return next(
        (part for start, part in compat.CUDA_HEADERS if header == start or _below(header, start)), None
    )


def _below(header: str, folder: str) -> bool:
    return folder.endswith("/") and header.startswith(folder)


def _header(part: str, place: Located) -> str:
    """The header that is not found: the one that is included, or the one that torch's own includes."""
    if _part(place.text) == part:
        return place.text
    return next(start for start, name in compat.CUDA_HEADERS if name == part)


def _has(item: Toolkit, part: str) -> bool:
    if part == "cccl":
        return item.component("cccl") is not None
    library = item.library(part)
    return bool(library and library.header)


def _on_path(item: Toolkit, environment: Environment) -> bool:
    """Whether its headers are reached through the compiler's variables."""
    named = [*environment.folders("CPATH"), *environment.folders("CPLUS_INCLUDE_PATH")]
    for variable in ("CFLAGS", "CXXFLAGS", "CPPFLAGS", "NVCC_PREPEND_FLAGS", "NVCC_APPEND_FLAGS"):
        named += [word.replace("-I", "", 1) for word in (environment.get(variable) or "").split()]
    return any(folder.rstrip("/") in item.include_dirs for folder in named)


def _fix(missing: List[str], used: Toolkit, toolkits: Toolkits, python: str) -> Fix:
    folders: Dict[str, None] = {}
    commands: Dict[str, None] = {}
    for part in missing:
        found = _elsewhere(part, used, toolkits)
        command = None if found else libraries.wheel_command(part, used, python)
        folders.update(dict.fromkeys(found))
        commands.update({command: None} if command else {})
    if folders and not commands:
        value = ":".join(folders)
        return Fix(
            f"Add the headers of the same CUDA {used.release[0]} that are installed elsewhere",
            (SetEnv("CPATH", value, "append"),),
        )
    title = "Install the headers: NVIDIA's -dev packages, or their wheels; `envdoctor check` then tells how to add them"
    return Fix(title, tuple(Run(command, Safety.UNSAFE) for command in commands))


def _elsewhere(part: str, used: Toolkit, toolkits: Toolkits) -> Tuple[str, ...]:
    """Include folders of another copy of the same CUDA major version."""
    for item in toolkits.items:
        if item.root == used.root or item.release[0] != used.release[0] or not _has(item, part):
            continue
        library = item.library(part)
        return (posixpath.dirname(library.header),) if library and library.header else item.include_dirs
    return ()


# CMake's modules, when nvcc is there.
_NOT_FOUND = (
    r"Could NOT find CUDA(?:Toolkit)? \(missing: (?P<name>CUDA(?:Toolkit)?_INCLUDE_DIR\w*)[ )]",
    r"Could NOT find (?:CUDNN|CuDNN|cuDNN) \(missing: (?P<name>[^)\n]+)",
)
# nvcc that does not find its own first header says so without a file that includes it: nvcc-symlinked.
_BY_NVCC = r"(?:cc1plus|cc1|<built-in>|<command-line>)\S{0,20}: fatal error: '?cuda_runtime\.h"


def _of_this_toolkit(log: BuildLog) -> Iterator[Tuple[Hit, str]]:
    """Headers that are not found, unless the toolkit is older than they are (toolkit-too-old)."""
    release = told.cuda_release(log)
    for hit, name in absent.headers(log, "cuda"):
        since = compat.HEADER_SINCE.get(name)
        if release is None or since is None or since <= release:
            yield hit, name


def explain(log: BuildLog) -> Iterator[Finding]:
    found = () if log.has(_BY_NVCC) else tuple(_of_this_toolkit(log))
    hit = found[0][0] if found else log.first(*_NOT_FOUND)
    if hit:
        names = ", ".join(dict.fromkeys(name for _, name in found)) or hit["name"]
        first = names.partition(",")[0].rpartition("/")[2]
        runtime = found and all(name.startswith(("cuda.h", "cuda_runtime")) for _, name in found)
        yield hit.finding(
            f"The compiler finds no {names}: a header of CUDA.",
            "The toolkit in use lacks it, or keeps it in a folder that is not searched (wheels, HPC SDK, conda).",
            Fix(
                f"Look for a copy of the same CUDA (find / -name {first}) and put its folder into CPATH; else"
                " install the headers: NVIDIA's -dev packages (cuda-cudart-dev, libcusparse-dev ... of that release),"
                " or conda's cuda-libraries-dev"
            ),
            "high" if found and not runtime else "medium",
        )
