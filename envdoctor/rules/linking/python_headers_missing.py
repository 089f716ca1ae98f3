"""The Python that the build uses has no headers.

## What it means

A compiled Python module needs `Python.h`. Distributions put it into a package of its own (`python3.11-dev`,
`python3-devel`); a venv uses the headers of the Python that it was made from. The compiler says "Python.h: No such
file or directory", CMake "Could NOT find Python3 (missing: Python3_INCLUDE_DIRS Development.Module)".

## How envdoctor knows

The project compiles a Python module, and the include folder that the examined interpreter names has no Python.h.

In a log, `Python.h: No such file or directory` counts, a library of Python that the linker misses, and CMake's,
autoconf's and Meson's words of the same.

## What to do

Install the package that is named, or build with a Python that brings its headers (conda's, pyenv's, uv's do).

## When to ignore it

When only the project's pure Python part is built.
"""

from typing import Iterator, Optional, Tuple

from envdoctor import installing
from envdoctor.facts import Project, Python, System
from envdoctor.finding import Evidence, Finding, Fix, Location, Severity
from envdoctor.log import BuildLog
from envdoctor.messages import absent

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")

_PACKAGES = {"dnf": "python3-devel", "yum": "python3-devel", "zypper": "python3-devel", "apk": "python3-dev"}


def check(project: Project, python: Python, system: Optional[System]) -> Iterator[Finding]:
    asked = _asks(project)
    if python.headers or asked is None:
        return
    location, text = asked
    yield Finding(
        message=f"Python {python.version} ({python.executable}) has no headers.",
        consequence="Compiling a Python module stops: Python.h: No such file or directory.",
        evidence=(
            Evidence(f"{location.file}:{location.line}", text),
            Evidence(python.include, "no Python.h in it"),
        ),
        fix=_fix(python, system),
        location=location,
    )


def _asks(project: Project) -> Optional[Tuple[Location, str]]:
    """The first place that compiles a Python module."""
    for extension in project.setup.extensions if project.setup else ():
        return Location(extension.file, extension.line), f"{extension.kind}({extension.name})"
    for package in project.cmake.packages if project.cmake else ():
        develops = any(component.startswith("Development") for component in package.components)
        if (package.name in ("Python", "Python3") and develops) or package.name in (
            "PythonLibs",
            "pybind11",
            "nanobind",
        ):
            return Location(
                package.file, package.line
            ), f"find_package({' '.join((package.name, *package.components))})"
    return None


def _fix(python: Python, system: Optional[System]) -> Fix:
    names = {**_PACKAGES, "apt-get": "python{}.{}-dev".format(*python.minor)}
    command = installing.by_manager(system, names) if python.base_prefix in ("/usr", "/") else None
    if command:
        return Fix("Install the headers of this Python", (command,))
    return Fix(
        f"Install the development files of the Python at {python.base_prefix}, or build with a Python that has them"
    )


# CMake's FindPython and FindPythonLibs (the interpreter is there, its development files are not), autoconf, Meson.
_NOT_FOUND = (
    r"Could NOT find Python\d? \(missing: (?:Python\d?_(?:INCLUDE_DIRS?|LIBRAR\w+)|Development)[^)]*\)",
    r"Could NOT find PythonLibs\w* \(missing: [^)]*\)",
    r"Python dependency not found",
    r"(?i:could not find|cannot find|missing) '?Python\.h|Python\.h not found|[Pp]ython headers? not found",
    r"(?:Python headers|header files? for Python|Python development (?:files|headers)) (?:are|is|were) (?:not|missing)",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    header = next((hit for hit, _ in absent.headers(log, "python")), None)
    hit = header or next((hit for hit, _ in absent.libraries(log, "python")), None) or log.first(*_NOT_FOUND)
    if hit:
        yield hit.finding(
            "The Python that the build uses has no development files (Python.h, libpython).",
            "No module for this Python can be compiled.",
            Fix(
                f"Install them for that very version: apt-get install {_package(log)}, dnf install python3-devel; or"
                " build with a Python that brings them (conda's, uv's)"
            ),
            "high" if header else "medium",
        )


# The compiler's search path, the tag of what it makes, what CMake found, and the library that a link names.
_VERSION = (
    r"/include/python(?P<version>3\.\d+)\b",
    r"cpython-3(?P<minor>\d{1,2})\b",
    r"found (?:suitable |unsuitable )?version '?\"?(?P<version>3\.\d+)",
    r"-lpython(?P<version>3\.\d+)",
)


def _package(log: BuildLog) -> str:
    """Debian's package, for the version that the log names, if it is one."""
    found = {hit["version"] or f"3.{hit['minor']}" for hit in log.search(*_VERSION)}
    if len(found) == 1:
        return f"python{found.pop()}-dev"
    return "python3-dev (python3.X-dev for a Python 3.X beside the system's)"
