"""The sources include headers of a system library whose development package is not installed.

## What it means

Besides CUDA, a build may need headers of RDMA, libcurl, OpenSSL, NUMA, OpenMPI, libaio and the like. Distributions
keep them in development packages (`libibverbs-dev`, `rdma-core-devel`).

## How envdoctor knows

A source includes the header, or a required find_package(CURL) and the like looks for it, it lies neither in the
project's tree nor on the include path, and a table says which package has it.

## What to do

Install the package that is named, or set the project's option that leaves this part out.

## When to ignore it

When the include is behind an option or an `#ifdef` that your build does not set: whether it is used cannot be read
with certainty from the files, so this is a warning.
"""

from typing import Dict, Iterator, List, Optional, Tuple

from envdoctor import compat, installing
from envdoctor.facts import Header, Project, System
from envdoctor.finding import Evidence, Finding, Fix, Location, Severity

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
