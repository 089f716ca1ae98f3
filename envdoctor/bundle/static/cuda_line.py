"""Whether the CUDA that was asked for is the one that the wheels are made for."""

from typing import Iterator

from envdoctor import compat
from envdoctor.bundle.static.subject import Outcome, Subject, majors
from envdoctor.finding import Evidence, Finding, Fix, Severity

#: Where torch's releases for one CUDA are, of those that an index may lack. Source: pytorch.org's page "Get Started".
_INDEXES = {"cpu": "cpu", "12": "cu126", "13": "cu130"}


def check(subject: Subject) -> Outcome:
    """torch decides; without it NVIDIA's own wheels."""
    asked, (line, says) = subject.target.cuda, subject.line
    if asked is None:
        return Outcome(
            f"{words(line)}, by {says} (none was asked for)" if line else "none in it, none was asked for"
        )
    findings = [] if line in (None, asked) else [_other(subject, asked, str(line), says)]
    findings += _only_others(subject, asked)
    return Outcome(
        f"{words(line)}, by {says}" if line else f"nothing in it is for CUDA ({asked} was asked for)",
        tuple(findings),
    )


def words(line: object) -> str:
    """ "CUDA 13", "no CUDA"."""
    return "no CUDA" if line == "cpu" else f"CUDA {line}" if str(line).isdigit() else str(line)


def _other(subject: Subject, asked: str, line: str, says: str) -> Finding:
    oldest = compat.OLDEST_DRIVER.get(int(line)) if line.isdigit() else None
    driver = (
        f"It wants a driver of {'.'.join(map(str, oldest))} or newer"
        if oldest
        else "It runs on other hardware"
    )
    torch = subject.wheel("torch")
    index = f"https://download.pytorch.org/whl/{_INDEXES[asked]}"
    return Finding(
        f"{says} is made for {words(line)}, and --cuda {asked} asks for {words(asked)}",
        f"{driver}, and extensions for {words(asked)} do not load with it."
        if line != "cpu"
        else "It uses no GPU.",
        (Evidence(torch.file if torch else says, f"{words(line)}, by its version and requirements"),),
        Fix(
            f"name an index that has it for {words(asked)} (PIP_EXTRA_INDEX_URL={index}, or a mirror of that), or a "
            f"release that is (torch==X+{_INDEXES[asked]})"
            if torch
            else f"ask for what is made for {words(asked)}, or leave --cuda {asked} out"
        ),
        severity=Severity.ERROR,
    )


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
