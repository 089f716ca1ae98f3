"""The interpreter is outside what the project supports.

## What it means

`requires-python` is checked by pip before anything is built: `Package requires a different Python: 3.8.18 not in
'>=3.9'`. Other build tools do not check it and fail later, in syntax or imports that the interpreter does not know.

## How envdoctor knows

`requires-python` (or `python_requires` of setup.py) is compared with the version of the examined interpreter.

## What to do

Use an interpreter that fits; those on PATH that do are named.

## When to ignore it

When the bound is known to be too strict and pip is called with `--ignore-requires-python`.
"""

import shlex
from typing import Iterator, Optional

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from envdoctor.facts import Interpreters, Project, Python
from envdoctor.finding import Evidence, Finding, Fix, Location, Run, Severity

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
