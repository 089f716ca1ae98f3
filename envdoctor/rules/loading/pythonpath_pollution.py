"""PYTHONPATH brings packages of another Python.

## What it means

Folders of PYTHONPATH come before the environment's own packages. When one of them is another interpreter's
site-packages (left by a module system, an IDE, ROS or an old installation), its compiled modules do not load in
this Python, and its pure ones replace the environment's in other versions.

## How envdoctor knows

A folder of PYTHONPATH names another Python version than the examined one's, or holds packages that the environment
has in another version.

## What to do

The cure that `envdoctor check` prints takes these folders out of PYTHONPATH. For good, remove the line that
exports it.

## When to ignore it

When the folder is meant to come first, and you know what it replaces.
"""

import posixpath
import re
from typing import Iterator, List, Optional, Tuple

from envdoctor.facts import Environment, Package, Packages, Python
from envdoctor.finding import Evidence, Finding, Fix, SetEnv, Severity

SEVERITY = Severity.ERROR

_SITE = re.compile(r"/python(\d+)\.(\d+)/(?:site|dist)-packages/*$")


def check(environment: Environment, python: Python, packages: Optional[Packages]) -> Iterator[Finding]:
    folders = environment.folders("PYTHONPATH")
    for folder in folders:
        version = _version(folder)
        replaced = _replaced(folder, packages)
        other = version is not None and version != python.minor
        if not other and not replaced:
            continue
        whose = "Python {}.{}".format(*version) if version and other else "another installation"
        yield Finding(
            message=f"PYTHONPATH puts {folder}, of {whose}, before the packages of Python {python.version}.",
            consequence="Compiled modules from there do not load, and others replace the environment's."
            if other
            else "They replace the environment's versions.",
            evidence=(
                Evidence("PYTHONPATH", ":".join(folders)),
                *(
                    Evidence(
                        there.location, f"{there.name} {there.version}; the environment has {own.version}"
                    )
                    for there, own in replaced[:5]
                ),
            ),
            fix=_fix(environment, python),
            severity=Severity.ERROR if other and replaced else Severity.WARNING,
        )


def _version(folder: str) -> Optional[Tuple[int, int]]:
    """The Python whose site-packages a folder is, by its path."""
    found = _SITE.search(folder)
    return (int(found.group(1)), int(found.group(2))) if found else None


def _replaced(folder: str, packages: Optional[Packages]) -> List[Tuple[Package, Package]]:
    """Packages in the folder that the environment has too, in another version."""
    items = packages.items if packages else ()
    there = [
        package for package in items if posixpath.dirname(package.location) == posixpath.normpath(folder)
    ]
    own = {package.name: package for package in items if package not in there}
    return [
        (package, own[package.name])
        for package in there
        if package.name in own and package.version != own[package.name].version
    ]


def _fix(environment: Environment, python: Python) -> Fix:
    kept = [
        folder for folder in environment.folders("PYTHONPATH") if _version(folder) in (None, python.minor)
    ]
    if len(kept) == len(environment.folders("PYTHONPATH")):
        return Fix("Take the folder out of PYTHONPATH, or the packages out of the folder")
    return Fix(
        "Take the other Python's folders out of PYTHONPATH", (SetEnv("PYTHONPATH", ":".join(kept) or None),)
    )
