"""The report for a person at a terminal: worst first, what is so, what follows, what to do."""

from typing import Iterator, List, Tuple

from envdoctor.catalogue import Diagnosis
from envdoctor.facts import Facts, Note
from envdoctor.finding import Edit, Evidence, Finding, Fix, Run, Safety, Severity
from envdoctor.report import shell
from envdoctor.report.groups import Group, Occurrence, counts, grouped
from envdoctor.report.style import Style, clean, counted, shorten
from envdoctor.report.summary import in_one_line

LABEL = 11
EVIDENCE_LINES = 5
OCCURRENCES = 8
NOTES = 5


def render(facts: Facts, diagnosis: Diagnosis, home: str, style: Style) -> str:
    """The whole report. Paths stay as they are: the lines under "do" are there to be copied."""
    del home
    if not diagnosis.findings:
        return _quiet(facts, diagnosis, style)
    return in_full(diagnosis.findings, style) + "\n".join(_ending(diagnosis, style)) + "\n"


def in_full(findings: Tuple[Finding, ...], style: Style) -> str:
    """Every finding with evidence, consequence and cure."""
    lines: List[str] = []
    for group in grouped(findings):
        lines += [*_group(group, style), ""]
    return "".join(f"{line}\n" for line in lines)


def _quiet(facts: Facts, diagnosis: Diagnosis, style: Style) -> str:
    """One line that says what was examined; it is never wrapped, so that it can be searched."""
    examined = clean(in_one_line(facts))
    by = f" (asked: {', '.join(diagnosis.only)} alone)" if diagnosis.only else ""
    if not diagnosis.notes:
        return style.paint("good", f"No problem found{by}") + f": {examined}\n"
    if style.verbose:
        lines = [
            f"No problem found{by} in what could be examined: {examined}",
            *undetermined(diagnosis.notes, style),
        ]
        return "\n".join(lines) + "\n"
    if len(diagnosis.notes) == 1:
        note = diagnosis.notes[0]
        open_ = f"{clean(note.source)}: {clean(note.text)}"
    else:
        sources = list(dict.fromkeys(clean(note.source) for note in diagnosis.notes))
        more = f" and {len(sources) - 4} more" if len(sources) > 4 else ""
        open_ = f"{', '.join(sources[:4])}{more} (-v says why)"
    return f"No problem found{by} in what could be examined: {examined}; not determined: {open_}\n"


def _group(group: Group, style: Style) -> Iterator[str]:
    yield f"{style.paint(group.severity.value, group.severity.value)}  {style.paint('strong', group.rule)}"
    shown = group.occurrences if style.verbose else group.occurrences[:OCCURRENCES]
    for occurrence in shown:
        yield from _occurrence(occurrence, style)
    if len(shown) < len(group.occurrences):
        yield f"  and {len(group.occurrences) - len(shown)} more of the kind (-v lists them)"
    if group.consequence:
        yield from labelled("follows", clean(group.consequence), style)
    if group.fix:
        yield from labelled("do", clean(group.fix.title), style)
        for line in steps(group.fix):
            yield " " * (LABEL + 2) + clean(line)


def _occurrence(occurrence: Occurrence, style: Style) -> Iterator[str]:
    yield from style.wrap(clean(occurrence.message), "  ", "  ")
    for number, name in enumerate(occurrence.places):
        yield from labelled("" if number else "where", clean(name), style)
    for number, piece in enumerate(occurrence.evidence):
        yield from labelled("" if number else "seen", _evidence(piece, style), style)


def _evidence(piece: Evidence, style: Style) -> str:
    text = clean(piece.text).strip("\n")
    text = text if style.verbose else shorten(text, EVIDENCE_LINES)
    if "\n" in text:
        text = "\n" + "\n".join(f"  {line}" for line in text.splitlines())
        return f"{clean(piece.source)}:{text}"
    return f"{clean(piece.source)}: {text}" if text else clean(piece.source)


def steps(fix: Fix) -> Iterator[str]:
    """What to paste, run or change, each as it works by hand."""
    yield from shell.environment_lines(fix)
    for command in shell.commands(fix):
        if command.safety is Safety.UNSAFE:
            yield "# changes what is installed:"
        yield from command.command.splitlines()
    for edit in shell.edits(fix):
        yield f"{edit.file}:{edit.line}"
        yield f"- {edit.old}"
        yield f"+ {edit.new}"


def labelled(label: str, text: str, style: Style) -> Iterator[str]:
    """A line with a label in front, wrapped beside it."""
    lines = style.wrap(text, " " * LABEL, " " * LABEL)
    head = f"  {label}".ljust(LABEL)
    yield style.paint("dim", head) + lines[0][LABEL:]
    yield from lines[1:]


def _ending(diagnosis: Diagnosis, style: Style) -> Iterator[str]:
    numbers = counts(diagnosis.findings)
    words = [
        style.paint(s.value, counted(n, s.value) if s.value != "info" else f"{n} info")
        for s, n in numbers.items()
    ]
    yield ", ".join(words) + f"; `envdoctor explain {diagnosis.findings[0].rule}` tells more, for any rule."
    cures = [f for f in diagnosis.findings if f.fix and f.fix.safety is Safety.REVERSIBLE]
    if any(finding.severity is not Severity.INFO for finding in cures):
        some = "these" if len(cures) == len(diagnosis.findings) else f"{len(cures)} of these"
        yield from style.wrap(f"`envdoctor run -- CMD` runs CMD with {some} cures, and changes nothing.")
    if any(_lasts(finding) for finding in diagnosis.findings):
        yield from style.wrap("`envdoctor fix` lists the edits and commands that last.")
    if diagnosis.notes:
        yield from undetermined(diagnosis.notes, style)


def _lasts(finding: Finding) -> bool:
    """Whether there is a change that `fix` can make."""
    steps = (*finding.fix.steps, *finding.fix.lasting) if finding.fix else ()
    return finding.severity is not Severity.INFO and any(
        isinstance(step, (Run, Edit)) and step.safety is not Safety.MANUAL for step in steps
    )


def undetermined(notes: Tuple[Note, ...], style: Style) -> Iterator[str]:
    """What could not be told, which is no pass."""
    yield style.paint("strong", "Could not be determined:")
    shown = notes if style.verbose else notes[:NOTES]
    for note in shown:
        yield from style.wrap(note_line(note), "- ", "  ")
    if len(shown) < len(notes):
        yield f"- and {len(notes) - len(shown)} more (-v lists them)"


def note_line(note: Note) -> str:
    """A note in one line."""
    return clean(" ".join(f"{note.source}: {note.text}".split()))
