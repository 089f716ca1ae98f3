"""The plan of `envdoctor fix`, and what became of it, for a person."""

from typing import Iterable, Iterator, List, Tuple

from envdoctor.finding import Edit, Finding, Safety
from envdoctor.fixing.plan import Change, Item
from envdoctor.report.style import Style, clean

_SAFETY = {
    Safety.SAFE: "",
    Safety.UNSAFE: "  (needs --unsafe)",
    Safety.MANUAL: "  (by hand)",
}
_BY_HAND = "to be changed by hand"


def render(items: Tuple[Item, ...], style: Style) -> str:
    """Every fix in order, with what each changes."""
    lines: List[str] = []
    for number, item in enumerate(items, 1):
        finding = item.finding
        assert finding.fix is not None and finding.severity is not None
        head = style.paint(finding.severity.value, finding.rule)
        lines += style.wrap(f"{number}. {head}: {clean(finding.message)}", "", "   ")
        lines += style.wrap(clean(finding.fix.title), "   ", "   ")
        lines += [f"     {line}" for line in _changes(item)]
    return "\n".join([*lines, ""]) if lines else ""


def ending(items: Tuple[Item, ...], diff: bytes, left: Iterable[str], style: Style) -> str:
    """The edits as a diff, and what can be done now."""
    if not items:
        return "Nothing to fix.\n"
    lines = [
        "",
        *(clean(line) for line in diff.decode("utf-8", "replace").splitlines()),
        *([""] if diff else []),
    ]
    lines += [f"{clean(reason)}: {_BY_HAND}" for reason in left]
    changes = [change for item in items for change in item.changes]
    if any(change.safety is not Safety.MANUAL for change in changes):
        unsafe = " --unsafe" if any(change.safety is Safety.UNSAFE for change in changes) else ""
        lines += style.wrap(
            f"`envdoctor fix --apply{unsafe}` makes these changes and keeps a journal; `envdoctor fix --undo` takes "
            "edits back."
        )
    if diff:
        lines.append("`envdoctor fix --patch FILE` writes the diff and changes nothing.")
    if all(item.reversible and not item.changes for item in items):
        lines.append("Nothing here has to be changed: `envdoctor run -- CMD` cures it from outside.")
    return "\n".join(lines) + "\n"


def _changes(item: Item) -> Iterator[str]:
    for change in item.changes:
        yield from _described(change)
    if item.reversible:
        rest = "the rest: " if item.changes and item.rest_in_overlay else "or " if item.changes else ""
        yield f"{rest}cured without any change by `envdoctor run -- CMD`"
    if not item.changes and not item.reversible:
        yield f"no step that envdoctor can take; `envdoctor explain {item.finding.rule}` tells more"


def _described(change: Change) -> Iterator[str]:
    if isinstance(change, Edit):
        what = f"{clean(change.file)}:{change.line}: {clean(change.old)} -> {clean(change.new)}"
        yield f"edit {what}{_SAFETY[change.safety]}"
    else:
        first, *rest = clean(change.command).splitlines()
        undo = "" if change.undo or change.safety is Safety.MANUAL else "  (not taken back by --undo)"
        yield f"run  {first}{_SAFETY[change.safety]}{undo}"
        yield from (f"     {line}" for line in rest)


def outcome(applied: Iterable[Item], left: Iterable[Finding], style: Style) -> str:
    """Which of the findings are gone, now that the rules were asked again."""
    rules = {finding.rule for finding in left}
    lines = {}
    for item in applied:
        if item.finding.rule not in rules:
            word = style.paint("good", "cured")
        elif item.rest_in_overlay:
            word = "rest by `envdoctor run`"
        else:
            word = style.paint("error", "not cured")
        lines[item.finding.rule] = f"{word}  {item.finding.rule}"
    return "".join(f"{line}\n" for line in lines.values())
