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

In a log, CMake's words of two versions of Python count, and those of a module that was compiled for another one.

## What to do

Pass `-DPython3_EXECUTABLE`, `-DPython_EXECUTABLE` and `-DPYTHON_EXECUTABLE` to CMake: the only hint that always wins,
each for its own finder. For pip, call `python -m pip`.

## When to ignore it

When the project uses the interpreter only to run a generator script that needs no packages.
"""

import re
import shlex
from typing import Iterator, Optional, Tuple

from envdoctor.facts import Answer, Environment, Interpreters, Packages, Project, Python, Resolution
from envdoctor.finding import Evidence, Finding, Fix, Location, Run, Safety, SetEnv, Severity, Shim, Step
from envdoctor.log import BuildLog, Hit, told

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


# Source: CMake's FindPythonInterp, FindPythonLibs and FindPython; pybind11's tools; OpenCV's.
_WRONG = (
    r"Could NOT find Python\w*\s?[:(][^\n]*(?:\n[^\n]*){0,1}but required is exact version '?\"?[\d.]+",
    r"founds? wrong Python version",
    r"Python version mismatch: module was compiled for",
    r"Module use of python\d+\.dll conflicts with this version of Python",
    r"undefined symbol: _?Py(?!bind|Init_)[A-Z]\w+|Symbol not found: '?\(?_+Py[A-Z]\w+",
    r"Unable to find python matching: |^[ \t]*pyenv: python[\d.]*: command not found",
    r"Python libraries not found|Cannot find the Python libraries matching",
)
# A script of pip whose interpreter is gone, and a pip of another environment.
_SCRIPT = (
    r"[/\\](?:pip[\d.]*|python[\d.]*|torchrun|uv): [^\n]*bad interpreter: (?:[/\w.]+: )?[Nn]o such file",
    r"bad interpreter: (?P<gone>[^\s:]*[/\\]python[\d.]*): [Nn]o such file",
    r"Unable to create process using '?[^\n]*(?:python|pip)[\w.]*",
)
_LIBS = r'Found PythonLibs: [^\n]*\(found (?:suitable )?version "(?P<version>\d+\.\d+)'
_INTERPRETER = r'Found PythonInterp: [^\n]*\(found (?:suitable )?version "(?P<version>\d+\.\d+)'
_FOUND = (
    r'Found Python3?: (?P<path>/usr/(?:local/)?bin/python[\d.]*) \(found [\w ]*version "(?P<version>\d+\.\d+)'
)
_ACTIVE = (
    r"(?:envs/[\w.-]+|venv[\w.-]*|virtualenvs/[\w.-]+|conda3?|miniforge3?)/lib/python(?P<version>\d+\.\d+)/"
)
_SATISFIED = (
    r"Requirement already satisfied: (?P<name>[\w-]+)[^\n]* in (?P<path>\S+)/lib/(?P<lib>python[\d.]+)/"
)
_FRAME = r"File '?\"?(?P<path>[^\"\n]+)/lib/python\d[\d.]*/(?:site|dist)-packages/"
_WINDOWS = r"Found Python\w*: (?P<path>[A-Z]:[^\n]*[/\\]Python3\d+[/\\]python\.exe) \((?:found|Required)"
_UNSUITABLE = (
    r"Could NOT find Python\w*[^\n]*\s[Ff]ound unsuitable version[^\n]*\s[^\n]*\(found (?P<path>/usr/[^\n)]+)"
)
_ENVIRONMENT = r"[/\\](?:envs[/\\][\w.-]+|\.?venv[\w.-]*|(?:mini|ana)conda3?|miniforge3?)[/\\]"
_CUTLASS = r"Error installing cutlass_library package"


def explain(log: BuildLog) -> Iterator[Finding]:
    wrong, script = log.first(*_WRONG), log.first(*_SCRIPT)
    # A module of Python 2, as ROS puts on PYTHONPATH, is pythonpath-pollution's.
    if wrong and not re.search(r"/opt/ros/|/python2\.\d/", wrong.lines[0].matched):
        yield _explained(wrong, "The Python that was found is not the one that is meant.")
    if script:
        yield script.finding(
            "The script on PATH starts a Python that does not exist any more.",
            "The program does not start.",
            Fix("Call python -m pip of the active Python, and remove or reinstall that script"),
        )
    yield from _cmake_elsewhere(log)
    yield from _pip_elsewhere(log)


def _cmake_elsewhere(log: BuildLog) -> Iterator[Finding]:
    """CMake says which Python it takes, and the log shows another one."""
    libs, interpreter = log.first(_LIBS), log.first(_INTERPRETER)
    if libs and interpreter and libs["version"] != interpreter["version"]:
        message = f"CMake takes libpython {libs['version']} with Python {interpreter['version']}."
        yield _explained(libs, message, "high", (interpreter,))
    found, active = log.first(_FOUND), log.first(_ACTIVE, _CUTLASS)
    if found and active and not (active.text.endswith("/") and active["version"] == found["version"]):
        message = (
            f"CMake takes {found['path']} ({found['version']}), which is not the active environment's Python."
        )
        yield _explained(found, message, "medium", (active,))
    lacking = log.first(r"^(?P<path>/usr/(?:local/)?bin/python[\d.]*): No module named (?P<name>[\w.]+)")
    if found and lacking and found["path"] == lacking["path"]:
        message = f"CMake takes {found['path']}, and that Python has no {lacking['name']}."
        yield _explained(found, message, "medium", (lacking,))
    other, environment = log.first(_WINDOWS, _UNSUITABLE), log.first(_ENVIRONMENT)
    if other and environment:
        message = f"CMake takes {other['path']}, which is not the active environment's Python."
        yield _explained(other, message, "medium", (environment,))


def _explained(hit: Hit, message: str, confidence: str = "high", because: Tuple[Hit, ...] = ()) -> Finding:
    return hit.finding(
        message,
        "Headers, libraries and packages come from the wrong Python.",
        Fix(
            "Pass -DPython3_EXECUTABLE, -DPython_EXECUTABLE and -DPYTHON_EXECUTABLE with $(which python) to CMake,"
            " in an empty build folder"
        ),
        confidence,
        because,
    )


def _pip_elsewhere(log: BuildLog) -> Iterator[Finding]:
    """pip says that a package is there, and a Python elsewhere does not find it."""
    for there in log.search(_SATISFIED):
        module = re.escape(there["name"].replace("-", "_"))
        missing = log.first(rf"No module named '?{module}'?(?![\w-])")
        if missing and not told.isolated(log):
            others = {hit["path"] for hit in log.search(_FRAME)}
            if others and there["path"] not in others:
                yield missing.finding(
                    f"pip has {there['name']} in {there['path']}, and another Python is asked for it.",
                    "What pip installs, that Python does not see.",
                    Fix(
                        f"Install with the Python that runs the program: python -m pip install {there['name']}"
                    ),
                    because=(there,),
                )
                return
