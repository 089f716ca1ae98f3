"""The project links the driver's library with -lcuda, and there is no libcuda.so for the linker.

## What it means

`-lcuda` needs a file named `libcuda.so`: the driver's own on a machine with a GPU, or the stub that toolkits keep
in `lib64/stubs` for machines without one. Wheels have no stub, and g++ (which links torch's extensions) does not
look into `stubs` by itself, as nvcc does. The linker says "cannot find -lcuda".

## How envdoctor knows

The project names `cuda` to the linker, no driver is installed, and the stub is absent, or lies in a folder that
this link does not search.

In a log, `cannot find -lcuda` and its kin of every linker count, and Triton's `libcuda.so cannot found!`.

## What to do

Where there is a stub, the cure that `envdoctor check` prints adds its folder to LIBRARY_PATH, for the link
alone: a stub must never be on LD_LIBRARY_PATH. Else install one: `cuda-driver-dev-X-Y` of NVIDIA's package
repository, for CUDA X.Y, or conda-forge's `cuda-driver-dev`.

## When to ignore it

When the part of the project that links `cuda` is switched off in your build.
"""

import posixpath
from typing import Iterator, Optional

from envdoctor import libraries
from envdoctor.facts import Driver, Library, Located, Project, Toolkit, Toolkits, Torch
from envdoctor.finding import Evidence, Finding, Fix, Here, Location, SetEnv, Severity
from envdoctor.log import BuildLog, told
from envdoctor.messages.absent import libraries as libraries_absent

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")


def check(
    project: Project,
    toolkits: Toolkits,
    toolkit: Optional[Toolkit],
    driver: Optional[Driver],
    torch: Optional[Torch],
) -> Iterator[Finding]:
    place = _asks(project)
    used = libraries.used(toolkit, toolkits)
    # With a driver its own libcuda.so is on the default path; cuda-toolkit-missing speaks without a toolkit,
    # toolkit-torch-cuda-mismatch where torch takes no such toolkit.
    if (
        place is None
        or used is None
        or libraries.torch_refuses(project, used, torch)
        or (driver is not None and driver.libcuda)
        or libraries.linkable(toolkits, "libcuda.so")
    ):
        return
    library = used.library("cuda")
    if library is None or not (library.stub or library.dev_link):
        yield _finding(
            place,
            used,
            "has no libcuda.so, not even a stub",
            Evidence(used.root, "no stubs/libcuda.so"),
            None,
        )
    elif not library.dev_link and place.file.endswith(".py") and not _names_stubs(project):
        stub = library.stub or ""
        yield _finding(
            place,
            used,
            "has libcuda.so in a folder that g++ does not search",
            Evidence(stub, "found"),
            library,
        )


def _asks(project: Project) -> Optional[Located]:
    """The first place that names the driver's library: "cuda", or CMake's CUDA::cuda_driver."""
    return next(
        (p for p in project.link_names if libraries.link_name(p.text) in ("cuda", "cuda_driver")), None
    )


def _names_stubs(project: Project) -> bool:
    extensions = project.setup.extensions if project.setup else ()
    return any("stubs" in flag for extension in extensions for flag in extension.flags)


def _finding(place: Located, used: Toolkit, what: str, seen: Evidence, library: Optional[Library]) -> Finding:
    return Finding(
        message=f"The build links libcuda.so; no driver is installed, and the toolkit at {used.root} {what}.",
        consequence="CMake stops: CUDA::cuda_driver: the target was not found."
        if libraries.link_name(place.text) == "cuda_driver"
        else "The linker stops: cannot find -lcuda.",
        evidence=(Evidence(place.place, place.text), seen),
        fix=_fix(used, library),
        location=Location(place.file, place.line),
    )


def _fix(used: Toolkit, library: Optional[Library]) -> Fix:
    if library is not None and library.stub:
        folder = posixpath.dirname(library.stub)
        return Fix("Let the linker search the stub's folder", (SetEnv("LIBRARY_PATH", folder, "append"),))
    release = "{}-{}".format(*used.release)
    return Fix(
        f"Install the stub: cuda-driver-dev-{release} of NVIDIA's package repository, or conda-forge's cuda-driver-dev"
    )


# Triton's build of its launcher, with a driver that has no plain name; a link with a library that wants the driver's.
_HIDDEN = (
    r"libcuda\.so cannot found! Possible files are located at",
    r"lib(?:cuda|nvidia-ml)\.so\.1, needed by \S+, not found \(try using -rpath",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    hit = log.first(*_HIDDEN) or next((found for found, _ in libraries_absent(log, "driver")), None)
    if hit:
        release = told.cuda_release(log)
        stub = "cuda-driver-dev-{}-{}".format(*release) if release else "cuda-driver-dev-X-Y for CUDA X.Y"
        yield hit.finding(
            "The link asks for the driver's library, and the linker finds no file of that name.",
            "Machines and images without a driver's development files have libcuda.so.1 alone, or nothing.",
            Fix(
                "Add the toolkit's stub for the link alone: LIBRARY_PATH=/usr/local/cuda/lib64/stubs (install it with"
                f" {stub}, or conda-forge's cuda-driver-dev); where the stub is searched already, link libcuda.so.1"
                " beside it"
            ),
        )


def judge(finding: Finding, toolkits: Optional[Toolkits], driver: Optional[Driver]) -> Optional[Here]:
    if libraries.linkable(toolkits, "libcuda.so") if toolkits else False:
        return Here("contradicted", "the linker's own folders have libcuda.so")
    if driver is not None and driver.libcuda:
        return None  # libcuda.so.1 is here, and its link may be
    return Here(
        "confirmed", "no driver is installed here, and none of the linker's own folders has libcuda.so"
    )
