"""Whether the libraries of torch and CUDA that files need come with them: in a wheel, or with the driver."""

from typing import Dict, FrozenSet, Iterator, List, Sequence

from envdoctor import compat
from envdoctor.bundle.compiled import Linked
from envdoctor.bundle.static.subject import Outcome, Subject, majors, spoilt, stem
from envdoctor.finding import Finding
from envdoctor.libraries import is_of_torch


def check(subject: Subject) -> Outcome:
    """By the names that files are asked for by."""
    needed = {name for _, each in subject.files for name in _concerned(each)}
    if not needed:
        return Outcome("")
    driver = sorted(needed & compat.DRIVER_LIBRARIES)
    lacking = needed - compat.DRIVER_LIBRARIES - provided(subject)
    if "cpu" in (subject.target.cuda, subject.line[0]):
        lacking |= set(driver)
    brought = len(needed - lacking - set(driver))
    says = f"{brought} come with the wheels" + (f", {' '.join(driver)} with the driver" if driver else "")
    return Outcome(says, tuple(_findings(subject, frozenset(lacking))))


def provided(subject: Subject) -> FrozenSet[str]:
    """All names of libraries that the wheels bring."""
    return frozenset(name for wheel in subject.wheels for each in wheel.compiled for name in each.file.names)


def _concerned(each: Linked) -> List[str]:
    """What it needs of torch, CUDA and the driver: the rest is the system's."""
    return [
        name
        for name in each.file.needed
        if is_of_torch(name) or compat.is_cuda_library(stem(name)) or name in compat.DRIVER_LIBRARIES
    ]


def _findings(subject: Subject, lacking: FrozenSet[str]) -> Iterator[Finding]:
    for wheel in subject.wheels:
        files = subject.used(wheel)
        lacks = {each.file.member: [name for name in _concerned(each) if name in lacking] for each in files}
        bad: Dict[str, str] = {member: f"needs {' '.join(names)}" for member, names in lacks.items() if names}
        if bad:
            names = list(dict.fromkeys(name for found in lacks.values() for name in found))
            consequence = "It does not load: cannot open shared object file."
            yield spoilt(wheel, bad, files, consequence, _cure(subject, files, names))


def _cure(subject: Subject, files: Sequence[Linked], lacking: Sequence[str]) -> str:
    """The projects that bring them, for the CUDA of the bundle, or of the files."""
    line = subject.line[0] or subject.target.cuda
    if line == "cpu":
        return "ask for a release without CUDA, or for torch with it (--cuda 12, --cuda 13)"
    major = int(line or next(iter(sorted(major for each in files for major in majors(each))), "13"))
    projects = ("torch" if is_of_torch(name) else compat.library_wheel(stem(name), major) for name in lacking)
    named = " ".join(dict.fromkeys(each for each in projects if each))
    return f"ask for what brings it, too{': ' + named if named else ''}"
