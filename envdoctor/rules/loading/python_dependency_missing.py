"""A Python package that the project needs is not installed.

## What it means

setup.py imports torch or numpy while it runs, or the program needs packages that its metadata lists, and the
examined interpreter does not have them: "ModuleNotFoundError: No module named 'torch'".

## How envdoctor knows

For a build: setup.py's own imports of well-known packages (whose import name and distribution name are certain)
that are neither installed nor named as build requirements; and, when isolation is switched off, build
requirements that are not installed, since pip then fetches none. For a run: the project's stated requirements
that apply to the examined interpreter, and what the metadata of those asks for in turn, and that are not
installed in any version.

## What to do

Install what is named, with the examined interpreter's own pip.

## When to ignore it

When another environment is meant: `--python` names it.
"""

import shlex
from typing import Iterator, List, Optional, Tuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envdoctor import compat, installing, isolation, requirements
from envdoctor.facts import Configuration, Environment, Located, Packages, Project, Python, Request
from envdoctor.finding import Evidence, Finding, Fix, Location, Run, SetEnv, Severity

SEVERITY = Severity.ERROR
STAGE = 0

PROMISING = (None, "pip", "uv")
FILES = ("requirements.txt", "pyproject.toml", "setup.py", "setup.cfg")


def check(
    project: Project,
    packages: Packages,
    python: Python,
    request: Request,
    environment: Environment,
    configuration: Optional[Configuration],
) -> Iterator[Finding]:
    # An import that an isolated build hides is build-isolation-hides-torch: here the package is nowhere.
    build = request.role != "runtime"
    missing = list(_imports(project, packages)) if build else list(_stated(project, packages, python))
    if build and isolation.switched_off(environment, configuration):
        missing += _backend(project, packages, python)
    if not missing:
        return
    names = list(dict.fromkeys(name for _, name in missing))
    first = missing[0][0]
    yield Finding(
        message=f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} not installed in {python.executable}.",
        consequence="The build stops at its import." if build else "Importing it fails: No module named …",
        evidence=tuple(Evidence(place.place, _said(place, build)) for place, _ in missing),
        fix=_by_activation(python, environment) or _fix(python, _quoted(missing, build)),
        location=Location(first.file, first.line) if first.file in FILES else None,
        severity=SEVERITY if build else Severity.WARNING,
    )


def _imports(project: Project, packages: Packages) -> Iterator[Tuple[Located, str]]:
    """setup.py's imports of known distributions that are neither installed nor asked for by the build."""
    named = {_name(requirement.text) for requirement in project.build_requires}
    seen = set()
    for place in project.setup.imports if project.setup else ():
        name = compat.IMPORTED_BY_SETUP.get(place.text.partition(".")[0])
        if name and name not in seen and name not in named and packages.get(name) is None:
            seen.add(name)
            yield place, name


def _stated(project: Project, packages: Packages, python: Python) -> Iterator[Tuple[Located, str]]:
    for place in project.requirements:
        requirement = requirements.parse(place.text)
        if place.file not in FILES or requirement is None or not requirements.applies(requirement, python):
            continue
        name = canonicalize_name(requirement.name)
        if packages.get(name) is None:
            yield place, name
        else:
            yield from _asked_by(requirement, packages, python)


def _asked_by(stated: Requirement, packages: Packages, python: Python) -> Iterator[Tuple[Located, str]]:
    """What the stated package, and those that it asks for, lack themselves; conda's metadata promises less."""
    waiting, seen = [stated], {str(stated)}
    while waiting:
        asked = waiting.pop()
        package = packages.get(canonicalize_name(asked.name))
        if package is None or package.installer not in PROMISING or package.kind != "dist-info":
            continue
        for text in package.requires:
            requirement = requirements.parse(text)
            if requirement is None or not requirements.applies(requirement, python, asked.extras):
                continue
            name = canonicalize_name(requirement.name)
            if packages.get(name) is None:
                yield Located(text, package.location), name
            elif str(requirement) not in seen:
                seen.add(str(requirement))
                waiting.append(requirement)


def _backend(project: Project, packages: Packages, python: Python) -> Iterator[Tuple[Located, str]]:
    """Build requirements that nothing fetches, because isolation is switched off."""
    for place in project.build_requires:
        requirement = requirements.parse(place.text)
        if requirement is None or not requirements.applies(requirement, python):
            continue
        if not requirements.installed(requirement, packages):
            yield place, canonicalize_name(requirement.name)


def _said(place: Located, build: bool) -> str:
    return f"import {place.text}" if build and place.file.endswith(".py") else f"requires {place.text}"


def _by_activation(python: Python, environment: Environment) -> Optional[Fix]:
    """VIRTUAL_ENV names an environment whose interpreter PATH does not give: it may have what is missing."""
    named = (environment.get("VIRTUAL_ENV") or "").rstrip("/")
    if (
        not named
        or environment.missing("VIRTUAL_ENV")
        or named == python.prefix
        or python.found_via == "--python"
    ):
        return None
    return Fix(
        f"Put the environment that VIRTUAL_ENV names first on PATH ({named})",
        (SetEnv("PATH", f"{named}/bin", "prepend"),),
    )


def _fix(python: Python, wanted: str) -> Fix:
    if python.externally_managed:
        steps = (
            Run(f"{shlex.quote(python.executable)} -m venv .venv && . .venv/bin/activate"),
            Run(f"pip install {wanted}"),
        )
        return Fix("Install it in a virtual environment: this interpreter is the distribution's", steps)
    return Fix("Install it for this interpreter", (installing.by_pip(python, wanted),))


def _name(text: str) -> Optional[str]:
    requirement = requirements.parse(text)
    return canonicalize_name(requirement.name) if requirement else None


def _quoted(missing: List[Tuple[Located, str]], build: bool) -> str:
    return " ".join(name if build else f'"{place.text.partition(";")[0].strip()}"' for place, name in missing)
