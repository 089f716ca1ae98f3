"""Whether the target's pip takes each wheel, and its Python is one that the project wants."""

from typing import Iterator

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from envdoctor.bundle.lock import tags_of
from envdoctor.bundle.static.subject import Outcome, Subject, Wheel
from envdoctor.finding import Evidence, Finding, Fix, Severity
from envdoctor.report.style import counted


def check(subject: Subject) -> Outcome:
    """By the names of files, and Requires-Python."""
    findings = tuple(each for wheel in subject.wheels for each in _of(subject, wheel))
    return Outcome(f"{counted(len(subject.wheels), 'wheel')} for its Python and platform", findings)


def _of(subject: Subject, wheel: Wheel) -> Iterator[Finding]:
    target = subject.target
    if not set(tags_of(wheel.file)).intersection(target.tags()):
        yield _finding(wheel, "is not for it", wheel.file, f"Pip of {target.name} passes it over")
    elif not _wants(wheel.requires_python, target.full):
        says = f"Requires-Python: {wheel.requires_python}"
        yield _finding(wheel, f"wants another Python ({wheel.requires_python})", says, "Pip refuses it there")


def _wants(requires_python: str, python: str) -> bool:
    try:
        return SpecifierSet(requires_python).contains(python, prereleases=True)
    except InvalidSpecifier:
        return True


def _finding(wheel: Wheel, what: str, seen: str, consequence: str) -> Finding:
    return Finding(
        f"{wheel.file} {what}",
        f"{consequence}, and nothing is installed.",
        (Evidence(wheel.file, seen),),
        Fix(f"Ask for a release of {wheel.project} that has a wheel for it"),
        severity=Severity.ERROR,
    )
