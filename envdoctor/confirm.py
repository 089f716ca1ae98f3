"""Commands that install a package by its name are offered only where the package manager knows that name."""

from dataclasses import replace
from typing import Mapping, Optional

from envdoctor import installing
from envdoctor.catalogue import Diagnosis
from envdoctor.facts import Known, System
from envdoctor.finding import Finding, Run, Step
from envdoctor.host import Host

#: Where apt keeps its lists; images come without any.
_APT_LISTS = "/var/lib/apt/lists"


def confirmed(host: Host, system: Known[System], diagnosis: Diagnosis) -> Diagnosis:
    """The diagnosis with such commands checked; nothing is asked where none is offered."""
    manager = system.package_manager if isinstance(system, System) else None
    if not manager:
        return diagnosis
    findings = tuple(_checked(host, manager, finding) for finding in diagnosis.findings)
    return replace(diagnosis, findings=findings)


def _has_package(host: Host, manager: str, names: str) -> Optional[bool]:
    """Whether every one of the names, separated by spaces, is known; None when that cannot be told."""
    answers = [_has(host, manager, name) for name in names.split()]
    return None if None in answers else all(answers)


def _has(host: Host, manager: str, name: str) -> Optional[bool]:
    words = installing.question(manager, name)
    if words is None or (manager == "apt-get" and not host.glob(_APT_LISTS, "*_Packages*")):
        return None
    answer = host.run(*words, timeout=20.0)
    return None if answer.status is None else installing.known(manager, name, answer.stdout + answer.stderr)


def _checked(host: Host, manager: str, finding: Finding) -> Finding:
    steps = finding.fix.steps if finding.fix else ()
    packages = [step.package for step in steps if isinstance(step, Run) and step.package]
    if finding.fix is None or not packages:
        return finding
    known = {package: _has_package(host, manager, package) for package in packages}
    doubts = [_doubt(manager, package, there) for package, there in known.items()]
    title = finding.fix.title + "".join(f" ({doubt})" for doubt in doubts if doubt)
    kept = (_offered(step, manager, known) for step in steps)
    fix = replace(finding.fix, title=title, steps=tuple(step for step in kept if step))
    return replace(finding, fix=fix)


def _doubt(manager: str, package: str, there: Optional[bool]) -> str:
    if there is False:
        return f"{manager} has no package {package} here"
    return f"{manager} could not be asked for {package}" if there is None and manager != "apt-get" else ""


def _offered(step: Step, manager: str, known: Mapping[str, Optional[bool]]) -> Optional[Step]:
    """The step, if its package is known to be there; apt gets its lists first where it has none yet, as in images."""
    if not isinstance(step, Run) or not step.package or known[step.package]:
        return step
    if known[step.package] is False or manager != "apt-get":
        return None
    root = "sudo " if step.command.startswith("sudo ") else ""
    return replace(step, command=f"{root}apt-get update && {step.command}")
