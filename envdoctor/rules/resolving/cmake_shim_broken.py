"""The `cmake` first on PATH is a console script whose Python package is gone.

## What it means

pip installs CMake as a small Python script that starts the real program from site-packages. When the package was
removed, or the script's interpreter replaced, the script stays and hides every good CMake behind it:
`ModuleNotFoundError: No module named 'cmake'`.

## How envdoctor knows

The first `cmake` on PATH is a script, and it did not answer `--version`.

In a log, a traceback from the script `cmake` that does not find its own package, or its `bad interpreter`, counts.

## What to do

Reinstall it (`pip install --force-reinstall cmake`), remove the script, or put a working CMake first on PATH.

## When to ignore it

Never while a build calls cmake.
"""

from typing import Iterator, Optional, Tuple

from envdoctor import installing
from envdoctor.facts import Program, Project, Tools
from envdoctor.finding import Evidence, Finding, Fix, Location, SetEnv, Severity, Shim, Step
from envdoctor.log import BuildLog

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


# Source: Python's import system and launcher (pip's distlib) around the script that the package `cmake` installs.
_SHIMS = (
    (
        r"[/\\](?:Scripts|bin)[/\\](?P<script>cmake|ctest|cpack)(?:\.exe)?[/\\'\"](?:[^\n]*\n){1,4}?"
        r"[^\n]*Error: No module named 'cmake'"
    ),
    r"from cmake import (?P<script>cmake|ctest|cpack)\b(?:[^\n]*\n){0,3}?[^\n]*Error",
    r"[/\\](?P<script>cmake|ctest|cpack): [^\n]*bad interpreter",
    r"(?:bad interpreter|Unable to create process using).*[/\\](?P<script>cmake|ctest|cpack)(?:\.exe)?\b",
    r"bin/(?P<script>cmake): cannot execute: required file not found",
)
_MODULE = r"No module named '?cmake'?(?![\w-])"


def explain(log: BuildLog) -> Iterator[Finding]:
    shim, module = log.first(*_SHIMS), log.first(_MODULE)
    hit = shim or module
    if hit:
        yield hit.finding(
            "The cmake first on PATH is a Python script whose package or interpreter is gone.",
            "It hides every good CMake behind it, and configuration ends before CMake begins.",
            Fix(
                "Reinstall it (python -m pip install --force-reinstall cmake), or remove the script: type -a cmake"
            ),
            "high" if shim else "medium",
        )
