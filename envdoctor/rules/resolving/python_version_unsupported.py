"""The interpreter is outside what the project supports.

## What it means

`requires-python` is checked by pip before anything is built: `Package requires a different Python: 3.8.18 not in
'>=3.9'`. Other build tools do not check it and fail later, in syntax or imports that the interpreter does not know.

## How envdoctor knows

`requires-python` (or `python_requires` of setup.py) is compared with the version of the examined interpreter.

In a log, pip's, uv's and setup scripts' words of the Python that is asked for count, and syntax and modules that
only other releases have.

## What to do

Use an interpreter that fits; those on PATH that do are named.

## When to ignore it

When the bound is known to be too strict and pip is called with `--ignore-requires-python`.
"""

import re
import shlex
from typing import Iterator, Optional

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from envdoctor.facts import Interpreters, Project, Python
from envdoctor.finding import Evidence, Finding, Fix, Location, Run, Severity
from envdoctor.log import BuildLog, Hit
from envdoctor.messages import unfound

SEVERITY = Severity.ERROR


def check(project: Project, python: Python, interpreters: Optional[Interpreters]) -> Iterator[Finding]:
    line = project.requires_python
    if line is None:
        return
    try:
        wanted = SpecifierSet(line.text)
    except InvalidSpecifier:
        return  # pip's own error names it better
    if wanted.contains(python.version, prereleases=True):
        return
    found = interpreters.pythons if interpreters else ()
    fitting = next((p for p in found if p.version and wanted.contains(p.version, prereleases=True)), None)
    yield Finding(
        message=f"{line.place} asks for Python {line.text}; {python.executable} is {python.version}.",
        consequence="pip refuses: Package requires a different Python.",
        evidence=(
            Evidence(line.place, f"requires-python {line.text}"),
            Evidence(python.executable, python.version),
        ),
        fix=_fix(line.text, fitting.path if fitting else None),
        location=Location(line.file, line.line),
    )


def _fix(wanted: str, path: Optional[str]) -> Fix:
    if path is None:
        return Fix(f"Use a Python {wanted}; none was found on PATH")
    return Fix(
        f"Use {path}, which fits", (Run(f"{shlex.quote(path)} -m venv .venv && . .venv/bin/activate"),)
    )


# Source: pip of all versions, uv, poetry, conda, setuptools, PyO3, torch's dynamo, numba, numpy, scipy.
_IS = r"(?P<running>[<>=]*\d[\w.,<>=*]*)"
_WANTS = r"(?P<asked>[\^<>=!~]*\d[\w.,<>=!~*]*)"
_SAID = (
    rf"Python version \({_IS}\) is not one of the supported versions: (?P<asked>[\d.;]+)",
    rf"Package '[^'\n]+' requires a different Python: {_IS} not in '(?P<asked>[^'\n]+)'",
    rf"\brequires Python '(?P<asked>[^'\n]+)' but the running Python is {_IS}",
    rf"(?:current|requested) Python version \({_IS}\) does not satisfy Python{_WANTS}",
    rf"Current Python version \({_IS}\) is not allowed by the project \((?P<asked>[^)\n]+)\)",
    rf"currently activated Python version {_IS} is not supported by the project \((?P<asked>[^)\n]+)\)",
    rf"Cannot install on Python version {_IS}; only versions (?P<asked>[^\n]+?) are supported",
    rf"Python interpreter version \({_IS}\) is newer than PyO3's maximum supported version \({_WANTS}",
    rf"Python {_IS}, which is incompatible with the project's '?requires-python'? value of '?(?P<asked>[^\s'\n]+)",
    rf"Python {_IS} is incompatible with the project's Python requirement: '?(?P<asked>[^\s'\n]+)",
)
_UNSUITABLE = (
    rf"Could NOT find Python\w*[^\n]*\s[Ff]ound unsuitable version '?\"?{_IS}\"?'?, but required is"
    rf" at least '?\"?{_WANTS}"
)
_FAILS = r"(?:Error|ERROR|error|Sorry)\b[^\n]{0,160}"
_SHORTLY = (
    rf"{_FAILS}Python (?:version )?(?:>=?|<=?)?\s*3\.\d+[^\n]{{0,40}} (?:is )?required",
    rf"{_FAILS}[Rr]equires? (?:at least )?Python (?:version )?(?:>=?|<=?)?\s*3\.\d+",
    rf"{_FAILS}(?:not (?:yet )?supported|does not support|only supports?) (?:on |for |with |by )?Python 3\.\d+",
    rf"{_FAILS}Python 3\.\d+\+? (?:is )?not (?:yet )?supported",
    r"is not compatible with some of the required packages Python requirement|Your python: python=",
    r"requires python [<>=]*3\.[^\n]* but none of the providers can be installed",
    r"^=+ Unsupported Python version|[Uu]nsupported [Pp]ython version",
    r"incompatible with the existing python installation in your environment",
)
# Syntax and modules that only older or only newer releases have. Source: What's New in Python 3.7 to 3.13.
_OLDER = (
    (r" f['\"][^\n]*(?:\n[^\n]*){1,2}SyntaxError: invalid syntax", "3.6"),
    (r"\w := [^\n]*(?:\n[^\n]*){1,2}SyntaxError: invalid syntax", "3.8"),
    (r"^[ \t]*(?:match|case) [^\n]*:(?:\n[^\n]*){1,2}SyntaxError: invalid syntax", "3.10"),
    (r"future feature annotations is not defined", "3.7"),
    (r"SyntaxError: Non-ASCII character '[^'\n]+' in file .* but no encoding declared", "3"),
    (r"cannot import name '(?:Literal|Protocol|TypedDict|Final|get_args|get_origin)' from 'typing'", "3.8"),
    (r"No module named 'importlib\.metadata'", "3.8"),
    (
        r"cannot import name 'Annotated' from 'typing'|No module named 'zoneinfo'|No module named 'graphlib'",
        "3.9",
    ),
    (r"TypeError: 'type' object is not subscriptable", "3.9"),
    (r"cannot import name '(?:ParamSpec|TypeAlias|Concatenate|TypeGuard)' from 'typing'", "3.10"),
    (r"unsupported operand type\(s\) for \|: '(?:type|_GenericAlias|ABCMeta|NoneType)' and '\w+'", "3.10"),
    (r"dataclass\(\) got an unexpected keyword argument '(?:kw_only|slots)'", "3.10"),
    (
        r"No module named 'tomllib'|cannot import name '(?:Self|Never|Required|NotRequired)' from 'typing'",
        "3.11",
    ),
    (r"cannot import name '(?:override|TypeAliasType)' from 'typing'", "3.12"),
)
# A line of source and where the mark below it points: at what an old Python does not know. Source: Python 2.7.
_MARKED = r"^(?P<source>[^\n]+)\n(?P<mark>[^\S\n]*)\^[^\S\n]*\nSyntaxError: invalid syntax"
_SYNTAX = (
    (r"(?:^|[^\w'\"])[fF][rR]?(?:\"[^\"]*|'[^']*)$", r"[\"']", "3.6"),
    (r"^\s*(?!else|try|finally|except)[A-Za-z_][\w.]*$", r": [^=]+ = ", "3.6"),
    (r"^\s*def \w+\([^)]*\w$", r": ?\w", "3"),
    (r"^\s*async de$", r"f \w", "3.5"),
    (r"^\s*print\([^\n]*\b(?:end|file|sep|flush)$", r"=", "3"),
)
_NEWER = (
    (r"SyntaxError: Missing parentheses in call to '(?:print|exec)'", "3"),
    (
        r"cannot import name '(?:Mapping|MutableMapping|Iterable|Callable|Sequence)' from 'collections'",
        "3.10",
    ),
    (
        r"module 'collections' has no attribute '(?:Mapping|MutableMapping|Iterable|Callable|Sequence)'",
        "3.10",
    ),
    (
        r"longintrepr\.h: No such file|'PyCodeObject'[^\n]* has no member named|no attribute 'getargspec'",
        "3.11",
    ),
    (r"'PyThreadState'[^\n]* has no member named '(?:use_tracing|recursion_\w+|exc_\w+|curexc_\w+)'", "3.11"),
    (
        r"'?PyLongObject'?[^\n]* has no member named '?ob_digit|No module named '(?:imp|asynchat|asyncore)'",
        "3.12",
    ),
    (r"too few arguments to function '?_PyLong_AsByteArray|_PyInterpreterState_GetConfig", "3.13"),
    (r"No module named '(?:cgi|pipes|imghdr|telnetlib|audioop)'", "3.13"),
)


def explain(log: BuildLog) -> Iterator[Finding]:
    said, shortly = log.first(*_SAID), log.first(*_SHORTLY)
    if said:
        yield _finding(
            said, f"The package asks for Python {said['asked']}; this one is {said['running']}.", "high"
        )
    unsuitable = log.first(_UNSUITABLE)
    if unsuitable:
        message = f"The build asks for Python {unsuitable['asked']}; the one that was found is {unsuitable['running']}."
        yield _finding(unsuitable, message.replace(",;", ";"), "medium")
    if shortly:
        yield _finding(shortly, "The package refuses this version of Python.", "high")
    for item in unfound.of(log, "python-version-unsupported"):
        yield _finding(
            item.hit, f"{item.requirement} is not for this Python: {item.detail}.", item.confidence
        )
    for patterns, words in (
        (_OLDER, "needs Python {} or newer"),
        (_NEWER, "is older than Python {}, which runs it"),
    ):
        for pattern, version in patterns:
            hit = log.first(pattern)
            if hit:
                yield _finding(hit, f"The code {words.format(version)}.", "medium")
                return
    yield from _marked(log)


def _marked(log: BuildLog) -> Iterator[Finding]:
    for hit in log.search(_MARKED):
        source, column = hit.match["source"], len(hit.match["mark"])
        for before, after, version in _SYNTAX:
            if re.search(before, source[:column]) and re.match(after, source[column:]):
                yield _finding(hit, f"The code needs Python {version} or newer.", "medium")
                return


def _finding(hit: Hit, message: str, confidence: str) -> Finding:
    return hit.finding(
        message,
        "No package is built or installed with this interpreter.",
        Fix(
            "Make the environment with a Python that it supports (conda create python=X.Y, uv venv --python X.Y)"
        ),
        confidence,
    )
