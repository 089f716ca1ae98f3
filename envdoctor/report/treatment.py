"""What an overlay cures and what it cannot, in a few lines around the command that runs in it."""

from typing import Iterable, Iterator, List

from envdoctor.finding import SetEnv, Severity, Shim
from envdoctor.overlay.treatment import Treatment
from envdoctor.report import shell, text
from envdoctor.report.groups import Group, grouped
from envdoctor.report.style import Style, clean, counted

VALUE = 60


def before(treatment: Treatment, style: Style) -> str:
    """What is cured and how, and what is not; nothing where there is nothing to say."""
    lines: List[str] = []
    if treatment.cured:
        number = counted(len(grouped(treatment.cured)), "trouble")
        folder = clean(treatment.overlay.folder)
        lines.append(f"{_head(style)} {number} cured from outside, in {folder}; nothing else is changed")
        for group in grouped(treatment.cured):
            lines += _cured(group, style)
    errors = [finding for finding in treatment.left if finding.severity is Severity.ERROR]
    if errors:
        lines.append(f"{_head(style)} not curable from outside")
        for group in grouped(tuple(errors)):
            lines += _left(group, style)
    return "\n".join(lines) + "\n" if lines else ""


def after_failure(treatment: Treatment, how: str, style: Style) -> str:
    """What stands in the way still, in full, once the command has failed."""
    left = tuple(finding for finding in treatment.left if finding.severity is not Severity.INFO)
    if left:
        return f"{_head(style)} the command {how}; this was not cured:\n\n{text.in_full(left, style)}"
    lines = [f"{_head(style)} the command {how}, and nothing that envdoctor knows is left in its way"]
    lines += text.undetermined(treatment.notes, style) if treatment.notes else ()
    return "\n".join(lines) + "\n"


def _head(style: Style) -> str:
    return style.paint("strong", "envdoctor:")


def _cured(group: Group, style: Style) -> Iterator[str]:
    assert group.fix is not None
    yield f"  {style.paint('good', group.rule)}: {clean(group.fix.title)}"
    for line in how(group.fix.steps):
        yield style.paint("dim", f"      {clean(line)}")
    for command in shell.commands(group.fix):
        yield f"      to be run by you: {clean(command.command)}"


def how(steps: Iterable[object]) -> Iterator[str]:
    """The reversible steps of a fix, each in a line that is short enough to be read."""
    for step in steps:
        if isinstance(step, Shim):
            yield step.path
        elif isinstance(step, SetEnv) and step.value is None:
            yield f"{step.name} unset"
        elif isinstance(step, SetEnv):
            assert step.value is not None
            value = step.value.replace("{overlay}/", "")
            value = value if len(value) <= VALUE else f"{value[:VALUE]}..."
            sign = {"set": "=", "prepend": "=...", "append": "+="}[step.mode]
            yield f"{step.name}{sign}{value}"


def _left(group: Group, style: Style) -> Iterator[str]:
    yield f"  {style.paint('error', group.rule)}: {clean(group.occurrences[0].message)}"
    if group.fix:
        yield f"      {clean(group.fix.title)}"
