"""The CMake that a build runs is older than the project asks for.

## What it means

`cmake_minimum_required` stops an older CMake at once: `CMake 3.19 or higher is required. You are running version
3.16.3`. Often a newer one is installed and hidden: pip put it behind an older one on PATH, or an old virtual
environment brings its own.

## How envdoctor knows

The first `cmake` on PATH was asked for its version; the project's CMake files (sub-projects too) say the minimum.
Every other copy on the machine is listed with its version.

## What to do

Put a newer CMake first on PATH; `pip install "cmake>=..."` gives one without root.

## When to ignore it

When the project is built by a backend that brings its own CMake; envdoctor leaves scikit-build-core projects alone.
"""

from typing import Iterator, Optional, Tuple

from packaging.version import Version

from envdoctor import installing
from envdoctor.facts import Program, Project, Tools
from envdoctor.finding import Evidence, Finding, Fix, Location, SetEnv, Severity, Shim, Step
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
