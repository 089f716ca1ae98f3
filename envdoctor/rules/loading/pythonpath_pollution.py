"""PYTHONPATH brings packages of another Python.

## What it means

Folders of PYTHONPATH come before the environment's own packages. When one of them is another interpreter's
site-packages (left by a module system, an IDE, ROS or an old installation), its compiled modules do not load in
this Python, and its pure ones replace the environment's in other versions.

## How envdoctor knows

A folder of PYTHONPATH names another Python version than the examined one's, or holds packages that the environment
has in another version.

In a log, folders of packages in a traceback count that are another Python's than the one that runs.

## What to do

The cure that `envdoctor check` prints takes these folders out of PYTHONPATH. For good, remove the line that
exports it.

## When to ignore it

When the folder is meant to come first, and you know what it replaces.
"""

import posixpath
import re
from typing import Iterator, List, Optional, Tuple

from envdoctor.facts import Environment, Package, Packages, Python
from envdoctor.finding import Evidence, Finding, Fix, SetEnv, Severity
from envdoctor.log import BuildLog, Hit

SEVERITY = Severity.ERROR

_SITE = re.compile(r"/python(\d+)\.(\d+)/(?:site|dist)-packages/*$")


def check(environment: Environment, python: Python, packages: Optional[Packages]) -> Iterator[Finding]:
    folders = environment.folders("PYTHONPATH")
    for folder in folders:
        version = _version(folder)
        replaced = _replaced(folder, packages)
        other = version is not None and version != python.minor
        if not other and not replaced:
            continue
        whose = "Python {}.{}".format(*version) if version and other else "another installation"
        yield Finding(
            message=f"PYTHONPATH puts {folder}, of {whose}, before the packages of Python {python.version}.",
            consequence="Compiled modules from there do not load, and others replace the environment's."
            if other
            else "They replace the environment's versions.",
            evidence=(
                Evidence("PYTHONPATH", ":".join(folders)),
                *(
                    Evidence(
                        there.location, f"{there.name} {there.version}; the environment has {own.version}"
                    )
                    for there, own in replaced[:5]
                ),
            ),
            fix=_fix(environment, python),
            severity=Severity.ERROR if other and replaced else Severity.WARNING,
        )


def _version(folder: str) -> Optional[Tuple[int, int]]:
    """The Python whose site-packages a folder is, by its path."""
    found = _SITE.search(folder)
    return (int(found.group(1)), int(found.group(2))) if found else None


def _replaced(folder: str, packages: Optional[Packages]) -> List[Tuple[Package, Package]]:
    """Packages in the folder that the environment has too, in another version."""
    items = packages.items if packages else ()
    there = [
        package for package in items if posixpath.dirname(package.location) == posixpath.normpath(folder)
    ]
    own = {package.name: package for package in items if package not in there}
    return [
        (package, own[package.name])
        for package in there
        if package.name in own and package.version != own[package.name].version
    ]


def _fix(environment: Environment, python: Python) -> Fix:
    kept = [
        folder for folder in environment.folders("PYTHONPATH") if _version(folder) in (None, python.minor)
    ]
    if len(kept) == len(environment.folders("PYTHONPATH")):
        return Fix("Take the folder out of PYTHONPATH, or the packages out of the folder")
    return Fix(
        "Take the other Python's folders out of PYTHONPATH", (SetEnv("PYTHONPATH", ":".join(kept) or None),)
    )


# A frame or message with the folder of a Python's packages, on Linux, macOS and Windows.
_PLACE = (
    (
        r"File \"[^\"\n]{0,200}[/\\][Pp]ython(?P<version>\d\.?\d+)[/\\](?:[Ll]ib[/\\])?"
        r"(?P<site>site-packages|dist-packages)?[^\"\n]*\""
    ),
    r"^\S{0,200}/python(?P<version>\d\.\d+)/(?P<site>site-packages|dist-packages)?\S* in ",
)
# The interpreter's banner, and numpy's message of what it runs in, below its own frames. Source: CPython's main.c,
# numpy/_core/__init__.py.
_BANNER = r"^Python (?P<version>\d\.\d+)\.\d+\w*\+? (?:\||\(|\[)"
_NUMPY = r"The Python version is: Python(?P<version>\d\.\d+) from"
# numpy's own look into its folder: what was compiled there, and for which Python.
_FOREIGN = (
    (
        r"compiled module files exist, but seem incompatible (?:with )*either python 'cpython-(?P<version>\d+)' or the"
        r" platform '[^'\n]*': (?:\* [^\n]+\n\s*){0,9}?\* \S+\.(?:cpython-|cp)(?P<other>\d+)-\S*"
    ),
)
# Source: CPython's import.c and dynload_shlib.c, sre_compile.py, fs codec at start, python3x.dll's check.
_TOLD = (
    r"AssertionError: SRE module mismatch",
    r"dynamic module does not define (?:module export function \(PyInit_\w+\)|init function \(init\w+\))",
    r"Module use of python\d+\.dll conflicts with this version of Python",
    r"(?:init_?fs_?encoding|initfsencoding|Py_Initialize): [^\n]{0,120}(?:file\s?system codec|encoding)",
    r"No module named '?(?:encodings|site)'?\s*$",
    r"bad magic number in '[\w.]+'",
    (
        r"undefined symbol: (?:PyFPE_jbuf|PyUnicodeUCS\d_\w+|PyString_\w+|PyInt_\w+|PyCObject_\w+"
        r"|_Py_ZeroStruct|PyClass_Type)"
    ),
)
#: Lines between two frames of one traceback, and between one and what is said of the interpreter.
NEAR, ABOUT = 8, 30


def explain(log: BuildLog) -> Iterator[Finding]:
    mixed = _mixed(log)
    if mixed:
        first, second = mixed
        yield second.finding(
            f"Python {first['version']} imports packages of Python {second['version']}.",
            "Its compiled modules do not load, and its sources may be of another language version.",
            _FIX,
            because=(first,),
        )
    foreign = next((hit for hit in log.search(*_FOREIGN) if hit["version"] != hit["other"]), None)
    if foreign and not mixed:
        running, built = (f"{hit[0]}.{hit[1:]}" for hit in (foreign["version"], foreign["other"]))
        yield foreign.finding(
            f"Python {running} imports packages of Python {built}.",
            "Its compiled modules do not load.",
            _FIX,
        )
    hit = log.first(*_TOLD)
    if hit:
        yield hit.finding(
            "A module that is imported belongs to another Python than the one that runs.",
            "It does not load.",
            _FIX,
            confidence="medium",
        )


def _mixed(log: BuildLog) -> Optional[Tuple[Hit, Hit]]:
    """What tells the interpreter, and a frame of the same traceback with the packages of another version."""
    numpy, frames = log.first(_NUMPY), list(log.search(*_PLACE))
    above = [hit for hit in frames if numpy and hit["site"] and 0 < numpy.line - hit.line < ABOUT]
    if numpy and above and _differ(numpy, above[-1]):
        return numpy, above[-1]
    running = log.first(_BANNER)
    near = ABOUT
    for hit in frames:
        if running and hit["site"] and 0 <= hit.line - running.line < near and _differ(running, hit):
            return running, hit
        if running is None or hit.line > running.line:
            running, near = hit, NEAR
    return None


def _differ(first: Hit, second: Hit) -> bool:
    return _minor(first) != _minor(second)


def _minor(hit: Hit) -> str:
    return hit["version"].replace(".", "")  # Windows' folders have no dot


_FIX = Fix(
    "unset PYTHONPATH and PYTHONHOME for this command (env -u PYTHONPATH python ...), and remove the line that exports"
    " them (module system, ROS's setup.bash, IDE); python -c 'import sys; print(sys.path)' shows what is left. Where"
    " that is the environment's own folder, another Python filled it: make the environment anew"
)
