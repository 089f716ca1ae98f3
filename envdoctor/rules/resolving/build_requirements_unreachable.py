"""An isolated build asks for requirements that the wheel folder in force does not hold.

## What it means

With an index switched off, pip can take build requirements only from its find-links folders. A folder that was filled
with the run-time wheels alone lacks the build backend, and the build ends before it begins:
`No matching distribution found for scikit-build-core`.

## How envdoctor knows

`PIP_NO_INDEX` or `no-index` is in force, or no index that pip is told of can answer for certain; a build requirement,
or what it requires in turn, has no wheel in the folders that this interpreter takes.

In a log, pip's `Could not find a version that satisfies the requirement` counts where it speaks of a build
requirement that no version was found of, and uv's failure to resolve build-system.requires.

## What to do

Where the requirements are installed already, build without isolation. Otherwise put the named wheels into the folder:
on a machine with a network, `pip download` them with the target's own Python.

## When to ignore it

When the project is built without isolation in another environment than the examined one.
"""

from typing import Iterator, Optional, Tuple

from packaging.requirements import Requirement

from envdoctor.facts import Configuration, Environment, Packages, Project, Python, System, Tools, Wheelhouse
from envdoctor.finding import Evidence, Finding, Fix, Location, Run, Severity
from envdoctor.isolation import SWITCH_OFF, build_requirements, isolated, names
from envdoctor.log import BuildLog
from envdoctor.messages import unfound
from envdoctor.requirements import installed, tags, unavailable

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")
NOTHING = Packages(())  # an isolated environment begins empty


def check(
    project: Project,
    packages: Packages,
    python: Python,
    system: System,
    environment: Environment,
    wheelhouse: Wheelhouse,
    tools: Optional[Tools],
    configuration: Optional[Configuration],
) -> Iterator[Finding]:
    offline = wheelhouse.offline
    if not offline or not isolated(project, packages, environment, configuration):
        return
    wanted = build_requirements(project) + _hidden(project, tools)
    wheels = tuple(wheel for folder in wheelhouse.folders for wheel in folder.wheels)
    missing = unavailable(wanted, wheels, NOTHING, python, tags(python, system))
    if not missing:
        return
    line = project.build_requires[0] if project.build_requires else None
    places = ", ".join(folder.path for folder in wheelhouse.folders) or "no find-links folder"
    yield Finding(
        message=f"The build needs {', '.join(str(r) for r, _ in missing)}, which {places} cannot give.",
        consequence="pip gets nothing from an index, so the isolated build ends with: No matching distribution found.",
        evidence=(
            Evidence(offline, "no index may be asked" if wheelhouse.no_index else "it cannot answer"),
            *(Evidence(asker or (line.place if line else "pip"), f"requires {r}") for r, asker in missing),
        ),
        fix=_fix(wanted, tuple(r for r, _ in missing), packages, python),
        location=Location(line.file, line.line) if line else None,
    )


def _hidden(project: Project, tools: Optional[Tools]) -> Tuple[Requirement, ...]:
    """What scikit-build-core adds by itself when the machine has no CMake or Ninja."""
    backend = project.build_backend.text if project.build_backend else ""
    if not backend.startswith("scikit_build_core") or tools is None:
        return ()
    return tuple(Requirement(name) for name in ("cmake", "ninja") if tools.first(name) is None)


def _fix(
    wanted: Tuple[Requirement, ...],
    missing: Tuple[Requirement, ...],
    packages: Packages,
    python: Python,
) -> Fix:
    if all(installed(requirement, packages) for requirement in wanted):
        return Fix(
            "Build without isolation: all that is asked for is installed",
            (SWITCH_OFF,),
        )
    version = "{}.{}".format(*python.minor)
    command = f"python{version} -m pip download -d FOLDER {names(missing)}"
    return Fix(
        "Fetch the missing wheels on a machine with a network and add them to the folder", (Run(command),)
    )


_UV = (
    r"Failed to resolve requirements from 'build-system\.requires'",
    r"Failed to resolve requirements from 'setup\.py' build",
)
_UV_OFFLINE = r"index lookups were disabled|provided package locations|network was disabled"


def explain(log: BuildLog) -> Iterator[Finding]:
    for item in unfound.of(log, "build-requirements-unreachable"):
        yield item.hit.finding(
            f"The isolated build asks for {item.requirement}, and no index or wheel folder that pip may ask has it.",
            "The build ends before the project's own code runs.",
            Fix(
                f"Put wheels of {item.name} and the other build requirements into the folder (pip download -d FOLDER"
                f" {item.name}), or install them and build with --no-build-isolation"
            ),
            item.confidence,
        )
    hit, offline = log.first(*_UV), log.first(_UV_OFFLINE)
    if hit and offline:
        yield hit.finding(
            "The isolated build's requirements are not to be had: no index may be asked.",
            "The build ends before the project's own code runs.",
            Fix(
                "Put wheels of the build requirements into the --find-links folder, or use --no-build-isolation"
            ),
            because=(offline,),
        )
