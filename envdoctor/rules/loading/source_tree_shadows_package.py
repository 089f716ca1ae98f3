"""The project's folder holds a package of the same name as an installed one, without its compiled modules.

## What it means

Python puts the folder of the script, or the working folder for `python -c`, `-m` and in a notebook, first on its
path. A file of one's own with a package's name (`torch.py`) is then imported in its place: "partially initialized
module 'torch' has no attribute 'nn'", "'torch' is not a package". In a checkout it then imports the checkout's
package, in which nothing was compiled, in place of the installed one: "No module named 'vllm._C'", "cannot import
name … (unknown location)".

## How envdoctor knows

A top-level package of the tree has no compiled module, and an installed package of that name has some.

In a log, the words of numpy, scipy, pandas and torch count when they are imported from their own sources, and a
traceback in which a file of one's own stands in for a package.

## What to do

Run from another folder, or install the checkout itself in place: `pip install --no-build-isolation -e .`.

## When to ignore it

When you never start Python in this folder.
"""

import posixpath
import re
from typing import Iterator, Optional

from envdoctor import compat
from envdoctor.facts import CompiledModules, Project, Python
from envdoctor.finding import Evidence, Finding, Fix, Location, Severity
from envdoctor.log import BuildLog, Hit
from envdoctor.messages import tracebacks

SEVERITY = Severity.WARNING


def check(project: Project, modules: CompiledModules, python: Python) -> Iterator[Finding]:
    for name in project.packages:
        module = _installed(name, modules, python)
        if module is not None:
            yield Finding(
                message=f"This project's folder {name} hides the installed {name} and has no compiled modules.",
                consequence=f"Python started in {project.root} imports the sources and misses the compiled part.",
                evidence=(
                    Evidence(f"{project.root}/{name}", "no compiled module in it"),
                    Evidence(module, "installed"),
                ),
                fix=Fix(
                    "Run from another folder, or install this checkout in place (pip install --no-build-isolation -e .)"
                ),
                location=Location(f"{name}/__init__.py"),
            )


def _installed(name: str, modules: CompiledModules, python: Python) -> Optional[str]:
    """A compiled module of the installed package; one inside the project's own tree would be listed otherwise."""
    folders = tuple(f"{site}/{name}/" for site in python.site_packages)
    return next((module.path for module in modules.items if module.path.startswith(folders)), None)


# Source: numpy's, scipy's, pandas' and scikit-learn's __init__.py and torch's, of being imported from their sources.
_TOLD = (
    r"you should not try to import (?P<name>numpy) from its source directory",
    r"you cannot import (?P<name>SciPy) while being in scipy source directory",
    r"loaded the 'torch/_C' folder of the (?P<name>PyTorch) repository",
    r"If you want to import (?P<name>pandas) from the source directory",
    r"C extension: \S+ not built\. If you want to import (?P<name>pandas)",
    r"It seems that (?P<name>scikit-learn) has not been built correctly",
)
_NAME = (
    (
        r"cannot import name '?(?P<module>\w+)'? from (?:partially initialized module )?'(?P<name>[\w.]+)'"
        r"(?: \(most likely due to a circular import\))? \((?P<file>[^)\n]+)\)"
    ),
    r"^(?:ImportError: )?cannot import name '?(?P<module>_\w+)'?(?P<name>)(?P<file>)\s*$",
    r"ImportError: cannot import name '?(?P<module>_\w+)'?(?P<name>)(?P<file>)\s*$",
)
# CPython, of a module that another one of its name hides: 3.13 names the file.
_HIDDEN = (
    r"partially initialized module '(?P<name>\w+)'(?: from '(?P<file>[^'\n]+)')? has no attribute '\w+'",
    r"Error: module '(?P<name>\w+)' has no attribute '(?P<what>\w+)'(?: \(consider renaming '(?P<file>[^'\n]+)')?",
    (
        r"cannot import name '?\w+'? from (?:partially initialized module )?'(?P<name>\w+)'"
        r"(?: \(most likely due to a circular import\))? \((?:consider renaming ')?(?P<file>[^)'\n]+)"
    ),
    r"No module named '(?P<name>\w+)\.[\w.]+'; '\w+' is (?P<single>not a package)",
)
# Python 2 names a compiled module without its package; Python's own have such names too.
_BARE = r"_(?!ctypes|sqlite3|bz2|lzma|ssl|hashlib|tkinter|curses|dbm|gdbm|uuid|locale|winapi|posixsubprocess)[a-z]\w*$"
_INSTALLED_OR_OWN = r"(?:site|dist)-packages/|/lib/python\d"


def explain(log: BuildLog) -> Iterator[Finding]:
    hit = log.first(*_TOLD)
    # numpy says it of every import of its own that fails.
    if hit and not (hit["name"] == "numpy" and log.has(r"(?:site|dist)-packages[/\\]numpy[/\\]")):
        yield _finding(hit, hit["name"], "high")
    yield from _hidden(log)
    for absent, name in tracebacks.absent_modules(log):
        package, _, module = name.rpartition(".")
        if (
            package
            and not tracebacks.is_no_package(absent)
            and tracebacks.COMPILED.match(module)
            and not package.startswith(("numpy", "setuptools", "pip"))
        ):
            inside = tracebacks.INSTALLED.search(tracebacks.asking(log, absent))
            yield _finding(absent, package.partition(".")[0], "medium" if inside else "high")
            break
    for absent, name in tracebacks.absent_modules(log):
        asking = tracebacks.asking(log, absent)
        if re.match(_BARE, name) and "/" in asking and not re.search(_INSTALLED_OR_OWN, asking):
            yield _finding(absent, posixpath.basename(posixpath.dirname(asking)), "medium")
            break
    for missing in log.search(*_NAME):
        confidence = _confidence(log, missing)
        if confidence:
            yield _finding(missing, missing["name"].partition(".")[0] or "the package", confidence)
            break


def _hidden(log: BuildLog) -> Iterator[Finding]:
    """A package of others, or a module of Python's, in whose place the project's own file is imported."""
    for hit in log.search(*_HIDDEN):
        name = hit["name"]
        file = tracebacks.hiding(log, hit, name)
        others = compat.is_known(name) or name in tracebacks.OWN
        if hit["single"] or (others and file) or f"{name}.{hit['what']}" in tracebacks.ALWAYS_THERE:
            yield hit.finding(
                f"{file} hides {name}: it is imported in its place."
                if file
                else f"Another file or folder named {name} is imported in place of {name}.",
                "The folder of the program that runs comes first on Python's path.",
                Fix(
                    f"Rename {file} and remove what was compiled of it (__pycache__), or run from another folder"
                    if file
                    else f"python -c 'import {name}; print({name})' in that folder tells which it is: rename a file of"
                    f" your own; where only an empty folder is left, install {name} again"
                ),
                confidence="high" if file else "medium",
            )
            return


def _confidence(log: BuildLog, hit: Hit) -> str:
    """Empty where it is no sign: a name that an installed package does not have is a matter of versions."""
    compiled = tracebacks.COMPILED.match(hit["module"]) is not None
    if hit["file"] == "unknown location":
        return "high" if compiled else "medium"
    file = hit["file"] or tracebacks.asking(log, hit)
    if not compiled or tracebacks.INSTALLED.search(file) or file.endswith((".so", ".pyd")):
        return ""
    return "high" if hit["file"] else "medium"


def _finding(hit: Hit, name: str, confidence: str) -> Finding:
    return hit.finding(
        f"Python imports {name} from a source tree or folder without its compiled modules.",
        "The compiled part is not found, although the package may be installed.",
        Fix(
            f"Run from another folder, so that the installed {name} is imported (python -c 'import {name};"
            f" print({name}.__file__)' tells which one is), or build this checkout in place: pip install"
            " --no-build-isolation -e ."
        ),
        confidence=confidence,
    )
