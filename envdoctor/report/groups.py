"""Findings of one rule that share consequence and cure, put together so that neither is read twice."""

from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple

from envdoctor.finding import Evidence, Finding, Fix, Location, Severity


@dataclass(frozen=True)
class Occurrence:
    """What is so, once, with every place and piece of evidence that says it."""

    message: str
    locations: Tuple[Location, ...]
    evidence: Tuple[Evidence, ...]

    @property
    def places(self) -> Tuple[str, ...]:
        """Where it is so, as file:line, where the evidence does not say it already."""
        sources = {piece.source for piece in self.evidence}
        return tuple(name for name in map(place, self.locations) if name not in sources)


@dataclass(frozen=True)
class Group:
    """Occurrences with one rule, severity, consequence and fix."""

    rule: str
    severity: Severity
    consequence: str
    fix: Optional[Fix]
    occurrences: Tuple[Occurrence, ...]


def grouped(findings: Tuple[Finding, ...]) -> Tuple[Group, ...]:
    """Groups in the order of their first findings."""
    together: Dict[str, List[Finding]] = {}
    for finding in findings:
        key = repr((finding.rule, finding.severity, finding.consequence, finding.fix))
        together.setdefault(key, []).append(finding)
    return tuple(_group(members) for members in together.values())


def counts(findings: Tuple[Finding, ...]) -> Dict[Severity, int]:
    """How many findings of each severity, worst first, those without left out."""
    numbers = {severity: sum(f.severity is severity for f in findings) for severity in Severity}
    return {severity: number for severity, number in numbers.items() if number}


def place(location: Location) -> str:
    """file:line, or the file alone."""
    return location.file if location.line is None else f"{location.file}:{location.line}"


def _group(findings: List[Finding]) -> Group:
    first = findings[0]
    messages: Dict[str, List[Finding]] = {}
    for finding in findings:
        messages.setdefault(finding.message, []).append(finding)
    seen: Dict[Evidence, None] = {}
    occurrences = []
    for message, same in messages.items():
        evidence = dict.fromkeys(piece for finding in same for piece in finding.evidence if piece not in seen)
        seen.update(evidence)
        locations = dict.fromkeys(finding.location for finding in same if finding.location)
        occurrences.append(Occurrence(message, tuple(locations), tuple(evidence)))
    return Group(
        first.rule, first.severity or Severity.ERROR, first.consequence, first.fix, tuple(occurrences)
    )
