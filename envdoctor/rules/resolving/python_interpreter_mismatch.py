"""CMake or pip takes another Python than the active one.

## What it means

FindPython3 in a project with an old `cmake_minimum_required` (below 3.15) prefers the newest Python that it finds
anywhere over the active environment's, and a `pip` on PATH may belong to another interpreter. Headers, modules and
installed packages then come from the wrong place: `No module named 'setuptools'` for a package that is installed, or
an extension built for a Python that never loads it. Exporting `Python3_EXECUTABLE` changes nothing: it is a CMake
variable, and CMake does not read it from the environment.

## How envdoctor knows

The finder that the project uses was asked (or its documented rules were followed, as the evidence says), and its answer
belongs to another prefix than the examined interpreter. For pip: the first line of the `pip` that PATH gives first.

## What to do

Pass `-DPython3_EXECUTABLE`, `-DPython_EXECUTABLE` and `-DPYTHON_EXECUTABLE` to CMake: the only hint that always wins,
each for its own finder. For pip, call `python -m pip`.

## When to ignore it

When the project uses the interpreter only to run a generator script that needs no packages.
"""

import shlex
from typing import Iterator, Optional, Tuple

from envdoctor.facts import Answer, Environment, Interpreters, Packages, Project, Python, Resolution
from envdoctor.finding import Evidence, Finding, Fix, Location, Run, Safety, SetEnv, Severity, Shim, Step

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")

# find_package name: the finder whose answer counts.
FINDERS = {
    "Python3": "FindPython3",
    "Python": "FindPython",
    "PythonInterp": "FindPythonInterp",
    "PythonLibs": "FindPythonInterp",
}
# Backends that hand all three variables to CMake themselves (scikit_build_core/builder/builder.py, skbuild/cmaker.py).
NAMES_ITS_OWN = ("scikit_build_core", "skbuild")
EXPORTED = ("Python3_EXECUTABLE", "Python_EXECUTABLE", "PYTHON_EXECUTABLE")


def check(
    python: Python,
    project: Project,
    environment: Environment,
    resolution: Optional[Resolution],
    interpreters: Optional[Interpreters],
    packages: Optional[Packages],
) -> Iterator[Finding]:
    backend = project.build_backend.text if project.build_backend else ""
    if project.cmake is not None and resolution is not None and not backend.startswith(NAMES_ITS_OWN):
        yield from _cmake(python, project, environment, resolution, interpreters)
    if interpreters is not None and any(build in ("setup.py", "pyproject") for build in project.builds):
        yield from _pip(python, interpreters, packages is None or packages.get("pip") is not None)


def _cmake(
    python: Python,
    project: Project,
    environment: Environment,
    resolution: Resolution,
    interpreters: Optional[Interpreters],
) -> Iterator[Finding]:
    assert project.cmake is not None
    for package in project.cmake.packages:
        answer = resolution.get(FINDERS.get(package.name, ""))
        if answer is None or answer.takes is None or _same(answer, python, interpreters):
            continue
        exported = [name for name in EXPORTED if environment.get(name)]
        yield Finding(
            message=f"find_package({package.name}) takes {answer.takes}; the active Python is {python.executable}.",
            consequence="What is built and run by CMake sees the packages and headers of the other interpreter.",
            evidence=(
                Evidence(f"{package.file}:{package.line}", f"find_package({package.name})"),
                Evidence(answer.finder, f"{answer.takes} ({answer.how}: {answer.reason})"),
                Evidence(python.found_via, f"{python.executable}, {python.version}"),
                *(
                    Evidence(name, "exported; CMake does not read it from the environment")
                    for name in exported
                ),
            ),
            fix=_fix(python, environment),
            location=Location(package.file, package.line),
        )
        return


def _fix(python: Python, environment: Environment) -> Fix:
    flags = " ".join(shlex.quote(f"-D{name}={python.executable}") for name in EXPORTED)
    return Fix(
        f"Pass {flags} to CMake",
        (
            Shim("bin/cmake", "wrapper", flags),
            SetEnv("PATH", "{overlay}/bin", "prepend"),
            *(() if environment.get("CMAKE_TOOLCHAIN_FILE") else _toolchain(python)),
        ),
    )


def _toolchain(python: Python) -> Tuple[Step, ...]:
    """The same for a CMake that is called by its path; releases before 3.21 do not read the variable."""
    lines = "".join(f"set({name} [==[{python.executable}]==])\n" for name in EXPORTED)
    return (
        Shim("cmake/python.cmake", "text", f"# The active Python, for each of CMake's finders.\n{lines}"),
        SetEnv("CMAKE_TOOLCHAIN_FILE", "{overlay}/cmake/python.cmake"),
    )


def _same(answer: Answer, python: Python, interpreters: Optional[Interpreters]) -> bool:
    """Whether a path belongs to the examined interpreter's prefix; a shim counts by what it runs."""
    assert answer.takes is not None
    if answer.takes in (python.executable, python.real) or answer.takes.startswith(f"{python.prefix}/bin/"):
        return True
    known = next((p for p in interpreters.pythons if p.path == answer.takes), None) if interpreters else None
    return known is not None and known.prefix == python.prefix


def _pip(python: Python, interpreters: Interpreters, has_pip: bool) -> Iterator[Finding]:
    pip = next((pip for pip in interpreters.pips if pip.name == "pip" and pip.wins), None)
    # Who states an interpreter does not call the pip of another one.
    if pip is None or pip.same_environment is not False or python.found_via == "--python":
        return
    what = "which does not exist" if not pip.python_exists else "another environment"
    yield Finding(
        message=f"pip on PATH ({pip.path}) belongs to {pip.python}, {what}; the active Python is {python.executable}.",
        consequence="What pip installs, the active Python does not see."
        if pip.python_exists
        else "pip does not start: bad interpreter.",
        evidence=(Evidence(pip.path, f"#!{pip.python}"), Evidence(python.found_via, python.executable)),
        fix=Fix(
            f"Have pip be that of the active Python: {python.executable} -m pip",
            (
                Shim("bin/pip", "script", f'#!/bin/sh\nexec {shlex.quote(python.executable)} -m pip "$@"\n'),
                SetEnv("PATH", "{overlay}/bin", "prepend"),
            ),
        )
        if has_pip
        else Fix(
            "Install pip into this environment, or use the program that made it (uv pip install ...)",
            (Run(f"{shlex.quote(python.executable)} -m ensurepip", Safety.UNSAFE),),
        ),
        severity=Severity.ERROR if not pip.python_exists else Severity.WARNING,
    )
