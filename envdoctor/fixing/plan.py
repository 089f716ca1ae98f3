"""What `fix` would do, in order: pure."""

from dataclasses import dataclass
from typing import Iterable, Iterator, Tuple, Union

from envdoctor.finding import Edit, Finding, Run, Safety, Severity
from envdoctor.overlay.plan import reversible_steps

Change = Union[Run, Edit]


@dataclass(frozen=True)
class Item:
    """One finding with the changes that would end it for good; `reversible`: an overlay cures it, or helps."""

    finding: Finding
    changes: Tuple[Change, ...]
    reversible: bool

    @property
    def rest_in_overlay(self) -> bool:
        """Whether the changes alone do not end it: the other part of the fix are variables and shim files."""
        return self.reversible and not any(isinstance(change, Edit) for change in self.changes)


def plan(findings: Iterable[Finding]) -> Tuple[Item, ...]:
    """Findings with a fix, in the order of the diagnosis; several may ask for the same change."""
    return tuple(
        Item(finding, tuple(_changes(finding)), bool(reversible_steps(finding)))
        for finding in findings
        if finding.fix is not None and finding.severity is not Severity.INFO
    )


def applicable(items: Iterable[Item], unsafe: bool) -> Tuple[Item, ...]:
    """Those of the items that may be applied, with the changes that may: never one that is manual."""
    allowed = (Safety.SAFE, Safety.UNSAFE) if unsafe else (Safety.SAFE,)
    kept = (
        Item(
            item.finding,
            tuple(change for change in item.changes if change.safety in allowed),
            item.reversible,
        )
        for item in items
        # The commands of a fix belong together: half of them would leave a worse state than none.
        if all(change.safety in allowed for change in item.changes)
    )
    return tuple(item for item in kept if item.changes)


def edits(items: Iterable[Item]) -> Tuple[Edit, ...]:
    """The changes of files among them, each once."""
    found = (change for item in items for change in item.changes if isinstance(change, Edit))
    return tuple(dict.fromkeys(found))


def _changes(finding: Finding) -> Iterator[Change]:
    assert finding.fix is not None
    yield from finding.fix.lasting
    yield from (step for step in finding.fix.steps if isinstance(step, (Run, Edit)))
