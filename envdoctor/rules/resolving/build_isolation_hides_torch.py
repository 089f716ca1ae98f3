"""The build needs torch, and pip's isolated build environment hides the one that is installed.

## What it means

For a project with a `[build-system]` table (and, from pip 25.3 on, for every project) pip builds in an environment of
its own that holds the declared build requirements and nothing else. A `setup.py` that imports torch ends there with
`ModuleNotFoundError: No module named 'torch'`, however well torch is installed.

## How envdoctor knows

`setup.py`, or a build backend of the project's own, read as syntax, imports torch; the build requirements do not name
it; nothing switches isolation off. Where they do name it, without pinning it to one version, and another torch is
installed with all that is asked for, this is a warning: the build gets a second torch.

## What to do

Build without isolation: `pip install --no-build-isolation .`, or `PIP_NO_BUILD_ISOLATION=0` in the environment (pip's
option is inverted: 0 switches isolation off). The build requirements must then be installed beside torch. Naming torch
in `build-system.requires` also ends the error, but makes pip fetch a second torch, perhaps one for another CUDA.

## When to ignore it

When the project is only ever built by `python setup.py ...`, which knows no isolation.
"""

from typing import Iterator, Optional, Tuple

from packaging.requirements import Requirement

from envdoctor import installing
from envdoctor.facts import Configuration, Environment, Located, Packages, Project, Python
from envdoctor.finding import Evidence, Finding, Fix, Location, SetEnv, Severity, Step
from envdoctor.isolation import build_requirements, isolated, names, requires
from envdoctor.requirements import installed, parse

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")


def check(
    project: Project,
    packages: Packages,
    python: Python,
    environment: Environment,
    configuration: Optional[Configuration],
) -> Iterator[Finding]:
    named = requires(project, "torch")
    if named and isolated(project, packages, environment, configuration):
        yield from _second_torch(named, project, packages)
    imports = (*project.backend_imports, *(project.setup.imports if project.setup else ()))
    torch = next((line for line in imports if line.text.split(".")[0] == "torch"), None)
    if torch is None or named or not isolated(project, packages, environment, configuration):
        return
    missing = tuple(r for r in build_requirements(project) if not installed(r, packages))
    version = packages.version("torch")
    yield Finding(
        message=f"{torch.file} imports torch, and torch is not among the build requirements.",
        consequence="pip builds in an isolated environment without torch: No module named 'torch'.",
        evidence=(
            Evidence(torch.place, f"import {torch.text}"),
            Evidence("build requirements", ", ".join(map(str, build_requirements(project))) or "none"),
            Evidence("installed", f"torch {version}" if version else "no torch; install it first"),
        ),
        fix=Fix("Build without isolation, so that the installed torch is used", _steps(missing, python)),
        location=Location(torch.file, torch.line),
    )


def _second_torch(named: Located, project: Project, packages: Packages) -> Iterator[Finding]:
    """Where all that is asked for is installed: pip fetches a torch of its own for the build all the same."""
    version = packages.version("torch")
    wanted = parse(named.text)
    pinned = wanted is not None and any(part.operator == "==" for part in wanted.specifier)
    if version is None or pinned or not all(installed(r, packages) for r in build_requirements(project)):
        return
    yield Finding(
        message=f"The isolated build fetches a torch of its own for {named.text!r}; torch {version} is installed.",
        consequence="It takes gigabytes, and what is built for another torch or CUDA does not load in this one.",
        evidence=(
            Evidence(named.place, f"requires {named.text}"),
            Evidence("installed", f"torch {version}"),
        ),
        fix=Fix(
            "Build without isolation, so that the installed torch is used",
            (SetEnv("PIP_NO_BUILD_ISOLATION", "0"),),
        ),
        location=Location(named.file, named.line),
        severity=Severity.WARNING,
    )


def _steps(missing: Tuple[Requirement, ...], python: Python) -> Tuple[Step, ...]:
    off = SetEnv("PIP_NO_BUILD_ISOLATION", "0")
    return (installing.by_pip(python, names(missing)), off) if missing else (off,)
