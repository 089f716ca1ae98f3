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

In a log, options that nvcc does not know, headers that an old toolkit lacks and what projects and CMake say of a
newer one count.

## What to do

Build with a newer toolkit. When another one is installed, it is named.

## When to ignore it

When the line is only reached with newer toolkits. CMake itself falls back to an older standard where a target
does not require the one it names.
"""

from typing import Dict, Iterator, NamedTuple, Optional, Tuple

from envdoctor import builders, compat, libraries, toolkit_cures
from envdoctor.facts import Located, Project, Request, Toolkit, Toolkits, Torch
from envdoctor.finding import Evidence, Finding, Fix, Location, Severity
from envdoctor.log import BuildLog, Hit
from envdoctor.messages import standards
from envdoctor.messages.phrases import IN_ERROR

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


# nvcc's options with the release that brought them, beside compat.NVCC_FLAG_SINCE; any other may be one of gcc.
_OPTIONS = (
    r"generate-dependencies|MM?D\b|MF\b|MT\b|forward-unknown|threads|compress-mode|split-compile|extended-lambda|expt-"
    r"|diag-(?:suppress|error|warn)|relocatable|static-global|time\b|fdevice|device-|jobserver|jump-table|dlto|lto"
    r"|gen-opt-lto|allow-unsupported|display-error|Ofast-compile|arch-list|list-gpu|minimal|optimization-info|restrict"
)
# Source: nvcc, ptxas, CMake (FindPackageHandleStandardArgs, cmStandardLevelResolver), Caffe2's cuda.cmake,
# flash-attention's and apex's setup.py.
_SAID = (
    rf"nvcc fatal *: Unknown option '-{{0,2}}(?:{_OPTIONS})[^'\n]*'",
    rf"Value '{standards.KNOWN}' is not defined for option 'std'",
    r"Value '(?:native|all|all-major)' is not defined for option 'gpu-architecture'",
    r"requires PTX ISA \.version \d+\.\d+ or later",
    r"cuda_std_\d+['\"]? is not known to CUDA compiler",
    r"Could NOT find CUDA(?:Toolkit)?: Found unsuitable version ['\"][\d.]+['\"], but required is (?:at least|exact)",
    r"PyTorch requires CUDA \d+(?:\.\d+)? (?:or|and) above",
    r"(?:only|not) supported on CUDA \d+(?:\.\d+)? and above",
    r"make sure nvcc has a supported version by running nvcc -V",
)
# A need that projects state; the toolkit or the driver may be meant.
_STATED = (
    (
        rf"{IN_ERROR}"
        r"(?i:(?:requires?|needs?|must (?:have|use)|at least|minimum)(?: an?| the)?(?: NVIDIA)? "
        r"(?:CUDA(?: toolkit)?|nvcc)(?: compiler)?(?: version)?,?(?: of)?(?: at least)?(?: >=?| ≥)? ?v?\d+(?:\.\d+)*"
        r"(?: ?\+| (?:or|and) (?:newer|later|higher|above|greater|up)))"
    ),
    (
        rf"{IN_ERROR}"
        r"(?i:(?:requires?|needs?)(?: NVIDIA)? (?:CUDA(?: toolkit)?|nvcc)(?: version)? (?:>=?|≥|at least) ?\d)"
    ),
    r"CUDA (?:versions? )?(?:<|below|older than|earlier than|prior to) ?\d+(?:\.\d+)? (?:is|are) (?:not|no longer) ",
    r"requires the language dialect ['\"]CUDA\d+",
    r"nvcc fatal *: Value '(?!sm_|compute_|lto_)[^'\n]+' is not defined for option '(?!gpu|arch|std')[^'\n]+'",
)
# What headers of newer toolkits declare. Source: CUDA release notes 11.0, 11.2, 11.8, 12.0, 12.8.
_DECLARED = (
    (
        r"['\"](?:CUBLAS_COMPUTE_\w+|CUDA_R_(?:16BF|8F_E\w+|4F_E\w+)|__nv_(?:bfloat16\w*|fp[468]\w+)|cudaLaunchKernelExC?"
        r"|cudaMallocAsync|__cvta_generic_to_\w+|CUtensorMap\w*|cuTensorMapEncode\w+|cudaGetDriverEntryPoint\w*)['\"]"
        r" (?:is undefined|was not declared|has not been declared|does not name a type|undeclared)"
    ),
    r"(?:cuda_(?:bf16|pipeline|fp[468])\.h): No such file",
    r"cannot open source file ['\"]cuda_(?:bf16|pipeline|fp[468])\.h",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    for patterns, confidence in ((_SAID, "high"), (_STATED, "medium"), (_DECLARED, "medium")):
        hit = log.first(*patterns)
        if hit:
            yield hit.finding(
                f"The build asks for what this CUDA toolkit does not have: {hit.text[:160]}.",
                "Its nvcc or headers are older than the project supports.",
                Fix(_newer(hit)),
                confidence,
            )


def _newer(hit: Hit) -> str:
    """Names the release that has it, where a table knows it."""
    release = next((since for name, since in _sinces().items() if name in hit.text), None)
    wanted = "a newer toolkit" if release is None else f"CUDA {release[0]}.{release[1]} or newer"
    return f"Build with {wanted} (CUDA_HOME, CUDACXX and PATH choose it), or a version of the project for this one"


def _sinces() -> Dict[str, Release]:
    """What stands in a message, with the release that brought it."""
    names = {f"++{number}": since for number, since in compat.NVCC_CXX_SINCE.items()}
    names.update({f"'{word}'": since for word, since in compat.NVCC_OPTION_SINCE.items()})
    names.update({"-generate-dependencies": (10, 2), "-forward-unknown": (10, 2), "-threads": (11, 2)})
    return {**names, **compat.NVCC_FLAG_SINCE, **compat.HEADER_SINCE}
