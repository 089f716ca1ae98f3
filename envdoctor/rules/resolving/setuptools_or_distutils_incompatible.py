"""The build imports pkg_resources or distutils, which this Python or setuptools no longer has.

## What it means

Python 3.12 removed distutils (setuptools brings a copy), and setuptools 82 removed pkg_resources. An older `setup.py`
that imports them ends with `No module named 'distutils'` or `No module named 'pkg_resources'`.

## How envdoctor knows

`setup.py`, read as syntax, imports one of them; the setuptools that the build will see is the installed one, or, in an
isolated build, the newest that the build requirements allow.

In a log, missing modules, names and commands of setuptools, pkg_resources and distutils count.

## What to do

Keep setuptools below 82 for that build, or replace the import (`packaging.version`, `importlib.metadata`).

## When to ignore it

When the import stands in a branch that this build does not take.
"""

import posixpath
from dataclasses import replace
from typing import Iterator, Optional

from packaging.requirements import Requirement
from packaging.version import Version

from envdoctor import installing
from envdoctor.facts import Configuration, Environment, Located, Packages, Project, Python
from envdoctor.finding import Evidence, Finding, Fix, Location, SetEnv, Severity, Shim
from envdoctor.isolation import SWITCH_OFF, build_requirements, isolated, requires
from envdoctor.log import BuildLog
from envdoctor.requirements import accepts, installed, parse, release_of

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")

# https://setuptools.pypa.io/en/latest/history.html: v82.0.0 removed pkg_resources and needs Python 3.9.
WITHOUT_PKG_RESOURCES = Version("82.0.0")
NEEDS_PYTHON = (3, 9)
WITHOUT_DISTUTILS = (3, 12)
CONSTRAINT = "pip/envdoctor-setuptools.txt"


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
    if alone and (environment.get("PIP_BUILD_CONSTRAINT") or "").endswith(CONSTRAINT):
        return
    for line in project.setup.imports:
        name = line.text.split(".")[0]
        if name == "pkg_resources" and _lacks_pkg_resources(project, packages, python, alone):
            seen, fix = _seen(project, packages, alone), _fix(project, packages, python, configuration, alone)
            yield _finding(line, seen, "setuptools 82 removed pkg_resources", fix)
        elif (
            name == "distutils"
            and python.minor >= WITHOUT_DISTUTILS
            and not (alone and project.build_system)
            and not packages.get("setuptools")
        ):
            fix = Fix(
                "Install setuptools, which brings its own", (installing.by_pip(python, "setuptools wheel"),)
            )
            found = _finding(line, "no setuptools installed", "Python 3.12 removed distutils", fix)
            # pip brings setuptools where none is installed; `python setup.py` does not.
            yield replace(found, severity=Severity.WARNING if alone else None)


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


def _fix(
    project: Project,
    packages: Packages,
    python: Python,
    configuration: Optional[Configuration],
    alone: bool,
) -> Fix:
    """A setuptools that has it: the installed one, or an older one in place of the newest."""
    version = release_of(packages.version("setuptools"))
    if not alone:
        return Fix("Install an older setuptools", (installing.by_pip(python, "'setuptools<82'"),))
    here = all(installed(requirement, packages) for requirement in build_requirements(project))
    if here and version is not None and version < WITHOUT_PKG_RESOURCES:
        return Fix(
            f"Build without isolation, so that the installed setuptools {version} is used",
            (SWITCH_OFF,),
        )
    file = f"{{overlay}}/{CONSTRAINT}"
    kept = "".join(f"-c {path}\n" for path in _constraints(project, configuration))
    return Fix(
        "Have pip take an older setuptools for the build",
        (
            Shim(CONSTRAINT, "text", f"setuptools<82\n{kept}"),
            # pip 25.3 and newer read the second one for builds; older ones the first.
            SetEnv("PIP_CONSTRAINT", file),
            SetEnv("PIP_BUILD_CONSTRAINT", file),
        ),
    )


def _constraints(project: Project, configuration: Optional[Configuration]) -> Iterator[str]:
    """Files of constraints that the machine or the caller names already, each by a path that holds everywhere."""
    for name in ("global.constraint", "global.build-constraint"):
        for setting in configuration.effective("pip", name) if configuration else ():
            yield from (posixpath.join(project.root, path) for path in setting.value.split())


def _finding(line: Located, seen: str, why: str, fix: Fix) -> Finding:
    return Finding(
        message=f"{line.place} imports {line.text}, and the build will not have it: {why}.",
        consequence=f"The build ends with: No module named '{line.text.split('.')[0]}'.",
        evidence=(Evidence(line.place, f"import {line.text}"), Evidence("setuptools", seen)),
        fix=fix,
        location=Location(line.file, line.line),
    )


# Source: Python 3.12's removals; setuptools' history from 58 (use_2to3) and 70 (pkg_resources.packaging) to 82.
_PACKAGES = r"'(?P<name>pkg_resources|distutils|setuptools|_distutils_hack)[\w.]*'"
_GONE = (
    r"No module named '?(?P<name>(?:pkg_resources|(?:numpy\.)?distutils)(?:\.[\w.]+)?|setuptools\.[\w.]+)'?(?![\w-])",
    rf"cannot import name '\w+' from (?:partially initialized module )?{_PACKAGES}",
    rf"module {_PACKAGES} has no attribute '\w+'",
    r"module '(?P<name>pkgutil)' has no attribute 'ImpImporter'",
    r"canonicalize_version\(\) got an unexpected keyword argument '(?P<name>strip_trailing_zero)'",
    r"(?P<name>use_2to3) is invalid",
    r"AttributeError: (?P<name>install_layout)\b",
    r"has no attribute '(?P<name>install_layout|convert_2to3\w*|dry_run)'",
    r"unexpected keyword argument '(?P<name>dry_run)'",
    r"cannot import name '\w+' from '(?P<name>numpy\.distutils)[\w.]*'",
    r"assert '(?P<name>_distutils)' in core\.__file__",
    r"(?P<name>InvalidVersion): Invalid version: ",
    r"(?:configuration error|invalid pyproject\.toml config): '(?P<name>project[\w.-]*)'",
    r"InvalidConfigError: (?P<name>[^\n]{0,80})",
    r"error in \S+ setup command: (?P<name>[^\n]{0,80})",
    r"Cannot import '(?P<name>setuptools\.build_meta)|error: invalid command '(?P<command>bdist_wheel|editable_wheel)'",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    hit = log.first(*_GONE)
    if hit:
        name = hit["name"]
        yield hit.finding(
            f"The build and setuptools do not fit: {name}."
            if name
            else "The build and setuptools do not fit.",
            "The build ends before anything is compiled.",
            Fix(_cure(name)),
            "medium" if name in ("InvalidVersion", "") else "high",
        )


def _cure(name: str) -> str:
    if name.startswith("distutils"):
        return "Install setuptools, which brings distutils (pip install setuptools wheel), or use Python 3.11"
    if name == "pkgutil":
        return "Upgrade pip and setuptools (python -m ensurepip --upgrade, then pip install -U setuptools)"
    if name.startswith("pkg_resources"):
        below = 70 if name.startswith("pkg_resources.") else 82
        return (
            f"python -m pip install 'setuptools<{below}' (a venv of Python 3.12 and newer has none at all), for a build"
            " with --no-build-isolation; in an isolated one name it in requires of [build-system]"
        )
    if name == "strip_trailing_zero":
        return "Upgrade packaging (pip install -U packaging), or use setuptools below 71"
    if name in ("use_2to3", "convert_2to3"):
        return "Build with setuptools below 58: pip install 'setuptools<58', and --no-build-isolation"
    if name.startswith("project."):
        return "Upgrade setuptools (77 and newer know the new license fields): pip install -U setuptools"
    return (
        "Change setuptools: a newer one (pip install -U setuptools wheel), or the one of the project's time"
    )
