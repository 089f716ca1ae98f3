"""The build needs torch, and pip's isolated build environment hides the one that is installed.

## What it means

For a project with a `[build-system]` table (and, from pip 25.3 on, for every project) pip builds in an environment of
its own that holds the declared build requirements and nothing else. A `setup.py` that imports torch ends there with
`ModuleNotFoundError: No module named 'torch'`, however well torch is installed.

## How envdoctor knows

`setup.py`, or a build backend of the project's own, read as syntax, imports torch; the build requirements do not name
it; nothing switches isolation off. Where they do name it, without pinning it to one version, and another torch is
installed with all that is asked for, this is a warning: the build gets a second torch. The same as of torch is said of
numpy and a few more packages that setup scripts import, where they are installed and no build requirement brings them.

In a log, `No module named 'torch'` and what uv and setup scripts say of the same count; how surely depends on
whether the log shows an isolated build.

## What to do

Build without isolation: `pip install --no-build-isolation .`, or `PIP_NO_BUILD_ISOLATION=0` in the environment (pip's
option is inverted: 0 switches isolation off). The build requirements must then be installed beside torch. Naming torch
in `build-system.requires` also ends the error, but makes pip fetch a second torch, perhaps one for another CUDA.

## When to ignore it

When the project is only ever built by `python setup.py ...`, which knows no isolation.
"""

import re
from typing import Iterator, Optional, Set, Tuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from envdoctor import compat, installing
from envdoctor.facts import Configuration, Environment, Located, Packages, Project, Python, Request
from envdoctor.finding import Evidence, Finding, Fix, Location, Severity, Step
from envdoctor.isolation import SWITCH_OFF, build_requirements, isolated, names, requires, switched_off
from envdoctor.log import BuildLog, Hit, told
from envdoctor.requirements import installed, parse, release_of

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")

# setuptools' news: from 80 on `develop` is a call of pip, with isolation.
DEVELOP_BY_PIP = Version("80")
DEVELOPS = re.compile(
    r"setup\.py\b[^\n;&|]*\sdevelop\b|\bpip\b[^\n;&|]*\sinstall\b[^\n;&|]*\s(?:-e|--editable)\b"
)


def check(
    request: Request,
    project: Project,
    packages: Packages,
    python: Python,
    environment: Environment,
    configuration: Optional[Configuration],
) -> Iterator[Finding]:
    imports = (*project.backend_imports, *(project.setup.imports if project.setup else ()))
    if not isolated(project, packages, environment, configuration):
        if DEVELOPS.search(request.command) and not switched_off(environment, configuration):
            yield from _by_develop(project, packages)
        return
    named = requires(project, "torch")
    if named:
        yield from _second_torch(named, project, packages)
    torch = next((line for line in imports if line.text.split(".")[0] == "torch"), None)
    if torch is None or named:
        yield from _another(project, packages, python, imports)
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


def _by_develop(project: Project, packages: Packages) -> Iterator[Finding]:
    """A way of installing that comes to pip after all."""
    imports = project.setup.imports if project.setup and "setup.py" in project.builds else ()
    torch = next((line for line in imports if line.text.split(".")[0] == "torch"), None)
    setuptools = release_of(packages.version("setuptools"))
    if torch is None or setuptools is None or setuptools < DEVELOP_BY_PIP:
        return
    yield Finding(
        message=f"develop, and pip install -e through it, is one more call of pip in setuptools {setuptools}.",
        consequence="That pip isolates the build, whatever the first was told: No module named 'torch'.",
        evidence=(Evidence(torch.place, f"import {torch.text}"), Evidence("setuptools", str(setuptools))),
        fix=Fix("Switch isolation off for every pip", (SWITCH_OFF,)),
        location=Location(torch.file, torch.line),
        severity=Severity.WARNING,
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
            (SWITCH_OFF,),
        ),
        location=Location(named.file, named.line),
        severity=Severity.WARNING,
    )


def _another(
    project: Project,
    packages: Packages,
    python: Python,
    imports: Tuple[Located, ...],
) -> Iterator[Finding]:
    """Another package that is installed here, is imported, and that nothing brings into the isolated environment."""
    wanted = build_requirements(project)
    brought = _brought(wanted, packages)
    for line in imports:
        module = line.text.split(".")[0]
        name = compat.IMPORTED_BY_SETUP.get(module)
        # setuptools itself asks for wheel, and newer releases of wheel for packaging.
        given = name in ("wheel", "packaging") or name in brought
        if name is None or given or packages.version(name) is None:
            continue
        missing = tuple(r for r in wanted if not installed(r, packages))
        yield Finding(
            message=f"{line.file} imports {module}, and {name} is not among the build requirements.",
            consequence=f"pip builds in an isolated environment without it: No module named '{module}'.",
            evidence=(
                Evidence(line.place, f"import {line.text}"),
                Evidence("build requirements", ", ".join(map(str, wanted)) or "none"),
                Evidence("installed", f"{name} {packages.version(name)}"),
            ),
            fix=Fix(
                f"Build without isolation, so that the installed {name} is used", _steps(missing, python)
            ),
            location=Location(line.file, line.line),
        )
        return


def _brought(wanted: Tuple[Requirement, ...], packages: Packages) -> Set[str]:
    """What the build requirements bring, as far as those that are installed here tell what they require."""
    found: Set[str] = set()
    waiting = [canonicalize_name(requirement.name) for requirement in wanted]
    while waiting:
        name = waiting.pop()
        package = packages.get(name)
        if name not in found and package is not None:
            inner = (parse(text) for text in package.requires)
            waiting.extend(canonicalize_name(r.name) for r in inner if r and "extra" not in str(r.marker))
        found.add(name)
    return found


def _steps(missing: Tuple[Requirement, ...], python: Python) -> Tuple[Step, ...]:
    return (installing.by_pip(python, names(missing)), SWITCH_OFF) if missing else (SWITCH_OFF,)


# Source: Python's import system; uv's hint in uv-build-frontend/src/error.rs.
_UNSEEN = (
    r"No module named '?(?P<name>torch)(?:\.[\w.]+)?'?(?![\w-])",
    r"(?:Error|ERROR).{0,200}(?:PyTorch|torch) (?:is not|must be|needs to be) installed(?P<name>)",
    r"Unable to pre-compile ops without torch installed(?P<name>)",
)
_UNDECLARED = r"depends on '?(?P<name>[\w.-]+)'?, but doesn't declare it as a build dependency"
_INSTALLS = (
    r"\b(?:pip3?|uv|poetry|pdm|pipenv|pixi|conda env)(?:\.exe)? (?:\w+ )?(?:install|sync|add|wheel|lock|create)\b",
    r"(?:Building wheel|Preparing metadata|Getting requirements)",
    r"[Ff]ailed to (?:build|download and build)|[Ff]ailed building|[Bb]uild backend|build_meta",
    r"subprocess-exited-with-error|\[end of output\]|[Pp]ip subprocess error",
)
_SWITCHED_OFF = (
    r"(?:install|wheel|sync|build)[^\n']*--no-build-isolation|PIP_NO_BUILD_ISOLATION=(?:0|[Ff]alse)"
)
# A program that runs, or a build without isolation: torch is simply not installed.
_RUNS = (
    r"egg_info|\(setup\.py\)",
    r"File '?\"(?!<)[^\"\n]*(?<!setup)\.py\"[^\n]*(?:\n[^\n]*){1,2}Error: No module named 'torch",
)
# A second torch of the build's own, at work.
_SECOND = (
    r"pip-build-env-\w+[/\\].*[/\\]torch[/\\](?!utils[/\\]cpp_extension|include)[\w/\\]+\.py",
    r"(?:uv|\.cache)[/\\](?:builds-v\d|\.tmp)[\w./\\-]*[/\\]torch[/\\](?!utils[/\\]cpp_extension|include)[\w/\\]+\.py",
)
_NOT_RIGHT = (
    r"Unknown runtime environment|CUDA_HOME is not set|is_available\(\)|CPU-only|torch\.version\.cuda",
)
_TITLE = (
    "Install torch and the other build requirements first, then build with --no-build-isolation"
    " (uv: no-build-isolation-package; elsewhere: PIP_NO_BUILD_ISOLATION=0)"
)


def explain(log: BuildLog) -> Iterator[Finding]:
    isolated = told.isolated(log) or log.has(r"build backend returned an error|build\.meta|uv[/\\]builds-v\d")
    off = log.has(_SWITCHED_OFF)
    undeclared, unseen = log.first(_UNDECLARED), log.first(*_UNSEEN)
    if undeclared and undeclared["name"] in ("torch", "numpy"):
        yield _unseen(undeclared, "high")
    elif unseen and isolated and not off:
        yield _unseen(unseen, "high")
    elif unseen and log.has(*_INSTALLS) and not off and not log.has(*_RUNS):
        yield _unseen(unseen, "medium")
    elif isolated and not off:
        yield from _others(log)


def _unseen(hit: Hit, confidence: str) -> Finding:
    return hit.finding(
        f"The build imports {hit['name'] or 'torch'}, and pip builds it in an isolated environment without it.",
        f"However well {hit['name'] or 'torch'} is installed, this build does not see it.",
        Fix(_TITLE),
        confidence,
    )


def _others(log: BuildLog) -> Iterator[Finding]:
    """A second torch, or another package that setup.py imports."""
    second, wrong = log.first(*_SECOND), log.first(*_NOT_RIGHT)
    if second and wrong:
        yield second.finding(
            "The isolated build has a torch of its own, not the installed one.",
            "That torch may be of another version or without CUDA, and the build decides by it.",
            Fix(_TITLE),
            "medium",
            because=(wrong,),
        )
    modules = "|".join(map(re.escape, compat.IMPORTED_BY_SETUP))
    another = log.first(rf"No module named '?(?P<name>{modules})'?(?![\w-])")
    if another and another["name"] not in ("setuptools", "pkg_resources", "torch"):
        yield _unseen(another, "medium")
