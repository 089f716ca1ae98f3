"""Whether compiled files run on the oldest glibc of the target, and on the libstdc++ that such machines have."""

from typing import List, Optional, Sequence

from envdoctor import compat
from envdoctor.bundle.compiled import Compiled, beyond
from envdoctor.bundle.static.subject import Outcome, Subject, looked
from envdoctor.bundle.target import Target

_CURE = "build it on such a machine (in a container of manylinux, say), and give the wheel; or name a newer --platform"


def check(subject: Subject) -> Outcome:
    """glibc, GLIBCXX and CXXABI, and the processor."""
    target = subject.target
    findings = looked(
        subject,
        lambda each: _too_new(each.file, target),
        f"The loader of {target.name} refuses it.",
        _CURE,
    )
    files = running(subject)
    if not files:
        return Outcome("", findings)
    glibcxx, cxxabi = compat.libstdcxx(target.glibc)
    has = ("{}.{}".format(*target.glibc), glibcxx, cxxabi)
    parts = zip(("glibc", "glibcxx", "cxxabi"), ("glibc", "GLIBCXX", "CXXABI"), has)
    said = [
        f"{name} {need} of {there}" for field, name, there in parts for need in [newest(files, field)] if need
    ]
    return Outcome("; ".join(said) or "none is needed", findings)


def running(subject: Subject) -> List[Compiled]:
    """The files that run there."""
    return [each.file for _, each in subject.files if not _too_new(each.file, subject.target)]


def newest(files: Sequence[Compiled], name: str) -> Optional[str]:
    """The newest version that any of them needs of "glibc", "glibcxx" or "cxxabi"."""
    versions = [version for version in (getattr(each, name) for each in files) if version]
    return max(versions, key=compat.numbers, default=None)


def _too_new(file: Compiled, target: Target) -> Optional[str]:
    if file.machine != target.machine:
        return f"is for {file.machine}"
    lacks = beyond(file, target.glibc)
    return f"needs {lacks}" if lacks else None
