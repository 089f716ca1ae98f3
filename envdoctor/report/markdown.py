"""The report as Markdown that reads well in an issue: a table, then each finding, then the facts folded away."""

import re
from typing import Iterable, Iterator, List, Sequence

from envdoctor.catalogue import Diagnosis
from envdoctor.facts import Facts
from envdoctor.finding import Fix
from envdoctor.report import shell, summary
from envdoctor.report.groups import Group, counts, grouped
from envdoctor.report.style import Style, clean, counted, shorten
from envdoctor.scrub import scrub_text

# What would be markup, a mention of a person or a link to another issue.
_MARKUP = re.compile(r"[\\*_<>\[\]|~&]|@(?=\w)|#(?=\d)")
_ENTITIES = {"@": "&#64;", "#": "&#35;", "<": "&lt;", ">": "&gt;", "&": "&amp;"}


def render(facts: Facts, diagnosis: Diagnosis, home: str, style: Style) -> str:
    """The whole report."""
    del style
    lines = [f"# envdoctor: {headline(diagnosis)}", "", prose(summary.in_one_line(facts)), ""]
    groups = grouped(diagnosis.findings)
    if groups:
        lines += ["| severity | rule | what is so |", "| --- | --- | --- |", *map(_row, groups), ""]
    for group in groups:
        lines += _group(group, home)
    if diagnosis.notes:
        lines += ["## Could not be determined", ""]
        lines += [f"- {prose(f'{note.source}: {note.text}')}" for note in diagnosis.notes] + [""]
    lines += ["<details><summary>Facts</summary>", ""]
    for section in summary.sections(facts):
        lines += [f"**{section.title}**", "", "| | |", "| --- | --- |"]
        lines += [f"| {cell(label)} | {cell(value)} |" for label, value in section.rows] + [""]
    return scrub_text("\n".join([*lines, "</details>"]) + "\n", home)


def headline(diagnosis: Diagnosis) -> str:
    """The outcome in a few words."""
    numbers = counts(diagnosis.findings)
    words = [counted(n, s.value) if s.value != "info" else f"{n} info" for s, n in numbers.items()]
    if words:
        return ", ".join(words)
    return "no problem found" + (" in what could be examined" if diagnosis.notes else "")


def _row(group: Group) -> str:
    more = f" (and {len(group.occurrences) - 1} more)" if len(group.occurrences) > 1 else ""
    return f"| {group.severity.value} | `{group.rule}` | {cell(group.occurrences[0].message)}{more} |"


def _group(group: Group, home: str) -> Iterator[str]:
    yield from (f"## {group.severity.value}: `{group.rule}`", "")
    for occurrence in group.occurrences:
        places = "".join(f" ({_code(name)})" for name in occurrence.places)
        yield from (prose(occurrence.message) + places, "")
        seen = [f"{clean(piece.source)}: {shorten(clean(piece.text), 20)}" for piece in occurrence.evidence]
        yield from fenced(seen, "text") if seen else ()
    if group.consequence:
        yield from (f"**What follows:** {prose(group.consequence)}", "")
    if group.fix:
        yield from (f"**What to do:** {prose(group.fix.title)}", "", *_fix(group.fix, home))


def _fix(fix: Fix, home: str) -> Iterator[str]:
    lines = [scrub_text(clean(line), "") for line in shell.environment_lines(fix, home, indented=False)]
    for command in shell.commands(fix):
        lines += [shell.hide_home(clean(line), home) for line in command.command.splitlines()]
    if lines:
        yield from fenced(lines, "sh")
    for edit in shell.edits(fix):
        yield from (f"In {_code(f'{edit.file}:{edit.line}')}:", "")
        yield from fenced([f"- {clean(edit.old)}", f"+ {clean(edit.new)}"], "diff")


def fenced(lines: List[str], language: str) -> Iterator[str]:
    """A code block whose fence is longer than any run of backticks in it."""
    text = "\n".join(lines)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    yield from (fence + language, text, fence, "")


def prose(text: str) -> str:
    """Text of a rule: its own `code` stays code, everything else that would be markup is shown as it is."""
    parts = clean(text).replace("\n", " ").split("`")
    if len(parts) % 2 == 0:
        return _escaped("".join(parts[:1]) + "'".join(["", *parts[1:]]))
    return "`".join(part if number % 2 else _escaped(part) for number, part in enumerate(parts))


def _escaped(text: str) -> str:
    return _MARKUP.sub(lambda match: _ENTITIES.get(match[0], "\\" + match[0]), text)


def cell(text: str) -> str:
    return prose(text.replace("`", "'"))


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Lines of a table; the values are text."""
    yield f"| {' | '.join(heads)} |"
    yield f"| {' | '.join('---' for _ in heads)} |"
    for row in rows:
        yield f"| {' | '.join(cell(str(value)) for value in row)} |"


def _code(text: str) -> str:
    return "`" + clean(text).replace("`", "'").replace("\n", " ") + "`"
