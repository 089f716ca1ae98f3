"""pip's configuration names an index, a folder or a file that is not there.

## What it means

pip asks every index that its configuration names. One that is gone (an old office's mirror, a dead local proxy, a
folder that was moved) costs five retries for each package and then ends the installation, and the error names a
host that nobody remembers having configured. A constraints file that is gone (PIP_CONSTRAINT) ends it at once:
`Could not open requirements file`.

## How envdoctor knows

Without a network only this can be certain, and only this is reported: a folder that does not exist, a port of this
machine on which nothing listens, a host name that by definition never resolves (`.invalid`, `.test`, `.example`).

## What to do

Remove or correct the line that names it: file and line are given. `PIP_CONFIG_FILE=/dev/null` leaves all files out
for one command.

## When to ignore it

When the mirror is started only for the build.
"""

from typing import Iterator, Optional

from envdoctor import isolation
from envdoctor.facts import (
    Configuration,
    Environment,
    Index,
    Packages,
    Project,
    Python,
    System,
    Wheelhouse,
)
from envdoctor.finding import Evidence, Finding, Fix, SetEnv, Severity
from envdoctor.requirements import parse, tags, unavailable

SEVERITY = Severity.ERROR


def check(
    wheelhouse: Wheelhouse,
    project: Optional[Project],
    packages: Optional[Packages],
    python: Optional[Python],
    system: Optional[System],
    environment: Environment,
    configuration: Optional[Configuration],
) -> Iterator[Finding]:
    for index in wheelhouse.indexes if not wheelhouse.no_index else ():
        if index.answers is False:
            yield Finding(
                message=f"pip is told to use the index {index.url}, which cannot answer from here.",
                consequence="Every pip install retries it and then fails, also for packages that another index has.",
                evidence=(Evidence(index.source, index.url),),
                fix=_without_index(index, wheelhouse)
                if project
                and packages
                and python
                and system
                and _complete(wheelhouse, project, packages, python, system, environment, configuration)
                else Fix(f"Correct or remove the index in {index.source}"),
            )
    for variable in environment.missing("PIP_CONSTRAINT"):
        yield Finding(
            message=f"PIP_CONSTRAINT is {variable.value}, which does not exist.",
            consequence="pip stops before anything else: Could not open requirements file.",
            evidence=(Evidence(variable.name, variable.value),),
            fix=Fix("Unset it, or name the file that exists", (SetEnv(variable.name, None),)),
        )
    for folder in wheelhouse.folders:
        if not folder.exists:
            yield Finding(
                message=f"pip is told to look for wheels in {folder.path}, which does not exist.",
                consequence="Packages that were meant to come from there are taken from elsewhere, or not found.",
                evidence=(Evidence(folder.source, folder.path),),
                fix=Fix(f"Correct or remove the folder in {folder.source}"),
                severity=Severity.ERROR if wheelhouse.no_index else Severity.WARNING,
            )


def _complete(
    wheelhouse: Wheelhouse,
    project: Project,
    packages: Packages,
    python: Python,
    system: System,
    environment: Environment,
    configuration: Optional[Configuration],
) -> bool:
    """Whether the folders and what is installed have all that the project asks for."""
    wheels = tuple(wheel for folder in wheelhouse.folders for wheel in folder.wheels)
    wanted = [
        requirement for line in project.requirements for requirement in [parse(line.text)] if requirement
    ]
    accepted = tags(python, system, packages.version("pip"))
    if not wheels or unavailable(wanted, wheels, packages, python, accepted):
        return False
    if not isolation.isolated(project, packages, environment, configuration):
        return bool(wanted)
    # Nothing that is installed here counts inside an isolated build.
    return not unavailable(isolation.build_requirements(project), wheels, Packages(()), python, accepted)


def _without_index(index: Index, wheelhouse: Wheelhouse) -> Fix:
    folders = ", ".join(folder.path for folder in wheelhouse.folders if folder.wheels)
    return Fix(
        f"Ask no index: {folders} has all that is wanted (for good: remove the index in {index.source})",
        (SetEnv("PIP_NO_INDEX", "1"),),
    )
