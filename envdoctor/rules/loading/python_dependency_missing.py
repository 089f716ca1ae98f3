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

In a log, `No module named` counts, and what packages say of others that they miss, where no isolated build hides
what is named. A name that may be the project's own is not said to be a package's.

## What to do

Install what is named, with the examined interpreter's own pip; of a module of the project's own, the project.

## When to ignore it

When another environment is meant: `--python` names it.
"""

import re
import shlex
from typing import Iterable, Iterator, List, Optional, Tuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envdoctor import compat, installing, isolation, requirements
from envdoctor.facts import Configuration, Environment, Located, Packages, Project, Python, Request
from envdoctor.finding import Evidence, Finding, Fix, Here, Location, Run, SetEnv, Severity
from envdoctor.log import BuildLog, told
from envdoctor.messages import tracebacks

SEVERITY = Severity.ERROR
STAGE = 0

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
    for place, requirement in _applying(project.requirements, python):
        name = canonicalize_name(requirement.name)
        if place.file not in FILES:
            continue
        if packages.get(name) is None:
            yield place, name
        else:
            yield from requirements.lacking(requirement, packages, python)


def _backend(project: Project, packages: Packages, python: Python) -> Iterator[Tuple[Located, str]]:
    """Build requirements that nothing fetches, because isolation is switched off."""
    for place, requirement in _applying(project.build_requires, python):
        if not requirements.installed(requirement, packages):
            yield place, canonicalize_name(requirement.name)


def _applying(places: Iterable[Located], python: Python) -> Iterator[Tuple[Located, Requirement]]:
    for place in places:
        requirement = requirements.parse(place.text)
        if requirement is not None and requirements.applies(requirement, python):
            yield place, requirement


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


# Source: CPython's importlib.metadata, pkg_resources, transformers' import_utils and dynamic_module_utils, accelerate,
# python-multipart's users, libraries that name their extras.
_TOLD = (
    r"No package metadata was found for (?P<name>[\w.-]+)",
    r"DistributionNotFound: The '(?P<name>[^'\n]+)' distribution was not found",
    r"requires the (?P<name>[\w.-]+) library but it was not found in your environment",
    r"packages that were not found in your environment: (?P<name>[\w.,-]+(?:, [\w.-]+)*)",
    r"the package (?P<name>[\w.-]+) seems to be not installed",
    r"requires? [\"'](?P<name>[\w.-]+)[\"'] to be installed",
    r"requires (?P<name>Accelerate|[Bb]itsandbytes|bitsandbytes)\b[^\n]{0,60}pip install",
    r"Some build dependencies for [^\n]{1,200} are missing: '(?P<name>[\w-]+)",
    r"ERROR Missing dependencies: (?P<name>[\w-]+)",
    r"Unable to find (?:the )?[Pp]ython (?:package|module) '?(?P<name>[\w.-]+)",
)
_ASKED = (
    (
        r"(?:ImportError|ModuleNotFoundError|RuntimeError|ValueError|AssertionError): [^\n]{0,200}"
        r"(?:[Pp]lease|[Yy]ou (?:need|have|can|must|should)|[Tt]ry|[Rr]un|[Ii]nstall)"
        r"[^\n]{0,80}pip3? install (?P<name>[\w.\[\]-]+)"
    ),
    (
        r"(?:ImportError|ModuleNotFoundError|RuntimeError): [^\n]{0,80}?(?P<name>[\w-]+) "
        r"(?:is not installed|not installed|must be installed)"
    ),
    r"(?:ImportError|ModuleNotFoundError|RuntimeError): [^\n]{0,60}[Pp]lease install (?:the )?'?(?P<name>[\w-]+)",
)
#: Modules whose absence is another rule's matter: of old setuptools, of a broken Python, of an older or newer one.
_NOT_HERE = re.compile(
    r"(?:pkg_resources|distutils|setuptools|imp|encodings|site|_\w+|tomllib|zoneinfo|graphlib|asynchat|asyncore|cgi|pipes"
    r"|imghdr|telnetlib|audioop)(?:\.|$)"
)
_BY_PIP = (
    "python -m pip install {name}, with the interpreter that failed (python -c 'import sys;"
    " print(sys.executable)'); for a setup.py that imports it, before the build and with --no-build-isolation"
)
_PERHAPS_OWN = (
    "If {name} is the project's own: run in the folder that holds it, or install the project for this very interpreter"
    " (python -m pip install . there; python -c 'import sys; print(sys.executable)' tells which one runs). If it is of"
    " a package: look up which distribution brings it, since one of the same name may be a stranger's"
)
_PYTHON_2 = ". These are the words of Python 2: run it with python3 first, which may well have it"
# Patterns, what is so, what follows, what to do, and how sure that is.
_SIGNS = (
    (_TOLD, "{name} is not installed.", "What needs it stops.", _BY_PIP, "high"),
    (
        (r"BackendUnavailable: Cannot import '(?P<name>[\w.-]+)",),
        "The project's build backend, {name}, is not installed where it is built.",
        "pip cannot even ask the project what it needs.",
        (
            "With --no-build-isolation: install what requires of [build-system] in pyproject.toml names first;"
            " without it, requires lacks the backend or backend-path its folder: correct pyproject.toml"
        ),
        "high",
    ),
    (
        (r"error: invalid command 'bdist_(?P<name>wheel)'",),
        "{name} is not installed.",
        "No wheel is built.",
        _BY_PIP,
        "medium",
    ),
    (_ASKED, "{name} is not installed.", "It stops.", _BY_PIP, "medium"),
)
# CMake's name for what a package of Python brings.
_PACKAGE = (
    r"(?:package configuration file provided by|not providing) \"(?:Find)?(?P<name>Torch|pybind11|nanobind)\b"
)
#: Where packages say that their CMake files are.
_PREFIXES = {
    "torch": "torch.utils.cmake_prefix_path",
    "pybind11": "pybind11.get_cmake_dir()",
    "nanobind": "nanobind.cmake_dir()",
}


def explain(log: BuildLog) -> Iterator[Finding]:
    yield from _absent_module(log)
    yield from _unknown_to_cmake(log)
    for patterns, message, consequence, cure, confidence in _SIGNS:
        hit = log.first(*patterns)
        if hit:
            fix = Fix(cure.format(name=hit["name"].replace(",", "")))
            yield hit.finding(message.format(name=hit["name"]), consequence, fix, confidence)


def _absent_module(log: BuildLog) -> Iterator[Finding]:
    for absent, name in tracebacks.absent_modules(log):
        top = name.partition(".")[0]
        if (
            (name != top and top not in tracebacks.NAMESPACES)
            or _NOT_HERE.match(name)
            or _is_hidden(log, top)
        ):
            continue
        known = compat.is_known(name) or name in tracebacks.OWN
        yield absent.finding(
            f"The Python package with the module {name} is not installed in this interpreter."
            if known
            else f"This interpreter finds no module {name}: the project's own, or of a package that is not installed.",
            "Importing it stops.",
            Fix(_cure(name, known) + (_PYTHON_2 if tracebacks.in_python_2(absent) else "")),
            confidence="medium",
        )
        return


def _cure(module: str, known: bool) -> str:
    if module == "pip":
        return "python -m ensurepip --upgrade, or the distribution's python3-pip, for the interpreter that failed"
    if module in tracebacks.OWN:
        return (
            f"{module} is a part of Python itself: this one was packaged or built without it, or is older than it."
            " Install the rest (apt-get install python3-venv, python3-tk, ...), or use a whole Python (conda's, uv's)"
        )
    return (_BY_PIP if known else _PERHAPS_OWN).format(name=compat.distribution(module) if known else module)


def _unknown_to_cmake(log: BuildLog) -> Iterator[Finding]:
    package = log.first(_PACKAGE)
    if package:
        name = package["name"].lower()
        yield package.finding(
            f"CMake finds no {package['name']}: {name} is not installed here, or CMake is not told of it.",
            "CMake stops at find_package.",
            Fix(
                f"python -m pip install {name}, and configure with -DCMAKE_PREFIX_PATH=$(python -c 'import {name};"
                f" print({_PREFIXES[name]})')"
            ),
            confidence="medium",
        )


def _is_hidden(log: BuildLog, top: str) -> bool:
    """Whether it may be installed and only an isolated build does not see it: build-isolation-hides-torch."""
    if top not in compat.IMPORTED_BY_SETUP or log.has(r"--no-build-isolation", r"--no-isolation"):
        return False
    by_pip = log.has(r"\bpip3? install ") and not log.has(
        r"\(setup\.py\)|setup\.py egg_info|^[^\S\n]*File \""
    )
    return (by_pip and top == "torch") or told.isolated(log)


def judge(finding: Finding, packages: Packages, python: Python) -> Optional[Here]:
    said = (
        re.search(r"No module named '?([\w.]+)", piece.text.replace('"', "'")) for piece in finding.evidence
    )
    module = next((found[1].rstrip(".") for found in said if found), None)
    if module is None or module.partition(".")[0] in tracebacks.OWN:
        return None
    name = canonicalize_name(compat.distribution(module))
    version = packages.version(name)
    if version is not None:
        return Here("contradicted", f"{name} {version} is installed for {python.executable}")
    return Here("confirmed", f"nothing named {name} is installed for {python.executable}")
