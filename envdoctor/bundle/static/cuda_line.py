"""Whether the CUDA that was asked for is the one that the wheels are made for."""

from typing import Iterator

from envdoctor.bundle import cuda_lines
from envdoctor.bundle.cuda_lines import words
from envdoctor.bundle.static.subject import Outcome, Subject, majors
from envdoctor.finding import Evidence, Finding, Fix, Severity


def check(subject: Subject) -> Outcome:
    """torch decides; without it NVIDIA's own wheels."""
    asked, (line, says) = subject.target.cuda, subject.line
    if asked is None:
        return Outcome(f"{words(line)}, by {says} (none was asked for)" if line else "")
    findings = [] if line in (None, asked) else [_other(subject, asked, str(line), says)]
    findings += _only_others(subject, asked)
    return Outcome(
        f"{words(line)}, by {says}" if line else f"nothing in it is for CUDA ({asked} was asked for)",
        tuple(findings),
    )


def _other(subject: Subject, asked: str, line: str, says: str) -> Finding:
    so, follows, cure = cuda_lines.other(line, says, asked)
    torch = subject.wheel("torch")
    seen = Evidence(torch.file if torch else says, f"{words(line)}, by its version and what it asks for")
    return Finding(so, follows, (seen,), Fix(cure), severity=Severity.ERROR)


def _only_others(subject: Subject, asked: str) -> Iterator[Finding]:
    """Wheels whose compiled files are all for another CUDA."""
    for wheel in subject.wheels:
        files = subject.used(wheel)
        lines = {line for each in files for line in majors(each)}
        if wheel.project == "torch" or not lines or asked in lines or any(not majors(each) for each in files):
            continue
        first = files[0].file
        yield Finding(
            f"{wheel.file} is for CUDA {', '.join(sorted(lines))} alone, and --cuda {asked} asks for {words(asked)}",
            f"Its libraries are not there: {' '.join(first.needed[:6])}.",
            (Evidence(first.member, " ".join(first.needed)),),
            Fix(f"ask for a release of {wheel.project} that is made for {words(asked)}"),
            severity=Severity.ERROR,
        )
