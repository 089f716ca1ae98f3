"""What an overlay cured, and what outlived it: pure."""

from dataclasses import dataclass
from typing import Iterable, List, Mapping, Optional, Tuple

from envdoctor.facts import Facts, Note
from envdoctor.finding import Finding, Severity
from envdoctor.overlay.plan import Overlay


@dataclass(frozen=True)
class Treatment:
    """An overlay and what was found in it."""

    overlay: Overlay
    #: Findings that are gone in the overlay.
    cured: Tuple[Finding, ...]
    #: Findings in the overlay: those that it has nothing for, and those that outlived their cure.
    left: Tuple[Finding, ...]
    notes: Tuple[Note, ...]
    #: The machine as the command finds it.
    facts: Facts
    #: What a command is run in.
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Choice:
    """Which rules may cure: only those of `only` (None: all), never those of `without`."""

    only: Optional[Tuple[str, ...]] = None
    without: Tuple[str, ...] = ()

    def of(self, findings: Iterable[Finding]) -> List[Finding]:
        """The findings that are worth a cure: a hint (info) is none."""
        return [
            finding
            for finding in findings
            if finding.severity is not Severity.INFO
            and finding.rule not in self.without
            and (self.only is None or finding.rule in self.only)
        ]
