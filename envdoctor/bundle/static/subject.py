"""What checks look at, a target with its wheels, and what they say."""

import re
from dataclasses import dataclass
from typing import Callable, Dict, FrozenSet, Iterator, List, Optional, Sequence, Tuple

from packaging.requirements import Requirement

from envdoctor.bundle import cuda_lines
from envdoctor.bundle.compiled import Linked
from envdoctor.bundle.target import Target
from envdoctor.finding import Evidence, Finding, Fix, Severity
from envdoctor.libraries import cuda_major, is_importable, soname

#: AMD's and Intel's. Source: what bitsandbytes 0.50.2 has for them needs these.
_OTHER_MAKERS = re.compile(r"lib(?:amdhip64|hip\w+|roc\w+|sycl|ze_loader)\.so")


@dataclass(frozen=True)
class Wheel:
    """One that the target installs, as its own files tell it."""

    project: str
    version: str
    file: str
    requires_python: str
    #: What it asks for on the target.
    requires: Tuple[Requirement, ...]
    compiled: Tuple[Linked, ...]


@dataclass(frozen=True)
class Outcome:
    """What a check has to say: what it looked at and holds, in a few words, and what does not."""

    says: str  # "" where there is nothing to look at
    findings: Tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Subject:
    """A target and what it gets."""

    target: Target
    wheels: Tuple[Wheel, ...]

    def wheel(self, project: str) -> Optional[Wheel]:
        """By its normal name."""
        return next((each for each in self.wheels if each.project == project), None)

    @property
    def line(self) -> Tuple[Optional[str], str]:
        """The CUDA that the wheels are made for, "13" or "cpu", and what says so; None where nothing does."""
        found, says = cuda_lines.line((each.project, each.version) for each in self.wheels)
        torch = self.wheel("torch")
        if found or torch is None:
            return found, says
        needed = {
            major for each in torch.compiled for major in majors(each)
        }  # old releases bring all themselves
        return next(iter(sorted(needed)), "cpu"), says

    def used(self, wheel: Wheel) -> Tuple[Linked, ...]:
        """Its compiled files without those for other CUDAs and other makers' GPUs.

        Some wheels have one for each, and load the right one.
        """
        line = self.line[0] or self.target.cuda

        def fits(each: Linked) -> bool:
            ours = majors(each) <= {line} and not any(map(_OTHER_MAKERS.match, each.file.needed))
            return ours or is_importable(each.file.member)

        return tuple(filter(fits, wheel.compiled)) or wheel.compiled

    @property
    def files(self) -> Iterator[Tuple[Wheel, Linked]]:
        """All that count."""
        return ((wheel, each) for wheel in self.wheels for each in self.used(wheel))


def majors(each: Linked) -> FrozenSet[str]:
    """CUDA's major versions that a file's needs tell."""
    return frozenset(str(number) for number in map(cuda_major, each.file.needed) if number)


def stem(name: str) -> str:
    """ "cudart" of libcudart.so.13."""
    return soname(name)[0]


def spoilt(
    wheel: Wheel,
    bad: Dict[str, str],
    files: Sequence[Linked],
    consequence: str,
    cure: str,
) -> Finding:
    """One finding for the files of a wheel, each with its reason.

    It is an error where Python imports one of them, or where no file of the wheel is left: of several the right one
    may be among the others.
    """
    first, reason = next(iter(bad.items()))
    more = f", and {len(bad) - 1} more of its files do" if len(bad) > 1 else ""
    grave = any(map(is_importable, bad)) or len(bad) == len(files)
    return Finding(
        message=f"{wheel.file}: {first} {reason}{more}",
        consequence=consequence,
        evidence=tuple(Evidence(member, text) for member, text in list(bad.items())[:8]),
        fix=Fix(cure),
        severity=Severity.ERROR if grave else Severity.WARNING,
    )


def looked(
    subject: Subject, reason: Callable[[Linked], Optional[str]], consequence: str, cure: str
) -> Tuple[Finding, ...]:
    """The findings of a check that looks at each file alone."""
    found: List[Finding] = []
    for wheel in subject.wheels:
        files = subject.used(wheel)
        bad = {each.file.member: why for each in files for why in [reason(each)] if why}
        if bad:
            found.append(spoilt(wheel, bad, files, consequence, cure))
    return tuple(found)
