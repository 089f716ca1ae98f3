"""Many machines as Markdown that reads well in an issue or a wiki: tables; what differs in each group is folded."""

from typing import Iterable, Iterator, Sequence

from envdoctor.fleet.names import some
from envdoctor.fleet.result import Fleet, Group, Judged
from envdoctor.report.difference_words import by_fact
from envdoctor.report.fleet import NAMES, description, ending
from envdoctor.report.markdown import cell, prose, table

# Of the groups, and of what differs in one fact; --format json has all.
_GROUPS, _WORDS = 40, 12


def as_markdown(fleet: Fleet) -> str:
    """The whole answer."""
    lines = [f"# envdoctor fleet: {prose(ending(fleet))}", ""]
    shown = fleet.groups[:_GROUPS]
    lines += _table(("machines", "which", "what they are", "differ from the norm in"), map(_group, shown))
    if len(fleet.groups) > _GROUPS:
        lines += [f"And {len(fleet.groups) - _GROUPS} more groups; `--format json` has all.", ""]
    for each in shown:
        lines += _details(each)
    findings = [
        (each.severity.value, each.rule, len(each.machines), _names(each.machines), each.messages[0][0])
        for each in fleet.findings
        if each.severity
    ]
    lines += _table(("severity", "rule", "machines", "which", "what is so"), findings, "Findings")
    lines += _table(("bundle", "fits", "machines", "which", "why"), map(_bundle, fleet.bundles), "Bundles")
    unknown = [(each.rule, len(each.machines), each.messages[0][0]) for each in fleet.undetermined]
    lines += _table(("what", "machines", "why"), unknown, "Could not be determined")
    return "\n".join([*lines, *_table(("report", "why"), fleet.unread, "Could not be read")]) + "\n"


def _group(group: Group) -> Sequence[object]:
    differs = "the norm" if group.norm else ", ".join(group.differs)
    return len(group.machines), _names(group.machines), description(group), differs


def _bundle(judged: Judged) -> Sequence[object]:
    verdict = judged.verdict
    why = verdict.known if verdict.targets else verdict.against
    fits = ", ".join(verdict.targets) or "no"
    return verdict.bundle, fits, len(judged.machines), _names(judged.machines), "; ".join(why)


def _details(group: Group) -> Iterator[str]:
    if group.norm:
        return
    yield f"<details><summary>What differs on {cell(_names(group.machines))}</summary>"
    yield ""
    for name, words in by_fact(group.differences).items():
        more = [f"and {len(words) - _WORDS} more"] if len(words) > _WORDS else []
        yield f"- **{prose(name)}**: {cell('; '.join([*words[:_WORDS], *more]))}"
    yield from ("", "</details>", "")


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> Iterator[str]:
    """None where it has no rows."""
    rows = list(rows)
    if rows:
        yield from (f"## {title}", "") if title else ()
        yield from (*table(heads, rows), "")


def _names(machines: Sequence[str]) -> str:
    return some(machines, NAMES)
