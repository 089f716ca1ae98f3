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

from envdoctor import compat
from envdoctor.facts import Header, Project, System
from envdoctor.finding import Evidence, Finding, Fix, Location, Run, Severity

SEVERITY = Severity.WARNING
ROLES = ("build", "ci")

_INSTALL = {"apt-get": "apt-get install", "dnf": "dnf install", "yum": "yum install", "apk": "apk add"}


def check(project: Project, system: Optional[System]) -> Iterator[Finding]:
    yield from _looked_for(project, system)
    by_package: Dict[Tuple[str, str, str], List[Header]] = {}
    for header in project.unresolved_headers:
        packages = _packages(header.name)
        if packages and not header.roots:
            by_package.setdefault(packages, []).append(header)
    for packages, headers in by_package.items():
        first = headers[0].included_from
        name, command = _package(packages, system.package_manager if system else None)
        yield Finding(
            message=f"{headers[0].name} is not installed; it belongs to {name}.",
            consequence=f"If this file is built, the compiler stops: {headers[0].name}: No such file or directory.",
            evidence=tuple(Evidence(h.included_from.place, f"includes {h.name}") for h in headers[:5]),
            fix=Fix(f"Install {name}", (Run(command),) if command else ()),
            location=Location(first.file, first.line),
        )


def _looked_for(project: Project, system: Optional[System]) -> Iterator[Finding]:
    """What a required find_package looks for."""
    for place in project.packages_without_header:
        packages = _packages(place.text)
        if packages:
            name, command = _package(packages, system.package_manager if system else None)
            yield Finding(
                message=f"{place.text} is not installed, and CMake looks for it; it belongs to {name}.",
                consequence="CMake stops at find_package(... REQUIRED): Could NOT find it.",
                evidence=(Evidence(place.place, f"looks for {place.text}"),),
                fix=Fix(f"Install {name}", (Run(command),) if command else ()),
                location=Location(place.file, place.line),
            )


def _packages(header: str) -> Optional[Tuple[str, str, str]]:
    for start, apt, dnf, apk in compat.DEV_PACKAGES:
        if header == start or (start.endswith("/") and header.startswith(start)):
            return apt, dnf, apk
    return None


def _package(packages: Tuple[str, str, str], manager: Optional[str]) -> Tuple[str, Optional[str]]:
    """The package's name and the command for this system; Debian's name without a command elsewhere."""
    apt, dnf, apk = packages
    name = {"apt-get": apt, "dnf": dnf, "yum": dnf, "apk": apk}.get(manager or "")
    return (name, f"{_INSTALL[manager or '']} {name}") if name else (f"{apt} (Debian's name)", None)
