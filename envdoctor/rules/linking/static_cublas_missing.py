"""The link line asks for CUDA libraries as static archives, and the toolkit has only shared ones.

## What it means

`-lcublas_static`, `-lcublasLt_static` or `-lculibos` name archives (`lib*.a`). Wheels, runtime images and many
distribution packages hold shared libraries alone, so the linker says "cannot find -lcublas_static". The archives
are large (0.1 to 0.9 GB each), and linking them makes programs of half a gigabyte: the shared library is nearly
always what is wanted.

## How envdoctor knows

The project's files give the names to the linker, and no folder of the toolkit that the build uses, nor of
LIBRARY_PATH, has the archive.

In a log, a linker's message that it does not find a static library of CUDA's counts (`cannot find
-lcublas_static`).

## What to do

The cure that `envdoctor check` prints puts a small linker script of the archive's name on LIBRARY_PATH that
says `INPUT ( -lcublas )`: the build links the shared library, and the project stays as it is. What it builds
then needs that shared library when it runs; torch brings one. For the real archives install the toolkit from
NVIDIA's own packages (`libcublas-dev-X-Y` and the like, of CUDA X.Y); no wheel holds them.

## When to ignore it

When the part of the project that asks for the archive is switched off in your build.
"""

from typing import Iterator, List, Optional, Tuple

from envdoctor import compat, libraries
from envdoctor.facts import Located, Project, Python, Toolkit, Toolkits, Torch
from envdoctor.finding import Evidence, Finding, Fix, Location, Run, Safety, Severity, Shim, Step
from envdoctor.log import BuildLog, told
from envdoctor.messages.absent import libraries as libraries_absent

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")


def check(
    project: Project,
    toolkits: Toolkits,
    toolkit: Optional[Toolkit],
    python: Optional[Python],
    torch: Optional[Torch],
) -> Iterator[Finding]:
    used = libraries.used(toolkit, toolkits)
    # cuda-toolkit-missing speaks, or toolkit-torch-cuda-mismatch.
    if used is None or libraries.torch_refuses(project, used, torch):
        return
    missing = [(place, name) for place, name in _archives(project) if not _has(used, toolkits, name)]
    if not missing:
        return
    names = list(dict.fromkeys(name for _, name in missing))
    files = ", ".join(f"lib{_archive(name)}.a" for name in names)
    first = missing[0][0]
    yield Finding(
        message=f"The build links {files}; {used.root} (CUDA {used.version}) has no such archive.",
        consequence=f"The linker stops: cannot find -l{_archive(names[0])}.",
        evidence=tuple(Evidence(place.place, place.text) for place, _ in missing)
        + tuple(Evidence(used.root, _what_is_there(used, name)) for name in names),
        fix=_fix(names, used, toolkits, project, python.executable if python else "python"),
        location=Location(first.file, first.line),
    )


def _archives(project: Project) -> Iterator[Tuple[Located, str]]:
    """Link names that only an archive satisfies, with the library that each stands for."""
    seen = set()
    for place in project.link_names:
        name = libraries.link_name(place.text)
        library = name[: -len("_static")] if name.endswith("_static") else name
        if library in seen or library not in compat.CUDA_LIBRARIES:
            continue
        if name.endswith("_static") or name in compat.CUDA_ARCHIVES_ONLY:
            seen.add(library)
            yield place, library


def _archive(name: str) -> str:
    return name if name in compat.CUDA_ARCHIVES_ONLY else f"{name}_static"


def _has(used: Toolkit, toolkits: Toolkits, name: str) -> bool:
    """The toolkit's own archive, Debian's in the system's folder, or one on LIBRARY_PATH."""
    return any(library.static for library in libraries.searched(name, used, toolkits)) or (
        libraries.linkable(toolkits, f"lib{_archive(name)}.a")
    )


def _what_is_there(used: Toolkit, name: str) -> str:
    library = used.library(name)
    return f"{name}: {library.shared} alone" if library and library.shared else f"{name}: in no form"


def _fix(names: List[str], used: Toolkit, toolkits: Toolkits, project: Project, python: str) -> Fix:
    without = [
        name for name in names if name not in compat.CUDA_ARCHIVES_ONLY and not _shared(name, used, toolkits)
    ]
    if without:
        commands = dict.fromkeys(libraries.wheel_command(name, used, python) for name in without)
        runs = tuple(Run(command, Safety.UNSAFE) for command in commands if command)
        return Fix(
            "Install the shared library; `envdoctor check` then prints how to link it in the archive's place",
            runs,
        )
    steps: List[Step] = []
    for name in names:
        if name in compat.CUDA_ARCHIVES_ONLY:  # the shared libraries carry what it holds
            steps.append(Shim(f"lib/lib{name}.a", "archive", ""))
        else:
            steps.append(Shim(f"lib/lib{name}_static.a", "text", f"INPUT ( -l{name} )\n"))
            steps.extend(libraries.dev_link(name, used, toolkits))
    return Fix("Link the shared libraries under the archives' names", (*steps, *libraries.search(project)))


def _shared(name: str, used: Toolkit, toolkits: Toolkits) -> bool:
    return any(copy.shared or copy.dev_link for copy in libraries.copies(name, used, toolkits))


def explain(log: BuildLog) -> Iterator[Finding]:
    found = tuple(libraries_absent(log, "archive"))
    if found:
        names = list(dict.fromkeys(name for _, name in found))
        release = "-".join(map(str, told.cuda_release(log) or "XY"))
        shared = " ".join(f"-l{name[:-7]}" for name in names if name.endswith("_static"))
        yield found[0][0].finding(
            f"The link asks for CUDA's static archives {', '.join(names)}, and the linker finds none.",
            "Wheels, conda and runtime images hold the shared libraries alone.",
            Fix(
                f"Link the shared libraries instead ({shared or 'leave -lculibos out'}), or install the archives"
                f" with NVIDIA's own packages (libcublas-dev-{release} and the like)"
            ),
        )
