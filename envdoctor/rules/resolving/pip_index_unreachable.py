"""pip's configuration names an index, a folder or a file that is not there.

## What it means

pip asks every index that its configuration names. One that is gone (an old office's mirror, a dead local proxy, a
folder that was moved) costs five retries for each package and then ends the installation, and the error names a
host that nobody remembers having configured. A constraints file that is gone (PIP_CONSTRAINT) ends it at once:
`Could not open requirements file`.

## How envdoctor knows

Without a network only this can be certain, and only this is reported: a folder that does not exist, a port of this
machine on which nothing listens, a host name that by definition never resolves (`.invalid`, `.test`, `.example`). A log
names others: an index that pip was told of and that did not answer.

## What to do

Remove or correct the line that names it: file and line are given. `PIP_CONFIG_FILE=/dev/null` leaves all files out
for one command.

## When to ignore it

When the mirror is started only for the build.
"""

import re
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
from envdoctor.log import BuildLog, Hit
from envdoctor.messages import connections
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


# Hosts that whole parts of the world use: when these are silent, it is the network.
_KNOWN_HOSTS = (
    r"(?:pypi\.org|files\.pythonhosted\.org|download\.pytorch\.org|test\.pypi\.org|[\w.-]*nvidia\.com)"
)
_ASKED = r"Looking in indexes: (?:\S+, )*https?://(?:[^\s/@]*@)?(?P<host>[\w.-]+)"
_LOCAL = (
    r"(?:127\.|10\.\d|192\.168\.)[\d.]+|localhost|[\w.-]+\.(?:local|internal|corp|lan|invalid|test|example)"
)
_NO_FOLDER = (
    r"Location '(?P<place>[^'\n]+)(?<!/)' is ignored: it is neither a file nor a directory",
    r"Location '(?P<place>[^'\n]+)' is ignored: it is either a non-existing path",
    r"Url '(?P<place>[^'\n]+)' is ignored[.:] [Ii]t is (?:neither a file|either a non-existing path)",
)
_CONSTRAINTS = (
    r"Could not open requirements file: .*No such file or directory: '(?P<file>[^'\n]*constraint[^'\n]*)'"
)
_SETTING = (
    r"global\.(?:index-url|extra-index-url|proxy)\s*=\s*'?(?P<value>[^'\s]+)|PIP_(?:EXTRA_)?INDEX_URL=\S+"
)


def explain(log: BuildLog) -> Iterator[Finding]:
    failed = connections.broken(log)
    if failed:
        yield from _index(log, failed)
    folder = log.first(*_NO_FOLDER)
    if folder and log.has(r"Could not find a version|No matching distribution"):
        yield folder.finding(
            f"pip is told to look for wheels in {folder['place']}, which does not exist.",
            "What was meant to come from there is not found.",
            Fix("Correct or remove that folder; pip config debug says which file or variable names it"),
            "medium",
        )
    constraints = log.first(_CONSTRAINTS)
    if constraints and not log.has(
        rf"-(?:c|r|-constraint|-requirement)[ =]\S*{re.escape(constraints['file'])}"
    ):
        yield constraints.finding(
            f"pip is told to read the constraints {constraints['file']}, which do not exist.",
            "pip stops before anything else.",
            Fix("Unset PIP_CONSTRAINT, or name the file that exists (pip config debug says where it is set)"),
            "high" if log.has(r"PIP_CONSTRAINT") else "medium",
        )


def _index(log: BuildLog, failed: Hit) -> Iterator[Finding]:
    """Where the index that does not answer is one that pip was told of, and not on the command line."""
    on_command_line = log.has(r"(?:--(?:extra-)?index-url|\s-i)[ =]'?\"?https?://")
    asked = log.first(_ASKED)
    setting = log.first(_SETTING)
    named = asked and not re.fullmatch(_KNOWN_HOSTS, asked["host"])
    if setting or (named and not on_command_line) or (asked and re.fullmatch(_LOCAL, asked["host"])):
        place = asked["host"] if asked else (setting["value"] if setting else "")
        yield failed.finding(
            f"pip is told to ask an index that does not answer: {place}."
            if place
            else "pip's index does not answer.",
            "Every pip install retries it and then fails, also for packages that another index has.",
            Fix("Correct or remove the index; pip config debug says which file or variable names it"),
            "high" if not log.has(r"name resolution|resolve host|getaddrinfo") else "medium",
            because=tuple(hit for hit in (asked, setting) if hit),
        )
