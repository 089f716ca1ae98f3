"""Installed packages ask for other versions of each other than are installed.

## What it means

A package's metadata names the versions of others that it works with. pip lets an environment get out of step
(separate `pip install` commands, `--no-deps`, conda and pip mixed), and the misfit shows later as a missing name or
argument, or as a failing import.

## How envdoctor knows

The requirements in the installed packages' metadata, with their markers evaluated for the examined interpreter, are
compared with the versions that are installed. Extras, packages that are not installed, vendors' builds of torch of
the right release, and versions "0.0.0" (unknown) are left out.

## What to do

Install versions that fit together in one command: pip then looks at them all (`pip check` prints the same list).

## When to ignore it

When the combination is known to work although the metadata does not say so.
"""

import re
from typing import Dict, Iterator, List, Tuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envdoctor import installing, requirements
from envdoctor.facts import Package, Packages, Python
from envdoctor.finding import Evidence, Finding, Fix, Severity

SEVERITY = Severity.WARNING

Misfit = Tuple[Package, Requirement]


def check(packages: Packages, python: Python) -> Iterator[Finding]:
    misfits: Dict[str, List[Misfit]] = {}
    for package in _in_use(packages):
        for text in package.requires:
            name = _name(text)
            version = packages.version(name)
            if version is None:
                continue  # most are of extras: not worth parsing
            if name == "numpy" and requirements.built_for_numpy_1(package) and not version.startswith("1."):
                continue  # numpy-abi-mismatch
            requirement = requirements.parse(text)
            if (
                requirement is not None
                and not _fits(requirement, version)
                and requirements.applies(requirement, python)
            ):
                misfits.setdefault(name, []).append((package, requirement))
    for name, found in misfits.items():
        yield _finding(name, packages.version(name) or "", found, python)


def _name(requirement: str) -> str:
    """Source: PEP 508, names."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    return str(canonicalize_name(found[0])) if found else ""


def _in_use(packages: Packages) -> Iterator[Package]:
    """The first of each name: a later copy is not imported."""
    return (package for package in packages.items if packages.get(package.name) is package)


def _fits(requirement: Requirement, version: str) -> bool:
    try:
        installed = Version(version)
    except InvalidVersion:
        return True
    if not installed.release or not any(installed.release):
        return True  # 0.0.0: built without its version
    if requirement.specifier.contains(installed, prereleases=True):
        return True
    # A vendor's build of a release under way (2.1.0a0+32f93b1) stands for that release.
    return bool(installed.pre and installed.local) and requirement.specifier.contains(installed.base_version)


def _finding(name: str, version: str, found: List[Misfit], python: Python) -> Finding:
    askers = ", ".join(f"{package.name} {package.version}" for package, _ in found)
    wanted = " ".join((f'"{name}{_bounds(found)}"', *(package.name for package, _ in found)))
    return Finding(
        message=f"{name} {version} is installed, and {askers} ask{'s' if len(found) == 1 else ''} for another version.",
        consequence="They may fail together: missing names, arguments or symbols.",
        evidence=tuple(
            Evidence(package.location, f"{package.name} {package.version} requires {r}")
            for package, r in found
        ),
        fix=Fix(
            "Install versions that fit, in one command",
            (installing.by_pip(python, wanted),),
        ),
    )


def _bounds(found: List[Misfit]) -> str:
    """All bounds on one package together."""
    return ",".join(sorted({str(bound) for _, requirement in found for bound in requirement.specifier}))
