"""Installed packages ask for other versions of each other than are installed.

## What it means

A package's metadata names the versions of others that it works with. pip lets an environment get out of step
(separate `pip install` commands, `--no-deps`, conda and pip mixed), and the misfit shows later as a missing name or
argument, or as a failing import.

## How envdoctor knows

The requirements in the installed packages' metadata, with their markers evaluated for the examined interpreter, are
compared with the versions that are installed. Extras, packages that are not installed, vendors' builds of torch of
the right release, and versions "0.0.0" (unknown) are left out.

In a log, the words of pip's resolver, conda, poetry and pkg_resources count, and names and arguments that one
package expects of another in vain.

## What to do

Install versions that fit together in one command: pip then looks at them all (`pip check` prints the same list).

## When to ignore it

When the combination is known to work although the metadata does not say so.
"""

import re
from typing import Dict, Iterator, List, Tuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envdoctor import installing, requirements
from envdoctor.facts import Package, Packages, Python
from envdoctor.finding import Evidence, Finding, Fix, Severity
from envdoctor.log import BuildLog, Hit
from envdoctor.messages import tracebacks

SEVERITY = Severity.WARNING

Misfit = Tuple[Package, Requirement]


def check(packages: Packages, python: Python) -> Iterator[Finding]:
    misfits: Dict[str, List[Misfit]] = {}
    for package in _in_use(packages):
        for name, requirement in _unmet(package, packages, python):
            misfits.setdefault(name, []).append((package, requirement))
    for name, found in misfits.items():
        yield _finding(name, packages.version(name) or "", found, python)


def _unmet(package: Package, packages: Packages, python: Python) -> Iterator[Tuple[str, Requirement]]:
    for text in package.requires:
        name = _name(text)
        version = packages.version(name)
        if version is None:
            continue  # most are of extras: not worth parsing
        if name == "numpy" and requirements.built_for_numpy_1(package) and not version.startswith("1."):
            continue  # numpy-abi-mismatch
        requirement = requirements.parse(text)
        if requirement is None or _fits(requirement, version):
            continue
        if requirements.applies(requirement, python):
            yield name, requirement


def _name(requirement: str) -> str:
    """Source: PEP 508, names."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    return str(canonicalize_name(found[0])) if found else ""


def _in_use(packages: Packages) -> Iterator[Package]:
    """The first of each name: a later copy is not imported."""
    return (package for package in packages.items if packages.get(package.name) is package)


def _fits(requirement: Requirement, version: str) -> bool:
    try:
        installed = Version(version)
    except InvalidVersion:
        return True
    if not installed.release or not any(installed.release):
        return True  # 0.0.0: built without its version
    if requirement.specifier.contains(installed, prereleases=True):
        return True
    # A vendor's build of a release under way (2.1.0a0+32f93b1) stands for that release.
    return bool(installed.pre and installed.local) and requirement.specifier.contains(installed.base_version)


def _finding(name: str, version: str, found: List[Misfit], python: Python) -> Finding:
    askers = ", ".join(f"{package.name} {package.version}" for package, _ in found)
    wanted = " ".join((f'"{name}{_bounds(found)}"', *(package.name for package, _ in found)))
    return Finding(
        message=f"{name} {version} is installed, and {askers} ask{'s' if len(found) == 1 else ''} for another version.",
        consequence="They may fail together: missing names, arguments or symbols.",
        evidence=tuple(
            Evidence(package.location, f"{package.name} {package.version} requires {r}")
            for package, r in found
        ),
        fix=Fix(
            "Install versions that fit, in one command",
            (installing.by_pip(python, wanted),),
        ),
    )


def _bounds(found: List[Misfit]) -> str:
    """All bounds on one package together."""
    return ",".join(sorted({str(bound) for _, requirement in found for bound in requirement.specifier}))


# Source: pip's resolver (20.3 and newer) and check, pkg_resources, transformers' versions.py, conda and libmamba,
# poetry, torchvision's extension.py, numpy 2's __getattr__.
_TOLD = (
    r"Cannot install (?P<who>[^\n]{1,200}) because these package versions have conflicting dependencies",
    r"ResolutionImpossible",
    r"(?:Contextual)?VersionConflict: \(?(?P<who>[^\n]{1,200})",
    r"(?<!\S)(?P<who>\S{1,120}) is required for a normal functioning of this module, but found \S+",
    r"operator torchvision::\w+ does not exist",
    r"PyTorch and torchvision versions are incompatible",
    r"'np\.\w+' was removed in the NumPy 2\.0 release",
    r"module 'numpy' has no attribute '(?:float|int|bool|object|complex|str|long|typeDict|product|in1d|cumproduct)_?'",
    (
        r"No module named '?(?P<who>torch\._six|numpy\._core(?:\.multiarray)?'?$"
        r"|torchvision\.transforms\.functional_tensor)"
    ),
    r"(?:LibMambaUnsatisfiableError|UnsatisfiableError: The following specifications)",
    r"package (?P<who>\S+) requires \S[^\n]{0,80}, but none of the providers can be installed",
)
_UNSOLVED = r"No solution found when resolving|version solving failed"
#: What else leaves no solution: nothing that fits this interpreter or platform, or nothing at all.
_ELSE = r"no wheels|are no versions|only the following versions|[Pp]ython(?:[><=!]| range| version)|was not found in"
# The two halves of one package: Python files and operators that were compiled of another state.
_HALVES = (
    r"'_OpNamespace' '(?P<who>\w+)' object has no attribute '\w+'",
    r"No such operator (?P<who>\w+)::\w+",
    r"[Oo]perator (?P<who>(?!aten|prim)\w+)::\w+ does not exist",
)
_NAME = (
    (
        r"cannot import name '?(?P<what>\w+)'? from (?P<part>partially initialized module )?'(?P<who>[\w.]+)'"
        r"(?: \(most likely due to a circular import\))?(?: \((?P<file>[^)\n]+)\))?"
    ),
    r"(?P<part>partially initialized) module '(?P<who>[\w.]+)' has no attribute '(?P<what>\w+)'(?P<file>)",
    r"AttributeError: module '(?P<who>[\w.]+)' has no attribute '(?P<what>\w+)'(?P<part>)(?P<file>)",
)
_ARGUMENT = (
    r"TypeError: (?P<who>[\w.<>]+)\(\) got an unexpected keyword argument '(?P<what>\w+)'",
    r"TypeError: (?P<who>[\w.<>]+)\(\) missing \d+ required (?:positional|keyword-only) arguments?: (?P<what>'\w+')",
)
#: Other rules' matter: setuptools and its parts.
_NOT_HERE = re.compile(r"(?:pkg_resources|distutils|setuptools|pip|packaging|__main__)(?:\.|$)")


def explain(log: BuildLog) -> Iterator[Finding]:
    told, unsolved, halves = log.first(*_TOLD), log.first(_UNSOLVED), log.first(*_HALVES)
    if told:
        of_whom = f": {told['who']}" if told["who"] else ""
        yield _misfit(told, f"Packages ask for versions of each other that do not fit{of_whom}.", "high")
    if unsolved:
        confidence = "low" if log.has(_ELSE) else "medium"
        yield _misfit(unsolved, "No set of versions satisfies all requirements.", confidence)
    if halves:
        text = f"The compiled part of {halves['who']} is not of the release of its Python files."
        yield _misfit(halves, text, "medium")
    yield from _absent_name(log)
    yield from _absent_module(log)
    yield from _other_arguments(log)


def _absent_name(log: BuildLog) -> Iterator[Finding]:
    for hit in log.search(*_NAME):
        confidence = _confidence(log, hit)
        if confidence:
            text = f"The installed {hit['who'].partition('.')[0]} has no {hit['who']}.{hit['what']}."
            yield _misfit(hit, text, confidence)
            return


def _absent_module(log: BuildLog) -> Iterator[Finding]:
    absent = tracebacks.absent_modules(log)
    parts = (
        (hit, module) for hit, module in absent if _is_part(module) and not tracebacks.is_no_package(hit)
    )
    for hit, module in parts:
        yield _misfit(hit, f"The installed {module.partition('.')[0]} has no module {module}.", "medium")
        return


def _other_arguments(log: BuildLog) -> Iterator[Finding]:
    """Calls from an installed package, of a function that takes other arguments."""
    for hit in log.search(*_ARGUMENT):
        if tracebacks.INSTALLED.search(tracebacks.asking(log, hit)):
            arguments = f"other arguments than the installed version takes ({hit['what']})"
            yield _misfit(hit, f"{hit['who']}() is called with {arguments}.", "medium")
            return


def _confidence(log: BuildLog, hit: Hit) -> str:
    """Empty where it is no sign. A name may be missing in the program's own files as well: its own mistake."""
    file = hit["file"] or tracebacks.asking(log, hit)
    compiled = tracebacks.COMPILED.match(hit["what"]) and not hit["file"].endswith(".py")
    top = hit["who"].partition(".")[0]
    if (
        top in tracebacks.OWN
        or _NOT_HERE.match(hit["who"])
        or hit["file"] == "unknown location"
        or ".egg" in hit["file"]
        or compiled
        or tracebacks.hiding(log, hit, top)
        or (not hit["part"] and f"{top}.{hit['what']}" in tracebacks.ALWAYS_THERE)
    ):
        return ""
    if hit["part"]:
        return "medium" if tracebacks.INSTALLED.search(file) else "low"
    known = top in ("torch", "numpy", "transformers", "huggingface_hub", "triton", "torchvision")
    return "medium" if known or tracebacks.INSTALLED.search(file) else "low"


def _is_part(module: str) -> bool:
    """A module of a package that is there, by its name no compiled one."""
    top, _, rest = module.partition(".")
    return (
        bool(rest)
        and top not in tracebacks.NAMESPACES
        and not _NOT_HERE.match(module)
        and not tracebacks.COMPILED.match(module.rpartition(".")[2])
    )


def _misfit(hit: Hit, message: str, confidence: str) -> Finding:
    return hit.finding(
        message,
        "It is of another release than the one that asks expects.",
        Fix(
            "Install both in one command with the versions that the asking project states (its requirements.txt or"
            " pyproject.toml): python -m pip install 'a==...' 'b==...'; python -m pip check lists what does not fit"
        ),
        confidence=confidence,
    )
