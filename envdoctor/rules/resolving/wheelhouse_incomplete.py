"""A wheel folder that is meant to be enough lacks a run-time dependency.

## What it means

With no index, pip installs from its find-links folders alone, and it needs the whole closure: what the requirements
require in turn, for this interpreter and this platform. A folder filled by `pip download` on another machine lacks what
only this machine needs, because markers were evaluated for the other one.

## How envdoctor knows

`no-index` is in force. Every requirement of the project and of the wheels that answer it is looked up among the
installed packages and among the wheels whose tags this interpreter takes.

In a log, a requirement that pip or uv finds nothing for counts where the log shows that no index was asked.

## What to do

Download what is named with the target's own Python version (or resolve for it with `uv pip compile
--python-version`), and add it to the folder.

## When to ignore it

When the missing package comes from somewhere else, for example from conda, after pip ran with `--no-deps`.
"""

from typing import Iterator, Tuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envdoctor.facts import Packages, Project, Python, System, Wheel, Wheelhouse
from envdoctor.finding import Evidence, Finding, Fix, Location, Run, Severity
from envdoctor.isolation import names
from envdoctor.log import BuildLog, Hit
from envdoctor.messages import unfound
from envdoctor.requirements import accepts, parse, tags, unavailable

SEVERITY = Severity.ERROR


def check(
    project: Project,
    packages: Packages,
    python: Python,
    system: System,
    wheelhouse: Wheelhouse,
) -> Iterator[Finding]:
    lines = [(line, parse(line.text)) for line in project.requirements]
    wanted = [requirement for _, requirement in lines if requirement]
    wheels = tuple(wheel for folder in wheelhouse.folders for wheel in folder.wheels)
    if not wheelhouse.no_index or not wheels:
        return
    missing = unavailable(wanted, wheels, packages, python, tags(python, system, packages.version("pip")))
    # A direct requirement whose wheel is there for another platform is wheel-tag-mismatch's.
    missing = tuple((r, asker) for r, asker in missing if asker or not _there(r, wheels))
    if not missing:
        return
    lacking = tuple(requirement for requirement, _ in missing)
    asked = {str(requirement): line for line, requirement in lines if requirement}
    line = asked.get(str(missing[0][0]), project.requirements[0])
    yield Finding(
        message=f"{', '.join(f.path for f in wheelhouse.folders)} lacks {', '.join(map(str, lacking))}.",
        consequence="pip may ask no index, so the installation ends with: No matching distribution found.",
        evidence=(
            Evidence(wheelhouse.no_index, "no index may be asked"),
            *(Evidence(asker or asked[str(r)].place, f"requires {r}") for r, asker in missing),
        ),
        fix=Fix(
            "Fetch the missing wheels with this Python version on a machine with a network and add them to the folder",
            (Run(f"python{python.minor[0]}.{python.minor[1]} -m pip download -d FOLDER {names(lacking)}"),),
        ),
        location=Location(line.file, line.line),
    )


def _there(requirement: Requirement, wheels: Tuple[Wheel, ...]) -> bool:
    name = canonicalize_name(requirement.name)
    return any(wheel.name == name and accepts(requirement, wheel.version) for wheel in wheels)


# Source: uv-resolver/src/pubgrub/report.rs.
_UV = (
    r"(?<![\w.-])(?P<name>[\w.-]{1,99}) was not found in the provided package locations",
    r"index lookups were disabled and no additional package locations were provided(?P<name>)",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    for item in unfound.of(log, "wheelhouse-incomplete"):
        yield _explained(item.hit, item.requirement, item.name, item.confidence)
    hit = log.first(*_UV)
    if hit and not log.has(r"build-system\.requires|'setup\.py' build"):
        yield _explained(hit, hit["name"] or "what is asked for", hit["name"] or "NAME", "high")


def _explained(hit: Hit, what: str, name: str, confidence: str) -> Finding:
    return hit.finding(
        f"The wheel folder lacks {what}, and no index may be asked.",
        "The installation ends; the folder must hold everything that its wheels require in turn.",
        Fix(
            f"Check the spelling of {name} (ls FOLDER). On a machine with a network, with the target's Python version:"
            f" python -m pip download -d FOLDER {name}; add the files to the folder"
        ),
        confidence,
    )
