"""The report as one HTML file with nothing outside it: findings as cards, facts folded away."""

from html import escape
from string import Template
from typing import Iterator, List

import envdoctor
from envdoctor.catalogue import Diagnosis
from envdoctor.facts import Facts
from envdoctor.finding import Evidence, Fix
from envdoctor.report import shell, summary
from envdoctor.report.groups import Group, Occurrence, grouped
from envdoctor.report.markdown import headline
from envdoctor.report.page_style import COPY_SCRIPT, CSS
from envdoctor.report.style import Style, clean, shorten
from envdoctor.report.text import note_line
from envdoctor.scrub import scrub_text

EVIDENCE_LINES = 40
PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>envdoctor: $headline</title>
<style>$css</style>
</head>
<body>
<main>
<header>
<p class="brand">envdoctor $version</p>
<h1 class="$status">$headline</h1>
<p class="examined">$examined</p>
</header>
$findings
$notes
<section aria-label="Facts"><h2>Facts</h2>
$facts
</section>
</main>
<script>$script</script>
</body>
</html>
""")


def render(facts: Facts, diagnosis: Diagnosis, home: str, style: Style) -> str:
    """The whole page."""
    del style
    title = headline(diagnosis)
    text = PAGE.substitute(
        headline=_text(title[0].upper() + title[1:], home),
        status=diagnosis.findings[0].severity.value
        if diagnosis.findings and diagnosis.findings[0].severity
        else "good",
        version=envdoctor.__version__,
        css=CSS,
        script=COPY_SCRIPT,
        examined=_text(summary.in_one_line(facts), home),
        findings="\n".join(_card(group, home) for group in grouped(diagnosis.findings)),
        notes=_notes(diagnosis, home),
        facts="\n".join(_section(section, home) for section in summary.sections(facts)),
    )
    return text.encode("utf-8", "backslashreplace").decode()


def _card(group: Group, home: str) -> str:
    severity = group.severity.value
    parts = [
        f'<article class="card {severity}">',
        f'<h2><span class="badge {severity}">{severity}</span> <code>{_text(group.rule, home)}</code></h2>',
        *(_occurrence(occurrence, home) for occurrence in group.occurrences),
    ]
    if group.consequence:
        parts.append(f"<h3>What follows</h3><p>{_prose(group.consequence, home)}</p>")
    if group.fix:
        parts.append(f"<h3>What to do</h3><p>{_prose(group.fix.title, home)}</p>")
        parts.extend(_fix(group.fix, home))
    return "\n".join([*parts, "</article>"])


def _occurrence(occurrence: Occurrence, home: str) -> str:
    places = "".join(f' <span class="place">{_text(name, home)}</span>' for name in occurrence.places)
    lines = [f'<p class="message">{_prose(occurrence.message, home)}{places}</p>']
    lines += [_evidence(piece, home) for piece in occurrence.evidence]
    return "\n".join(lines)


def _evidence(piece: Evidence, home: str) -> str:
    text = shorten(clean(piece.text).strip("\n"), EVIDENCE_LINES)
    return (
        f"<figure><figcaption>{_text(piece.source, home)}</figcaption><pre>{_text(text, home)}</pre></figure>"
    )


def _fix(fix: Fix, home: str) -> Iterator[str]:
    environment = [scrub_text(clean(line), "") for line in shell.environment_lines(fix, home, indented=False)]
    if environment:
        yield _copyable("\n".join(environment))
    for command in shell.commands(fix):
        yield _copyable(shell.hide_home(clean(command.command), home))
    for edit in shell.edits(fix):
        old, new = (_text(text, home) for text in (edit.old, edit.new))
        yield (
            f"<figure><figcaption>{_text(f'{edit.file}:{edit.line}', home)}</figcaption>"
            f"<pre><del>- {old}</del>\n<ins>+ {new}</ins></pre></figure>"
        )


def _copyable(text: str) -> str:
    return f'<div class="copy"><button type="button" hidden>Copy</button><pre>{escape(text)}</pre></div>'


def _notes(diagnosis: Diagnosis, home: str) -> str:
    if not diagnosis.notes:
        return ""
    items = "\n".join(f"<li>{_text(note_line(note), home)}</li>" for note in diagnosis.notes)
    return f'<section class="notes"><h2>Could not be determined</h2>\n<ul>{items}</ul></section>'


def _section(section: summary.Section, home: str) -> str:
    rows: List[str] = []
    for label, value in section.rows:
        rows.append(f'<tr><th scope="row">{_text(label, home)}</th><td>{_text(value, home)}</td></tr>')
    title = f"{escape(section.title)} <small>{_text(_glance(section), home)}</small>"
    return f"<details><summary>{title}</summary><table>{''.join(rows)}</table></details>"


def _glance(section: summary.Section) -> str:
    """What the folded section says in short: its only row, or how many there are."""
    return section.rows[0][1] if len(section.rows) == 1 else f"{len(section.rows)} entries"


def _text(text: str, home: str) -> str:
    return escape(scrub_text(clean(text), home))


def _prose(text: str, home: str) -> str:
    """Text of a rule, with its `code` marked as such."""
    parts = _text(text, home).split("`")
    if len(parts) % 2 == 0:
        return "`".join(parts)
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))
