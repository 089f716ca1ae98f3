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

## What to do

The cure that `envdoctor check` prints puts the plain names, as small linker scripts, into a folder of the
overlay and adds it to LIBRARY_PATH; site-packages and the system stay as they are. A library that is nowhere
has to be installed first.

## When to ignore it

When the part of the project that links the library is switched off in your build.
"""

import posixpath
from typing import Dict, Iterable, Iterator, List, Optional, Tuple

from envdoctor import compat, libraries
from envdoctor.facts import Located, Project, Python, Toolkit, Toolkits, Torch
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
    wanted = _wanted(project)
    hidden = {name: place for name, place in wanted.items() if _is_hidden(name, used, toolkits)}
    if hidden:
        yield _versioned_only(hidden, used, toolkits, project)
    absent = {
        name: place
        for name, place in wanted.items()
        if name not in hidden and not _reachable(name, used, toolkits)
    }
    if absent:
        yield _absent(absent, used, toolkits, project, python.executable if python else "python")
    if _conda_lib64(project, used):
        yield _in_lib(project, used)
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


def _is_hidden(name: str, used: Toolkit, toolkits: Toolkits) -> bool:
    library = used.library(name)
    return bool(library and library.shared and not library.dev_link) and not libraries.linkable(
        toolkits, f"lib{name}.so"
    )


def _reachable(name: str, used: Toolkit, toolkits: Toolkits) -> bool:
    """A link with the plain name in the toolkit, in Debian's system folder, or on LIBRARY_PATH."""
    places = [used, *(item for item in toolkits.items if item.layout == "debian")]
    found = [place.library(name) for place in places]
    return any(library and library.dev_link for library in found) or libraries.linkable(
        toolkits, f"lib{name}.so"
    )


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
    steps: List[Step] = []
    commands: Dict[str, None] = {}
    for name in absent:
        links = libraries.dev_link(name, used, toolkits)
        command = None if links else libraries.wheel_command(name, used, python)
        steps.extend(links)
        commands.update({command: None} if command else {})
    runs = tuple(Run(command, Safety.UNSAFE) for command in commands)
    if runs or not steps:
        fix = Fix(
            "Install the libraries; `envdoctor check` then prints how to put them on the linker's path", runs
        )
    else:
        fix = Fix(
            f"Take the copies of CUDA {used.release[0]} that are installed elsewhere",
            (*steps, *libraries.search(project)),
        )
    return Finding(
        message=f"{used.root} (CUDA {used.version}) does not have {_list(f'lib{name}' for name in absent)}.",
        consequence=_stops(project, absent)
        if _targets(project, absent)
        else f"If this part of the project is built, the linker stops: cannot find -l{next(iter(absent))}.",
        evidence=(*_evidence(absent), Evidence(used.root, f"{_list(absent)}: in no form")),
        fix=fix,
        location=_location(absent),
        # CMake itself stops over a target that it does not know, whatever is built then.
        severity=None if _targets(project, absent) else Severity.WARNING,
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


def _conda_lib64(project: Project, used: Toolkit) -> bool:
    """A lib64 of its own beside the lib that has the libraries: torch's extensions then search lib64 alone."""
    library = used.library("cudart")
    return bool(
        used.layout == "conda"
        and _torch_extension(project)
        and f"{used.root}/lib64" in used.library_dirs
        and library
        and library.dev_link
        and posixpath.dirname(library.dev_link) != f"{used.root}/lib64"
    )


def _torch_extension(project: Project) -> bool:
    return any(
        extension.kind == "CUDAExtension" for extension in (project.setup.extensions if project.setup else ())
    )


def _in_lib(project: Project, used: Toolkit) -> Finding:
    library = used.library("cudart")
    place = library.dev_link or "" if library else ""
    return Finding(
        message=f"torch's extensions search {used.root}/lib64, and libcudart.so lies in {posixpath.dirname(place)}.",
        consequence="The linker stops: cannot find -lcudart.",
        evidence=(Evidence(place, "found"), Evidence(f"{used.root}/lib64", "is there, without libcudart.so")),
        fix=Fix("Search the other folder too", libraries.search(project, posixpath.dirname(place))),
    )


def _nvcc_link(project: Project, toolkits: Toolkits, toolkit: Optional[Toolkit]) -> Iterator[Finding]:
    """nvcc itself links the run time's archives: from a folder that its profile names, or from nowhere."""
    for place, item in _nvcc_links(project, toolkits, toolkit):
        runtime = item.library("cudart")
        static = libraries.linkable(toolkits, "libcudart_static.a")
        if runtime and runtime.shared and not runtime.static and not static and not _shared(project, place):
            yield _no_archive(
                project, place, item, runtime.shared, libraries.dev_link("cudart", item, toolkits)
            )
            return
        folder = _archives(item) if item.missing_link_dir else None
        if folder and not (static and libraries.linkable(toolkits, "libcudadevrt.a")):
            yield _nvcc_lib64(project, place, item, folder)
            return


def _shared(project: Project, place: Located) -> bool:
    """Whether the Makefile has nvcc link the shared run time, with -cudart shared."""
    asked = [name for name in project.link_names if libraries.link_name(name.text) == "cudart"]
    return place in project.nvcc_links and any(name.file == place.file for name in asked)


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


def _nvcc_links(
    project: Project, toolkits: Toolkits, toolkit: Optional[Toolkit]
) -> Iterator[Tuple[Located, Toolkit]]:
    """The first link by CMake, which tries its compiler, and the first by make, each with its nvcc's toolkit."""
    languages = project.cmake.languages if project.cmake else ()
    cuda = next((language for language in languages if language.text == "CUDA"), None)
    if cuda is not None and toolkit is not None:
        yield Located("language CUDA", cuda.file, cuda.line), toolkit
    for place in project.nvcc_links[:1]:
        called = next((item for item in toolkits.items if _is_called(item, place.text)), None)
        if called is not None:
            yield place, called


def _is_called(item: Toolkit, name: str) -> bool:
    """Whether it is the toolkit of an nvcc as a Makefile calls it."""
    if name.startswith("/"):  # "$(NVCC)" and others are what PATH has
        return name in (f"{origin}/bin/nvcc" for origin in (item.root, *item.origins))
    return "nvcc on PATH" in item.origins


def _archives(item: Toolkit) -> Optional[str]:
    """The folder with what nvcc links."""
    library = item.library("cudadevrt")
    return posixpath.dirname(library.static) if library and library.static else None


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
