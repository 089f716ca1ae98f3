"""What an overlay cures and what it cannot, in a few lines around the command that runs in it."""

from typing import Iterator, List

from envdoctor.explanation import Explanation
from envdoctor.finding import Fix, SetEnv, Severity
from envdoctor.overlay.treatment import Treatment
from envdoctor.report import shell, text
from envdoctor.report.explanation import as_text
from envdoctor.report.groups import Group, grouped
from envdoctor.report.style import Style, clean, counted

VALUE, FILES = 40, 2


def before(treatment: Treatment, style: Style) -> str:
    """What is cured and how, and what is not; nothing where there is nothing to say."""
    lines: List[str] = []
    if treatment.cured:
        number = counted(len(grouped(treatment.cured)), "finding")
        folder = clean(treatment.overlay.folder)
        lines.append(f"{_head(style)} {number} cured from outside, in {folder}; nothing else is changed")
        for group in grouped(treatment.cured):
            lines += _cured(group, style)
    errors = [finding for finding in treatment.left if finding.severity is Severity.ERROR]
    if errors:
        lines.append(f"{_head(style)} not curable from outside")
        tried = {finding.rule for finding in treatment.overlay.cures}
        for group in grouped(tuple(errors)):
            lines += _left(group, group.rule in tried, style)
    return "\n".join(lines) + "\n" if lines else ""


def after_failure(treatment: Treatment, explanation: Explanation, how: str, style: Style) -> str:
    """Why the command failed, by its own output, and what was found before and not cured."""
    told = {finding.rule for finding in explanation.findings}
    left = tuple(f for f in treatment.left if f.severity is not Severity.INFO and f.rule not in told)
    not_cured = f"this was not cured:\n\n{text.in_full(left, style)}" if left else ""
    if explanation.verdict in ("failure", "not-environment"):
        said = as_text("its output", explanation, style)
        return f"{_head(style)} the command {how}:\n\n{said}" + (
            f"\n{_head(style)} {not_cured}" if left else ""
        )
    if left:
        return f"{_head(style)} the command {how}; {not_cured}"
    lines = [
        f"{_head(style)} the command {how}; no cause was found in its output, the machine and the project"
    ]
    lines += [f"  {explanation.more}"] if explanation.more else []
    lines += text.undetermined(treatment.notes, style) if treatment.notes else ()
    return "\n".join(lines) + "\n"


def _head(style: Style) -> str:
    return style.paint("strong", "envdoctor:")


def _cured(group: Group, style: Style) -> Iterator[str]:
    assert group.fix is not None
    yield f"  {style.paint('good', group.rule)}: {clean(group.fix.title)}"
    yield from (style.paint("dim", line) for line in style.wrap(clean(_means(group.fix)), "    ", "    "))
    for command in shell.commands(group.fix):
        yield f"    to be run by you: {clean(command.command)}"


def _means(fix: Fix) -> str:
    """The variables of a fix and the names of its files, as short as they can be told."""
    files = [step.path for step in shell.shims(fix)]
    named = ", ".join(files[:FILES]) + (f" and {len(files) - FILES} more" if len(files) > FILES else "")
    variables = " ".join(_changed(step) for step in fix.steps if isinstance(step, SetEnv))
    return "; ".join(part for part in (variables, named and f"files: {named}") if part)


def _changed(step: SetEnv) -> str:
    if step.value is None:
        return f"{step.name} unset"
    value = step.value.replace("{overlay}/", "")
    value = value if len(value) <= VALUE else f"{value[:VALUE]}[...]"
    before = f"...{step.separator}" if step.mode == "append" else ""
    after = f"{step.separator}..." if step.mode == "prepend" else ""
    return f"{step.name}={before}{value}{after}"


def _left(group: Group, tried: bool, style: Style) -> Iterator[str]:
    yield f"  {style.paint('error', group.rule)}: {clean(group.occurrences[0].message)}"
    if tried:
        yield "    found still, with the cure in place"
    elif group.fix:
        yield f"    {clean(group.fix.title)}"
        for command in shell.commands(group.fix):
            yield f"      {clean(command.command)}"
