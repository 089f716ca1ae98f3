"""Whether there is code for the target's GPUs in everything that has GPU code, but NVIDIA's own wheels.

Those serve what their CUDA serves, and libcufft for one keeps its code in a form of its own.
"""

from typing import List, Tuple

from envdoctor.architectures import serves
from envdoctor.bundle.compiled import Linked
from envdoctor.bundle.static.subject import Outcome, Subject, Wheel
from envdoctor.finding import Evidence, Finding, Fix, Severity
from envdoctor.report.style import counted


def check(subject: Subject) -> Outcome:
    """Machine code, or PTX that the driver can compile for it."""
    code = of(subject)
    if not code:
        return Outcome("none is seen in it, for no GPU" if subject.target.gpus else "")
    unread = [each.file.member for _, each in subject.files if each.file.gpu is None]
    findings = [each for wheel, files in code for each in _lacking(subject, wheel, files)]
    findings += [_unread(unread)] if unread else []
    gpus = ", ".join(subject.target.gpus)
    wheels = f"in {counted(len(code), 'wheel')}"
    return Outcome(
        f"for {gpus} {wheels}" if gpus else f"{wheels}; no GPU was named (--arch)", tuple(findings)
    )


def of(subject: Subject) -> List[Tuple[Wheel, List[Linked]]]:
    """The files with GPU code, of each wheel that has some."""
    judged = [wheel for wheel in subject.wheels if not wheel.project.startswith("nvidia-")]
    found = ((wheel, [each for each in subject.used(wheel) if each.file.gpu]) for wheel in judged)
    return [(wheel, files) for wheel, files in found if files]


def _lacking(subject: Subject, wheel: Wheel, files: List[Linked]) -> List[Finding]:
    """One finding for each GPU that some file has no code for: an error where none has."""
    found = []
    for gpu, capability in zip(subject.target.gpus, subject.target.capabilities):
        bad = [each.file for each in files if not serves(each.file.gpu or (), capability)]
        if bad:
            found.append(
                _finding(wheel, gpu, [(each.member, each.gpu or ()) for each in bad], len(bad) == len(files))
            )
    return found


def _finding(wheel: Wheel, gpu: str, bad: List[Tuple[str, Tuple[str, ...]]], every: bool) -> Finding:
    what = "has no code" if every else f"has no code in {bad[0][0]}"
    return Finding(
        f"{wheel.file} {what} for GPUs of architecture {gpu}",
        'Its first kernel fails there: "no kernel image is available for execution on the device".',
        tuple(Evidence(member, " ".join(gpus)) for member, gpus in bad[:8]),
        Fix(
            f"take a release of {wheel.project} that has it, or build it with TORCH_CUDA_ARCH_LIST={gpu} and give it"
        ),
        severity=Severity.ERROR if every else Severity.WARNING,
    )


def _unread(members: List[str]) -> Finding:
    return Finding(
        f"{members[0]}: its GPU code cannot be read",
        "Whether it serves the target's GPUs is not known.",
        tuple(Evidence(member, "no container of GPU code that is known") for member in members[:8]),
        Fix("try it on such a GPU"),
        severity=Severity.WARNING,
    )
