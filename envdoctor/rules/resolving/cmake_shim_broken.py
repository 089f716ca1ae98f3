"""The `cmake` first on PATH is a console script whose Python package is gone.

## What it means

pip installs CMake as a small Python script that starts the real program from site-packages. When the package was
removed, or the script's interpreter replaced, the script stays and hides every good CMake behind it:
`ModuleNotFoundError: No module named 'cmake'`.

## How envdoctor knows

The first `cmake` on PATH is a script, and it did not answer `--version`.

## What to do

Reinstall it (`pip install --force-reinstall cmake`), remove the script, or put a working CMake first on PATH.

## When to ignore it

Never while a build calls cmake.
"""

from typing import Iterator, Optional, Tuple

from envdoctor import installing
from envdoctor.facts import Program, Project, Tools
from envdoctor.finding import Evidence, Finding, Fix, Location, SetEnv, Severity, Shim, Step

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")


def check(project: Project, tools: Tools) -> Iterator[Finding]:
    first = tools.first("cmake")
    if project.cmake is None or first is None or not first.error:
        return
    good = next((program for program in tools.all("cmake") if program.version and not program.error), None)
    other = f" CMake {good.version} at {good.path} is hidden by it." if good else ""
    line = project.cmake.minimum
    yield Finding(
        message=f"The cmake first on PATH, {first.path}, does not run.{other}",
        consequence="Every configuration ends before CMake has begun.",
        evidence=(Evidence(first.path, first.error),),
        fix=Fix("Run a CMake that works", _steps(good)),
        location=Location(line.file, line.line) if line else None,
    )


def _steps(good: Optional[Program]) -> Tuple[Step, ...]:
    if good is None:
        return (installing.by_pip(None, "--force-reinstall cmake"),)
    return (Shim("bin/cmake", "link", good.path), SetEnv("PATH", "{overlay}/bin", "prepend"))
