"""Commands that install a package by its name are offered only where the package manager knows that name."""

from dataclasses import replace
from typing import Mapping, Optional

from envdoctor import installing
from envdoctor.catalogue import Diagnosis
from envdoctor.facts import System
from envdoctor.finding import Finding, Run, Step
from envdoctor.host import Host

#: Where apt keeps its lists; images come without any.
_APT_LISTS = "/var/lib/apt/lists"


def confirmed(host: Host, system: object, diagnosis: Diagnosis) -> Diagnosis:
    """The diagnosis with such commands checked; nothing is asked where none is offered."""
    manager = system.package_manager if isinstance(system, System) else None
    if not manager:
        return diagnosis
    findings = tuple(_checked(host, manager, finding) for finding in diagnosis.findings)
    return replace(diagnosis, findings=findings)


def has_package(host: Host, manager: str, names: str) -> Optional[bool]:
    """Whether every one of the names, separated by spaces, is known; None when that cannot be told."""
    answers = [_has(host, manager, name) for name in names.split()]
    return None if None in answers else all(answers)


def _has(host: Host, manager: str, name: str) -> Optional[bool]:
    words = installing.question(manager, name)
    if words is None or (manager == "apt-get" and not host.glob(_APT_LISTS, "*_Packages*")):
        return None
    answer = host.run(*words, timeout=20.0)
    return None if answer.status is None else installing.confirms(manager, name, answer.stdout)


def _checked(host: Host, manager: str, finding: Finding) -> Finding:
    steps = finding.fix.steps if finding.fix else ()
    packages = [step.package for step in steps if isinstance(step, Run) and step.package]
    if finding.fix is None or not packages:
        return finding
    known = {package: has_package(host, manager, package) for package in packages}
    absent = [package for package, there in known.items() if there is False]
    title = finding.fix.title
    if absent:
        title += f" ({manager} has no package {', '.join(absent)} here)"
    kept = tuple(_step(step, manager, known) for step in steps if _package(step) not in absent)
    return replace(finding, fix=replace(finding.fix, title=title, steps=kept))


def _package(step: Step) -> Optional[str]:
    return step.package if isinstance(step, Run) else None


def _step(step: Step, manager: str, known: Mapping[str, Optional[bool]]) -> Step:
    """Where apt has no lists yet, it gets them first."""
    if not isinstance(step, Run) or known.get(step.package or "", True) is not None or manager != "apt-get":
        return step
    root = "sudo " if step.command.startswith("sudo ") else ""
    return replace(step, command=f"{root}apt-get update && {step.command}")
