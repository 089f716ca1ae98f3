"""The build imports pkg_resources or distutils, which this Python or setuptools no longer has.

## What it means

Python 3.12 removed distutils (setuptools brings a copy), and setuptools 82 removed pkg_resources. An older `setup.py`
that imports them ends with `No module named 'distutils'` or `No module named 'pkg_resources'`.

## How envdoctor knows

`setup.py`, read as syntax, imports one of them; the setuptools that the build will see is the installed one, or, in an
isolated build, the newest that the build requirements allow.

## What to do

Keep setuptools below 82 for that build, or replace the import (`packaging.version`, `importlib.metadata`).

## When to ignore it

When the import stands in a branch that this build does not take.
"""

from typing import Iterator, Optional

from packaging.requirements import Requirement
from packaging.version import Version

from envdoctor.facts import Configuration, Environment, Located, Packages, Project, Python
from envdoctor.finding import Evidence, Finding, Fix, Location, Run, Safety, Severity
from envdoctor.isolation import isolated, requires
from envdoctor.requirements import accepts, parse, release_of

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")

# https://setuptools.pypa.io/en/latest/history.html: v82.0.0 removed pkg_resources and needs Python 3.9.
WITHOUT_PKG_RESOURCES = Version("82.0.0")
NEEDS_PYTHON = (3, 9)
WITHOUT_DISTUTILS = (3, 12)


def check(
    project: Project,
    packages: Packages,
    python: Python,
    environment: Environment,
    configuration: Optional[Configuration],
) -> Iterator[Finding]:
    if project.setup is None:
        return
    alone = isolated(project, packages, environment, configuration)
    for line in project.setup.imports:
        name = line.text.split(".")[0]
        if name == "pkg_resources" and _lacks_pkg_resources(project, packages, python, alone):
            yield _finding(line, _seen(project, packages, alone), "setuptools 82 removed pkg_resources")
        elif (
            name == "distutils"
            and python.minor >= WITHOUT_DISTUTILS
            and not alone
            and not packages.get("setuptools")
        ):
            yield _finding(line, "no setuptools installed", "Python 3.12 removed distutils")


def _lacks_pkg_resources(project: Project, packages: Packages, python: Python, alone: bool) -> bool:
    if alone:
        line = requires(project, "setuptools")
        wanted = (parse(line.text) if line else None) or Requirement("setuptools")
        return python.minor >= NEEDS_PYTHON and accepts(wanted, str(WITHOUT_PKG_RESOURCES))
    version = release_of(packages.version("setuptools"))
    return version is not None and version >= WITHOUT_PKG_RESOURCES


def _seen(project: Project, packages: Packages, alone: bool) -> str:
    if alone:
        line = requires(project, "setuptools")
        return f"isolated build with {line.text if line else 'setuptools'}: pip takes the newest"
    return f"setuptools {packages.version('setuptools')}"


def _finding(line: Located, seen: str, why: str) -> Finding:
    return Finding(
        message=f"{line.place} imports {line.text}, and the build will not have it: {why}.",
        consequence=f"The build ends with: No module named '{line.text.split('.')[0]}'.",
        evidence=(Evidence(line.place, f"import {line.text}"), Evidence("setuptools", seen)),
        fix=Fix(
            "Install an older setuptools and build without isolation",
            (
                Run('python -m pip install "setuptools<82" wheel', Safety.UNSAFE),
                Run("python -m pip install --no-build-isolation ."),
            ),
        ),
        location=Location(line.file, line.line),
    )
