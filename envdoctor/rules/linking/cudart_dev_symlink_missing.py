"""A CUDA library that the build links is there only under its versioned name, or in a folder that is not searched.

## What it means

`-lcudart` makes the linker look for `libcudart.so` or `libcudart.a`. CUDA's wheels hold `libcudart.so.13` alone
(wheels cannot hold links), and keep it in `lib` where `lib64` is searched by some: nvcc's own profile in the
wheels 13.0 and 13.1, and builds that name `$CUDA_HOME/lib64` of a conda environment. The linker says "cannot
find -lcudart", CMake "Could NOT find CUDAToolkit (missing: CUDA_CUDART)".

nvcc's own links take the archives `libcudart_static.a` and `libcudadevrt.a`, and CMake tries its CUDA compiler with
such a link; a toolkit that was put together by hand may lack them.

## How envdoctor knows

It looks for every CUDA library that the project names to the linker, and for those that torch's CUDAExtension,
CMake's CUDAToolkit and nvcc link by themselves, in the folders of the toolkit that the build uses and in
LIBRARY_PATH.

In a log, `cannot find -lcudart` and its kin of every linker count, and CMake's modules that miss the CUDA run-time
library alone.

## What to do

The cure that `envdoctor check` prints puts the plain names, as small linker scripts, into a folder of the
overlay and adds it to LIBRARY_PATH; site-packages and the system stay as they are. A library that is nowhere
has to be installed first.

## When to ignore it

When the part of the project that links the library is switched off in your build.
"""

import posixpath
from typing import Dict, Iterable, Iterator, List, Optional, Tuple

from envdoctor import compat, libraries, nvcc_links
from envdoctor.builders import builds_torch_extension
from envdoctor.facts import Library, Located, Project, Python, Toolkit, Toolkits, Torch
from envdoctor.finding import Evidence, Finding, Fix, Location, Run, Safety, Severity, Shim, Step
from envdoctor.log import BuildLog
from envdoctor.messages.absent import libraries as libraries_absent

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")

Wanted = Dict[str, Located]


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
    wanted = {
        name: place
        for name, place in _wanted(project).items()
        if not libraries.linkable(toolkits, f"lib{name}.so")  # on LIBRARY_PATH
    }
    hidden = {name: place for name, place in wanted.items() if _is_hidden(used.library(name))}
    if hidden:
        yield _versioned_only(hidden, used, toolkits, project)
    absent = {
        name: place
        for name, place in wanted.items()
        if name not in hidden and not any(copy.dev_link for copy in libraries.searched(name, used, toolkits))
    }
    if absent:
        yield _absent(absent, used, toolkits, project, python.executable if python else "python")
    outside = _outside_lib64(project, used)
    if outside:
        yield _in_lib(project, used, outside)
    yield from _nvcc_link(project, toolkits, toolkit)


def _wanted(project: Project) -> Wanted:
    """Shared CUDA libraries that the link names, each with the place that asks for it."""
    wanted: Wanted = {}
    for place in project.link_names:
        name = libraries.link_name(place.text)
        if name in compat.CUDA_LIBRARIES and name not in compat.CUDA_ARCHIVES_ONLY:
            wanted.setdefault(name, place)
    for extension in project.setup.extensions if project.setup else ():
        if extension.kind == "CUDAExtension":
            wanted.setdefault(
                "cudart", Located(f"CUDAExtension({extension.name})", extension.file, extension.line)
            )
    package = project.cmake.package("CUDAToolkit") if project.cmake else None
    if package is not None:
        wanted.setdefault("cudart", Located("find_package(CUDAToolkit)", package.file, package.line))
    return wanted


def _is_hidden(library: Optional[Library]) -> bool:
    return bool(library and library.shared and not library.dev_link)


def _evidence(wanted: Wanted) -> Tuple[Evidence, ...]:
    return tuple(Evidence(place.place, place.text) for place in wanted.values())


def _location(wanted: Wanted) -> Location:
    first = next(iter(wanted.values()))
    return Location(first.file, first.line)


def _versioned_only(hidden: Wanted, used: Toolkit, toolkits: Toolkits, project: Project) -> Finding:
    files = [(name, used.library(name)) for name in hidden]
    steps = [step for name in hidden for step in libraries.dev_link(name, used, toolkits)]
    return Finding(
        message=f"{used.root} has {_list(f'lib{name}.so' for name in hidden)} only under a versioned name.",
        consequence=_stops(project, hidden),
        evidence=_evidence(hidden)
        + tuple(Evidence(lib.shared or "", f"no lib{name}.so beside it") for name, lib in files if lib),
        fix=Fix("Put the plain names on the linker's path", (*steps, *libraries.search(project))),
        location=_location(hidden),
    )


def _absent(absent: Wanted, used: Toolkit, toolkits: Toolkits, project: Project, python: str) -> Finding:
    targets = _targets(project, absent)
    return Finding(
        message=f"{used.root} (CUDA {used.version}) does not have {_list(f'lib{name}' for name in absent)}.",
        consequence=_stops(project, absent)
        if targets
        else f"If this part of the project is built, the linker stops: cannot find -l{next(iter(absent))}.",
        evidence=(*_evidence(absent), Evidence(used.root, f"{_list(absent)}: in no form")),
        fix=_from_elsewhere(absent, used, toolkits, project, python),
        location=_location(absent),
        # CMake itself stops over a target that it does not know, whatever is built then.
        severity=None if targets else Severity.WARNING,
    )


def _from_elsewhere(absent: Wanted, used: Toolkit, toolkits: Toolkits, project: Project, python: str) -> Fix:
    """Copies of the same CUDA; a library of which there is none has to be installed first."""
    steps: List[Step] = []
    commands: Dict[str, None] = {}
    for name in absent:
        links = libraries.dev_link(name, used, toolkits)
        command = None if links else libraries.wheel_command(name, used, python)
        steps.extend(links)
        commands.update({command: None} if command else {})
    runs = tuple(Run(command, Safety.UNSAFE) for command in commands)
    if runs or not steps:
        return Fix(
            "Install the libraries; `envdoctor check` then prints how to put them on the linker's path", runs
        )
    return Fix(
        f"Take the copies of CUDA {used.release[0]} that are installed elsewhere",
        (*steps, *libraries.search(project)),
    )


def _targets(project: Project, wanted: Wanted) -> Tuple[str, ...]:
    """Those of the libraries that the project links as CMake's targets: FindCUDAToolkit makes them of what it finds."""
    linked = [place.text for place in (project.cmake.libraries if project.cmake else ())]
    return tuple(f"CUDA::{name}" for name in wanted if f"CUDA::{name}" in linked)


def _stops(project: Project, wanted: Wanted) -> str:
    targets = _targets(project, wanted)
    if "cudart" in wanted and project.cmake and project.cmake.package("CUDAToolkit"):
        return "CMake stops: Could NOT find CUDAToolkit (missing: CUDA_CUDART)."
    if targets:
        return f"CMake stops: {targets[0]}: the target was not found."
    return f"The linker stops: cannot find -l{next(iter(wanted))}."


def _outside_lib64(project: Project, used: Toolkit) -> Optional[str]:
    """conda's libcudart.so beside a lib64 of its own: torch's extensions then search lib64 alone."""
    library = used.library("cudart")
    place = library.dev_link if library else None
    lib64 = f"{used.root}/lib64"
    if used.layout != "conda" or lib64 not in used.library_dirs or not place:
        return None
    return place if builds_torch_extension(project) and posixpath.dirname(place) != lib64 else None


def _in_lib(project: Project, used: Toolkit, place: str) -> Finding:
    folder = posixpath.dirname(place)
    return Finding(
        message=f"torch's extensions search {used.root}/lib64, and libcudart.so lies in {folder}.",
        consequence="The linker stops: cannot find -lcudart.",
        evidence=(Evidence(place, "found"), Evidence(f"{used.root}/lib64", "is there, without libcudart.so")),
        fix=Fix("Search the other folder too", libraries.search(project, folder)),
    )


def _nvcc_link(project: Project, toolkits: Toolkits, toolkit: Optional[Toolkit]) -> Iterator[Finding]:
    """nvcc itself links the run time's archives: from a folder that its profile names, or from nowhere."""
    for place, item in nvcc_links.first_ones(project, toolkits, toolkit):
        shared = nvcc_links.shared_alone(item, toolkits)
        folder = nvcc_links.unsearched_folder(item, toolkits)
        if shared and not nvcc_links.asks_for_shared(project, place):
            yield _no_archive(project, place, item, shared, libraries.dev_link("cudart", item, toolkits))
            return
        if folder:
            yield _nvcc_lib64(project, place, item, folder)
            return


def _no_archive(
    project: Project, place: Located, used: Toolkit, shared: str, link: Tuple[Step, ...]
) -> Finding:
    stand_in = Shim("lib/libcudart_static.a", "text", "INPUT ( -lcudart )\n")
    return Finding(
        message=f"nvcc {used.build or used.version} links libcudart_static.a, and {used.root} has none.",
        consequence="Links by nvcc stop, CMake's test of the compiler too: cannot find -lcudart_static.",
        evidence=(
            Evidence(place.place, place.text),
            Evidence(posixpath.dirname(shared), f"{posixpath.basename(shared)} alone"),
        ),
        fix=Fix(
            "Link the shared run time under the archive's name",
            (stand_in, *link, *libraries.search(project, posixpath.dirname(shared))),
        ),
        location=Location(place.file, place.line),
    )


def _nvcc_lib64(project: Project, place: Located, used: Toolkit, folder: str) -> Finding:
    return Finding(
        message=f"nvcc {used.build or used.version} links with -L{used.missing_link_dir}, which is not there.",
        consequence="Links by nvcc stop, CMake's test of the compiler too: cannot find -lcudadevrt, -lcudart_static.",
        evidence=(
            Evidence(place.place, place.text),
            Evidence(f"{used.root}/bin/nvcc.profile", f"LIBRARIES names {used.missing_link_dir}"),
            Evidence(folder, "has libcudadevrt.a"),
        ),
        fix=Fix("Search the folder that is there", libraries.search(project, folder)),
        location=Location(place.file, place.line),
    )


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)


# CMake's modules FindCUDAToolkit and FindCUDA, when the compiler is there.
_NOT_FOUND = (
    r"Could NOT find CUDA(?:Toolkit)? \(missing: (?:CUDAToolkit_LIBRARY_ROOT )?(?P<name>CUDA_CUDART\w*)[ )]"
)


def explain(log: BuildLog) -> Iterator[Finding]:
    found = tuple(libraries_absent(log, "cuda"))
    hit = found[0][0] if found else log.first(_NOT_FOUND)
    if hit:
        names = list(dict.fromkeys(name for _, name in found)) or ["cudart"]
        yield hit.finding(
            f"The link asks for {', '.join(names)}, and no searched folder has it under its plain name.",
            f"The linker wants lib{names[0]}.so or .a; a file with a version behind its name does not count.",
            Fix(
                f"Look where it is (find / -name 'lib{names[0]}*'). With its plain name: put that folder into"
                f" LIBRARY_PATH. With a version only: link lib{names[0]}.so to it. Nowhere: install the -dev package"
            ),
        )
