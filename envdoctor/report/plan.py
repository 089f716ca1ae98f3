"""The plan of `envdoctor fix`, and what became of it, for a person."""

from typing import Iterable, Iterator, List, Tuple

from envdoctor.finding import Edit, Finding, Safety
from envdoctor.fixing.plan import Change, Item
from envdoctor.report.style import Style, clean, counted

_SAFETY = {
    Safety.SAFE: "",
    Safety.UNSAFE: "  (changes the project or what is installed: --unsafe)",
    Safety.MANUAL: "  (by hand)",
}


def render(items: Tuple[Item, ...], style: Style) -> str:
    """Every fix in order, with what each changes."""
    if not items:
        return "Nothing to fix.\n"
    lines: List[str] = []
    for number, item in enumerate(items, 1):
        finding = item.finding
        assert finding.fix is not None and finding.severity is not None
        head = style.paint(finding.severity.value, finding.rule)
        lines += style.wrap(f"{number}. {head}: {clean(finding.message)}", "", "   ")
        lines += style.wrap(clean(finding.fix.title), "   ", "   ")
        lines += [f"     {line}" for line in _changes(item)]
    return "\n".join([*lines, "", *_ending(items, style)]) + "\n"


def _changes(item: Item) -> Iterator[str]:
    if item.reversible:
        yield "cured without any change by `envdoctor run -- CMD`"
    for change in item.changes:
        yield from described(change)
    if not item.changes and not item.reversible:
        yield "no step that envdoctor can take; `envdoctor explain " + item.finding.rule + "` tells more"


def described(change: Change) -> Iterator[str]:
    """One change in a line or three."""
    if isinstance(change, Edit):
        yield f"edit {clean(change.file)}:{change.line}{_SAFETY[change.safety]}"
        yield f"  - {clean(change.old)}"
        yield f"  + {clean(change.new)}"
    else:
        first, *rest = clean(change.command).splitlines()
        yield f"run  {first}{_SAFETY[change.safety]}"
        yield from (f"     {line}" for line in rest)


def _ending(items: Tuple[Item, ...], style: Style) -> Iterator[str]:
    changes = [change for item in items for change in item.changes]
    edits = [change for change in changes if isinstance(change, Edit)]
    if any(change.safety is not Safety.MANUAL for change in changes):
        unsafe = " --unsafe" if any(change.safety is Safety.UNSAFE for change in changes) else ""
        yield from style.wrap(
            f"`envdoctor fix --apply{unsafe}` makes these changes and keeps a journal; `envdoctor fix --undo` takes "
            "them back."
        )
    if edits:
        yield f"`envdoctor fix --patch FILE` writes {counted(len(edits), 'edit')} as a diff and changes nothing."
    if not changes:
        yield "Nothing here has to be changed: `envdoctor run -- CMD` cures it from outside."


def outcome(applied: Iterable[Finding], left: Iterable[Finding], style: Style) -> str:
    """Which of the findings are gone, now that the rules were asked again."""
    rules = {finding.rule for finding in left}
    lines = []
    for rule in dict.fromkeys(finding.rule for finding in applied):
        word = style.paint("error", "not cured") if rule in rules else style.paint("good", "cured")
        lines.append(f"{word}  {rule}")
    return "\n".join(lines) + "\n" if lines else ""
