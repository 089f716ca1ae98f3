"""The toolkit is older than what the project asks of it.

## What it means

nvcc learns options and C++ standards with its releases: C++20 with CUDA 12.0, `-arch=all` with 11.5,
`-arch=native` with 11.6, `--compress-mode` with 12.8; headers come with them too (`cuda_fp4.h` with 12.8). An
older nvcc says "Value 'c++20' is not defined for option 'std'", "Unknown option" or "Value 'native' is not
defined"; find_package(CUDAToolkit 12.0) says that only 11.8 was found.

## How envdoctor knows

The version in find_package(CUDAToolkit), the CUDA standard in CMake, an `-arch` word, `-std` or another option
that a Makefile or setup.py hands to nvcc, an included header, or the stated `--cuda`, against the release of
the toolkit that the build uses.

## What to do

Build with a newer toolkit. When another one is installed, it is named.

## When to ignore it

When the line is only reached with newer toolkits. CMake itself falls back to an older standard where a target
does not require the one it names.
"""

from typing import Iterator, NamedTuple, Optional, Tuple

from envdoctor import builders, compat, libraries, toolkit_cures
from envdoctor.facts import Located, Project, Request, Toolkit, Toolkits, Torch
from envdoctor.finding import Evidence, Finding, Fix, Location, Severity

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")

Release = Tuple[int, int]


class Need(NamedTuple):
    """What asks for how new a toolkit."""

    what: str
    release: Release
    source: str
    text: str
    file: Optional[str] = None
    line: Optional[int] = None
    severity: Optional[Severity] = None


def check(
    request: Request,
    project: Project,
    toolkit: Toolkit,
    toolkits: Optional[Toolkits],
    torch: Optional[Torch],
) -> Iterator[Finding]:
    if not toolkit.nvcc or toolkit.release == (0, 0) or not project.wants_cuda:
        return
    for need in _needs(request, project):
        if need.release > toolkit.release:
            wanted = "{}.{}".format(*need.release)
            yield Finding(
                message=f"{need.what} needs CUDA {wanted} or newer; nvcc is {toolkit.version}.",
                consequence="The build stops at it.",
                evidence=(
                    Evidence(need.source, need.text),
                    Evidence(f"{toolkit.nvcc} --version", toolkit.build or toolkit.version or ""),
                ),
                fix=_fix(need.release, libraries.torch_takes(project, toolkits, torch)),
                location=Location(need.file, need.line) if need.file else None,
                severity=need.severity,
            )


def _needs(request: Request, project: Project) -> Iterator[Need]:
    yield from _stated(request)
    yield from _packages(project)
    yield from _standards(project)
    yield from _words(project)
    yield from _options(project)
    yield from _headers(project)


def _stated(request: Request) -> Iterator[Need]:
    release = compat.release(request.cuda)
    if release:
        yield Need("The stated CUDA version", release, "--cuda", request.cuda or "")


def _packages(project: Project) -> Iterator[Need]:
    for package in project.cmake.packages if project.cmake else ():
        release = compat.release(package.version)
        if package.name in ("CUDAToolkit", "CUDA") and release and package.required:
            text = f"find_package({package.name} {package.version} REQUIRED)"
            yield Need(text, release, f"{package.file}:{package.line}", text, package.file, package.line)


def _standards(project: Project) -> Iterator[Need]:
    for item in project.cmake.standards if project.cmake else ():
        language, _, number = item.text.partition(" ")
        since = compat.NVCC_CXX_SINCE.get(int(number)) if number.isdigit() else None
        if language == "CUDA" and since:
            # CMake decays to an older standard unless the target requires this one, which a reader cannot see.
            yield _located(f"C++{number} in CUDA sources", since, item, Severity.WARNING)


def _words(project: Project) -> Iterator[Need]:
    for item in builders.of_build(project, project.architectures):
        since = compat.NVCC_OPTION_SINCE.get(item.text)
        # CMake spells these words out by itself.
        if since and not item.file.endswith((".cmake", "CMakeLists.txt")):
            yield _located(f"-arch={item.text}", since, item, None)


def _options(project: Project) -> Iterator[Need]:
    for item in project.nvcc_options:
        name, _, value = item.text.partition("=")
        number = value[3:] if name == "std" else ""
        since = (
            compat.NVCC_CXX_SINCE.get(int(number)) if number.isdigit() else compat.NVCC_FLAG_SINCE.get(name)
        )
        if since:
            what = f"-std=c++{number}" if number else f"nvcc's option --{name}"
            yield _located(what, since, item, None)


def _headers(project: Project) -> Iterator[Need]:
    for header in project.unresolved_headers:
        since = compat.HEADER_SINCE.get(header.name)
        if since:
            place = header.included_from
            yield _located(
                f"<{header.name}>", since, Located(f"includes {header.name}", place.file, place.line), None
            )


def _located(what: str, release: Release, item: Located, severity: Optional[Severity]) -> Need:
    return Need(what, release, item.place, item.text, item.file, item.line, severity)


def _fix(release: Release, toolkits: Optional[Toolkits]) -> Fix:
    newer = toolkit_cures.other(toolkits, lambda item: item.release >= release)
    if newer:
        return Fix(f"Build with CUDA {newer.version} at {newer.root}", toolkit_cures.use(newer))
    return Fix(
        f"Install a CUDA toolkit {release[0]}.{release[1]} or newer; none that fits was found on this machine"
    )
