"""The report as GitHub workflow commands: annotations on the lines of a change."""

from typing import Dict, List

from envdoctor.catalogue import Diagnosis
from envdoctor.facts import Facts
from envdoctor.finding import Finding, Severity
from envdoctor.report.groups import counts
from envdoctor.report.markdown import headline
from envdoctor.report.places import project_path
from envdoctor.report.style import Style, clean
from envdoctor.report.summary import in_one_line
from envdoctor.report.text import steps
from envdoctor.scrub import scrub_text

COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(facts: Facts, diagnosis: Diagnosis, home: str, style: Style) -> str:
    """One command for each finding, then one plain line."""
    lines = [_command(finding, facts, style) for finding in diagnosis.findings]
    lines.append(clean(f"envdoctor: {headline(diagnosis)} ({in_one_line(facts)})"))
    return scrub_text("\n".join(lines) + "\n", home)


def as_outputs(diagnosis: Diagnosis) -> Dict[str, str]:
    """What later steps of the job can ask: the status of the JSON report, and how many of each severity."""
    numbers = counts(diagnosis.findings)
    counted = {f"{one.value}s": str(numbers.get(one, 0)) for one in (Severity.ERROR, Severity.WARNING)}
    return {"status": diagnosis.status, **counted}


def _command(finding: Finding, facts: Facts, style: Style) -> str:
    assert finding.severity is not None
    properties = []
    location = finding.location
    file = project_path(location.file, facts, style.prefix) if location else None
    if location and file:
        properties.append(f"file={_property(file)}")
        if location.line is not None:
            properties.append(f"line={location.line}")
    properties.append(f"title={_property(f'envdoctor: {finding.rule}')}")
    return f"::{COMMANDS[finding.severity]} {','.join(properties)}::{_data(_message(finding))}"


def _message(finding: Finding) -> str:
    parts: List[str] = [finding.message, finding.consequence]
    parts += [f"Seen: {piece.source}: {piece.text}" for piece in finding.evidence[:3]]
    if finding.fix:
        parts += [f"Do: {finding.fix.title}", *(f"  {line}" for line in steps(finding.fix))]
    return "\n".join(clean(part) for part in parts if part)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
