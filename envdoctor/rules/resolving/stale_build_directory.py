"""An earlier build's folder remembers paths that no longer hold.

## What it means

CMake keeps what it found in CMakeCache.txt and does not look again: a compiler, a Python, a ninja in a temporary
folder of pip that has been deleted, the folder where the project lay before. The next build uses them or fails on
them: `The source directory ... does not match`, `CMAKE_MAKE_PROGRAM ... No such file or directory`.

## How envdoctor knows

The cache's entries are read; a program that does not exist any more, a source folder other than this one, or a
Python of another prefix than the active one is named with its line.

## What to do

Remove the folder and configure again, or `cmake --fresh` (CMake 3.24).

## When to ignore it

When the next build removes the folder by itself.
"""

import shlex
from typing import Iterator, List, Tuple

from envdoctor.facts import BuildFolder, Located, Project, Python
from envdoctor.finding import Evidence, Finding, Fix, Location, Run, Safety, Severity

SEVERITY = Severity.WARNING
ROLES = ("build", "ci")
PYTHONS = ("Python3_EXECUTABLE", "Python_EXECUTABLE", "PYTHON_EXECUTABLE")


def check(project: Project, python: Python) -> Iterator[Finding]:
    for folder in project.build_folders:
        stale = list(_stale(folder, project, python))
        if not stale:
            continue
        line, why = stale[0]
        name, _, value = line.text.partition("=")
        yield Finding(
            message=f"{folder.path} was configured with {name} {value}, {why}.",
            consequence="CMake does not look again: the next build in that folder uses it or fails on it.",
            evidence=tuple(Evidence(entry.place, entry.text) for entry, _ in stale),
            fix=Fix(
                "Configure again in a new folder",
                (Run(f"rm -r -- {shlex.quote(folder.path)}", Safety.UNSAFE),),
            ),
            location=Location(line.file, line.line),
            severity=Severity.ERROR
            if any(entry in folder.missing for entry, _ in stale)
            else Severity.WARNING,
        )


def _stale(folder: BuildFolder, project: Project, python: Python) -> Iterator[Tuple[Located, str]]:
    found: List[Tuple[Located, str]] = [(entry, "which does not exist any more") for entry in folder.missing]
    for entry in folder.entries:
        name, _, value = entry.text.partition("=")
        if name == "CMAKE_HOME_DIRECTORY" and not f"{value}/".startswith(f"{project.root}/"):
            found.append((entry, "another source folder"))
        elif name.lstrip("_") in PYTHONS and entry not in folder.missing and not _same(value, python):
            found.append((entry, f"while the active Python is {python.executable}"))
    return iter(found)


def _same(path: str, python: Python) -> bool:
    return path in (python.executable, python.real) or path.startswith(f"{python.prefix}/bin/")
