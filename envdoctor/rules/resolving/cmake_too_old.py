"""The CMake that a build runs is older than the project asks for.

## What it means

`cmake_minimum_required` stops an older CMake at once: `CMake 3.19 or higher is required. You are running version
3.16.3`. Often a newer one is installed and hidden: pip put it behind an older one on PATH, or an old virtual
environment brings its own.

## How envdoctor knows

The first `cmake` on PATH was asked for its version; the project's CMake files (sub-projects too) say the minimum.
Every other copy on the machine is listed with its version.

In a log, `CMake 3.N or higher is required` counts, and what releases older than one that is known do not
understand.

## What to do

Put a newer CMake first on PATH; `pip install "cmake>=..."` gives one without root.

## When to ignore it

When the project is built by a backend that brings its own CMake; envdoctor leaves scikit-build-core projects alone.
"""

import re
from typing import Iterator, Optional, Tuple

from packaging.version import Version

from envdoctor import installing
from envdoctor.facts import Program, Project, Tools
from envdoctor.finding import Evidence, Finding, Fix, Here, Location, SetEnv, Severity, Shim, Step
from envdoctor.log import BuildLog, Hit
from envdoctor.requirements import release_of

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")
OWN_CMAKE = ("scikit_build_core", "mesonpy")  # backends that fetch a CMake that is new enough, or need none


def check(project: Project, tools: Tools) -> Iterator[Finding]:
    first = tools.first("cmake")
    backend = project.build_backend.text if project.build_backend else ""
    if project.cmake is None or first is None or not first.version or backend.startswith(OWN_CMAKE):
        return
    wanted = [(minimum(line.text), line) for line in project.cmake.minimums]
    asked = max(((v, line) for v, line in wanted if v), key=lambda pair: pair[0], default=None)
    running = release_of(first.version)
    if asked is None or running is None or asked[0] <= running:
        return
    version, line = asked
    newer = _newer(tools, version)
    hidden = f" CMake {newer.version} is installed at {newer.path}, hidden by it." if newer else ""
    yield Finding(
        message=f"{line.place} asks for CMake {line.text}; {first.path}, first on PATH, is {first.version}.{hidden}",
        consequence=f"CMake stops: CMake {version} or higher is required.",
        evidence=(
            Evidence(line.place, f"cmake_minimum_required(VERSION {line.text})"),
            *(
                Evidence(p.path, f"version {p.version}" + (", first on PATH" if p.wins else ""))
                for p in tools.all("cmake")
            ),
        ),
        fix=Fix(f"Run CMake {version} or newer", _steps(newer, version)),
        location=Location(line.file, line.line),
    )


def minimum(text: str) -> Optional[Version]:
    """The lower end of "3.18" or "3.5...3.28"; None for what is no version (a variable)."""
    return release_of(text.partition("...")[0])


def _newer(tools: Tools, version: Version) -> Optional[Program]:
    known = ((release_of(program.version), program) for program in tools.all("cmake") if not program.error)
    fitting = [(release, program) for release, program in known if release and release >= version]
    # CMake 4 refuses old sub-projects, so the oldest that is new enough is the safest.
    return min(fitting, key=lambda pair: pair[0], default=(None, None))[1]


def _steps(newer: Optional[Program], version: Version) -> Tuple[Step, ...]:
    if newer is None:
        return (installing.by_pip(None, f'"cmake>={version}"'),)
    return (Shim("bin/cmake", "link", newer.path), SetEnv("PATH", "{overlay}/bin", "prepend"))


# Source: cmCMakeMinimumRequired, scikit-build-core's program_search.py, scikit-build's cmaker.py.
_REQUIRED = (
    r"CMake '?(?P<asked>\d+(?:\.\d+)+)'? or higher is required\. You are running version (?P<running>\d+(?:\.\d+)*)",
    r"[Cc]ould not find CMake with version (?:SpecifierSet\('?)?[\s>=]*(?P<asked>\d[\d.]*)(?P<running>)",
    r"CMake (?:version )?(?:>=|at least|newer than)\s?(?P<asked>\d+\.\d[\d.]*).{0,30}(?:is )?required(?P<running>)",
    (
        r"(?:requires?|need) (?:at least )?CMake (?:version )?(?:>=)?\s*v?(?P<asked>\d+\.\d[\d.]*)[^\n]{0,60}"
        r"(?:found|have|running|is) (?:version )?v?(?P<running>\d+\.\d[\d.]*)"
    ),
)
# What releases before the one named do not know. Source: CMake's release notes.
_UNKNOWN = (
    (r"Unknown CMake command ['\"]FetchContent_MakeAvailable", "3.14"),
    (r"Unknown CMake command ['\"]add_link_options", "3.13"),
    (r"Unknown CMake command ['\"]target_link_(?:options|directories)", "3.13"),
    (r"Unknown CMake command ['\"]target_precompile_headers", "3.16"),
    (r"Unknown CMake command ['\"]cmake_path", "3.20"),
    (r"Unknown CMake command ['\"]cmake_language", "3.18"),
    (
        r"include could not find (?:load|requested) file:\s+(?:FetchContent|CheckIPOSupported|CheckLanguage)\b",
        "3.11",
    ),
    (r"include could not find (?:load|requested) file:\s+Check(?:Linker|Source|Compiler)\w+", "3.19"),
    (r'not providing "Find(?:Python3?|NumPy)\.cmake"', "3.12"),
    (r'not providing "FindCUDAToolkit\.cmake"', "3.17"),
    (r"list (?:does not recognize|sub-command) (?:sub-command )?(?:JOIN|TRANSFORM|SUBLIST)\b", "3.12"),
    (r"list (?:does not recognize|sub-command) (?:sub-command )?(?:PREPEND|POP_BACK|POP_FRONT)\b", "3.15"),
    (r"string (?:does not recognize|sub-command) (?:sub-command )?(?:JOIN)\b", "3.12"),
    (r"string (?:does not recognize|sub-command) (?:sub-command )?(?:REPEAT)\b", "3.15"),
    (r"string (?:does not recognize|sub-command) (?:sub-command )?(?:JSON)\b", "3.19"),
    (r"file (?:does not recognize|sub-command) (?:sub-command )?(?:SIZE|CREATE_LINK|READ_SYMLINK)\b", "3.14"),
    (r"file (?:does not recognize|sub-command) (?:sub-command )?(?:REAL_PATH|CHMOD|COPY_FILE)\b", "3.19"),
    (r"[Uu]nknown argument --?(?:preset|install|fresh)\b", "3.24"),
    (r'Could not read presets from [^\n]*: Unrecognized "version" field', "3.25"),
    (r"'(?:compute|sm)_native'", "3.24"),
    (r"(?:CUDA|CXX)_STANDARD is set to invalid value '(?:17|20|23)'", "3.18"),
)
_TARGET = (
    r"links to(?: target)?[:\s]\s*'?\"?(?:Find)?(?P<name>CUDA::(?:cublasLt|cufile|nvJitLink|nvrtc_\w+))\b"
)
# What may have another cause as well: pattern, message, the release that has it ("" where none is known).
_LIKELY = (
    (
        rf"{_TARGET}\W* but the target was not",
        "This CMake's CUDA module does not define {name}.",
        "3.18",
    ),
    (
        r"CUDA_(?P<name>cublas_device|nppi)_LIBRARY \(ADVANCED\)",
        "This CMake's FindCUDA looks for {name}, which CUDA no longer has.",
        "3.12.2",
    ),
    # Those that came with a release of CMake: other names are slips of the pen.
    (
        r"named generator (?P<name>Ninja Multi-Config|Visual Studio \d\d[^\n]*|FASTBuild)",
        "This CMake has no generator {name}.",
        "",
    ),
    (
        r"language dialect (?P<name>\"CUDA(?:17|20)\")[^\n]*(?:\n[^\n]*){0,2}CMake does not know the compile flags",
        "This CMake or this nvcc is too old for the C++ standard of the .cu files.",
        "3.18",
    ),
    (
        r'Policy "(?P<name>CMP\d+)" is not known to this version of CMake',
        "This CMake does not know policy {name}.",
        "3.28",
    ),
)


def explain(log: BuildLog) -> Iterator[Finding]:
    required = log.first(*_REQUIRED)
    if required:
        running = (
            f"{required['running'].rstrip('.')} runs" if required["running"] else "the one that runs is older"
        )
        asked = required["asked"].rstrip(".")
        yield _finding(required, f"The build needs CMake {asked}, and {running}.", asked)
    unknown = next(((hit, since) for pattern, since in _UNKNOWN for hit in log.search(pattern)), None)
    if unknown:
        hit, since = unknown
        yield _finding(
            hit, f"The project uses what CMake has since {since}; the one that runs is older.", since
        )
        return
    for pattern, message, since in _LIKELY:
        found = log.first(pattern)
        if found:
            yield _finding(found, message.format(name=found["name"]), since, "medium")


def _finding(hit: Hit, message: str, since: str, confidence: str = "high") -> Finding:
    return hit.finding(
        message,
        "The configuration stops; no compiler was called yet.",
        Fix(
            "Install a newer one and put it first on PATH: pip install "
            + (f'"cmake>={since}"' if since else "--upgrade cmake")
        ),
        confidence,
    )


def judge(finding: Finding, tools: Tools) -> Optional[Here]:
    asked = re.search(r"CMake (?:has since )?(\d[\d.]*\d)", finding.message)
    first = tools.first("cmake")
    running = release_of(first.version) if first else None
    needed = release_of(asked[1]) if asked else None
    if first is None or running is None or needed is None:
        return None
    answer = "confirmed" if running < needed else "contradicted"
    return Here(answer, f"{first.path}, first on PATH, is {first.version}")
