"""The sources include headers of a system library whose development package is not installed.

## What it means

Besides CUDA, a build may need headers of RDMA, libcurl, OpenSSL, NUMA, OpenMPI, libaio and the like. Distributions
keep them in development packages (`libibverbs-dev`, `rdma-core-devel`).

## How envdoctor knows

A source includes the header, or a required find_package(CURL) and the like looks for it, it lies neither in the
project's tree nor on the include path, and a table says which package has it.

In a log, a compiler's, linker's, CMake's, pkg-config's or Meson's message that a known library of the system is not
there counts.

## What to do

Install the package that is named, or set the project's option that leaves this part out.

## When to ignore it

When the include is behind an option or an `#ifdef` that your build does not set: whether it is used cannot be read
with certainty from the files, so this is a warning.
"""

import re
from typing import Dict, Iterator, List, Optional, Tuple

from envdoctor import compat, installing
from envdoctor.facts import Header, Project, System
from envdoctor.finding import Evidence, Finding, Fix, Location, Severity
from envdoctor.log import BuildLog, Hit
from envdoctor.messages import absent

SEVERITY = Severity.WARNING
ROLES = ("build", "ci")

#: A package's name for apt-get, dnf and apk.
Packages = Tuple[str, str, str]


def check(project: Project, system: Optional[System]) -> Iterator[Finding]:
    yield from _looked_for(project, system)
    by_package: Dict[Packages, List[Header]] = {}
    for header in project.unresolved_headers:
        packages = _packages(header.name)
        if packages and not header.roots:
            by_package.setdefault(packages, []).append(header)
    for packages, headers in by_package.items():
        first = headers[0].included_from
        name, fix = _fix(packages, system)
        yield Finding(
            message=f"{headers[0].name} is not installed; it belongs to {name}.",
            consequence=f"If this file is built, the compiler stops: {headers[0].name}: No such file or directory.",
            evidence=tuple(Evidence(h.included_from.place, f"includes {h.name}") for h in headers[:5]),
            fix=fix,
            location=Location(first.file, first.line),
        )


def _looked_for(project: Project, system: Optional[System]) -> Iterator[Finding]:
    """What a required find_package looks for."""
    for place in project.packages_without_header:
        packages = _packages(place.text)
        if packages:
            name, fix = _fix(packages, system)
            yield Finding(
                message=f"{place.text} is not installed, and CMake looks for it; it belongs to {name}.",
                consequence="CMake stops at find_package(... REQUIRED): Could NOT find it.",
                evidence=(Evidence(place.place, f"looks for {place.text}"),),
                fix=fix,
                location=Location(place.file, place.line),
            )


def _packages(header: str) -> Optional[Packages]:
    for start, *packages in compat.DEV_PACKAGES:
        if header == start or (start.endswith("/") and header.startswith(start)):
            apt, dnf, apk = packages
            return apt, dnf, apk
    return None


def _fix(packages: Packages, system: Optional[System]) -> Tuple[str, Fix]:
    """The package's name and its installation; Debian's name without a command elsewhere."""
    command = installing.by_manager(system, installing.names(*packages))
    name = (command.package if command else None) or f"{packages[0]} (Debian's name)"
    return name, Fix(f"Install {name}", (command,) if command else ())


# CMake (a module's own find, and a package's configuration file), pkg-config, Meson, autoconf; names in group "name".
_LOOKED_FOR = (
    r"CMake Error [^\n]*\(message\): Could NOT find (?!CUDA|Python|Torch|NVCC)(?P<name>[\w+-]+)",
    r"Could NOT find (?P<name>[\w+-]+) \(missing: [^)]*(?:LIBRAR|INCLUDE|_LIB|FOUND|_DIR|_FLAGS)[^)]*\)",
    r"find a package configuration file provided by \"(?P<name>[\w+-]+)\"",
    r"No package '(?P<name>[\w.+-]+)' found",
    r"Package '(?P<name>[\w.+-]+)', required by '[^'\n]+', not found",
    r"Package '?(?P<name>[\w.+-]+)'? was not found in the pkg-config search path",
    r"required packages were not found: - (?P<name>[\w.+-]+)",
    r"Package '(?P<name>[\w.+-]+)' has version '[^'\n]*', required version is",
    r"Dependency [\"'](?P<name>[\w.+-]+)[\"'] not found",
    r"system library '(?P<name>[\w.+-]+)' required by crate '[\w-]+' was not found",
    r"configure: error: (?:\*+ )?(?P<name>[\w.+-]+)(?: \S+){0,4} (?:not found|is required|missing)",
    r"\b(?P<name>\w+) not found, please refer to \S*cmake",
)
# Python and its packages, CUDA, the tools: other rules'.
_NOT_OURS = re.compile(
    r"(?i:(?:cuda|cudnn|python|torch|hip|roc)[\w-]*|caffe2|tensorflow|pybind11|nanobind|numpy|git|ninja|pkg-?config|threads"
    r"|java|jni|doxygen|swig|perl|(?:c|c\+\+)? ?compiler)"
)
# What builds of Python packages and of Rust crates say of the library that they wrap.
_SAID = (
    r"Please specify --curl-dir=/path/to/built/(?P<name>libcurl)",
    r"Could not run (?P<name>curl)-config",
    r"Could not find directory of (?P<name>OpenSSL) installation, and this '-sys' crate cannot proceed",
    r"Could not locate (?P<name>cyclonedds)\. Try to set CYCLONEDDS_HOME",
    r"Error: (?P<name>pg_config) executable not found",
    r"(?P<name>mysql_config) not found",
    r"make sure the (?P<name>libxml2) and libxslt development packages are installed",
    r"headers or library files could not be found for (?P<name>\w+)",
    r"Unable to load dependency (?P<name>HDF5)",
    r"pkg-config could not find libraries \['(?P<name>\w+)'",
    r"Cannot compile (?P<name>MPI) programs",
    r"Unable to pre-compile (?P<name>async_io)",
    r"Unable to find (?P<name>libclang):",
)
_OPENMP = (
    r"(?:use of undeclared identifier|identifier) ['\"](?P<name>omp_\w+)['\"]",
    r"'(?P<name>omp_\w+)' was not declared in this scope",
    r"unsupported option '(?P<name>-fopenmp)'",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    for hit, name in absent.headers(log, "system"):
        yield _not_installed(hit, f"The compiler finds no {name}", absent.debian_package(name), "high")
        return
    openmp = log.first(*_OPENMP)
    if openmp:
        yield _not_installed(openmp, f"The compiler has no OpenMP ({openmp['name']})", "libomp-dev", "medium")
    said = log.first(*_SAID)
    if said:
        name = said["name"]
        yield _not_installed(said, f"The build does not find {name}", "", "high")
    asked = next((hit for hit in log.search(*_LOOKED_FOR) if not _NOT_OURS.fullmatch(hit["name"])), None)
    if asked:
        yield _not_installed(asked, f"The build looks for {asked['name']}, and it is not there", "", "medium")
    elif not log.has(absent.CONDA_LD + r": cannot find"):
        for hit, name in absent.libraries(log, "other"):
            if not hit.text.endswith(".lib'"):
                yield _not_installed(hit, f"The linker finds no {name}", "", "medium")
                return


def _not_installed(hit: Hit, what: str, package: str, confidence: str) -> Finding:
    install = (
        f"Install it: apt-get install {package} (other distributions: the -devel package of the same name)"
        if package
        else "Install its development package: lib<name>-dev with apt-get, <name>-devel with dnf, <name> with conda"
    )
    return hit.finding(
        f"{what}: a system library's development package is not installed.",
        "What includes or links it cannot be built.",
        Fix(f"{install}; or switch off the project's option that needs it"),
        confidence,
    )
