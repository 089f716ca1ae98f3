"""An explanation of a log for a person, as Markdown, and as JSON, schema envdoctor.explanation/1."""

from typing import Any, Dict, Iterator, List, Sequence

from envdoctor.explanation import Explanation
from envdoctor.finding import Evidence, Finding, LogLine
from envdoctor.report.json_ import fix_to_json
from envdoctor.report.markdown import fenced, prose
from envdoctor.report.style import Style, clean, counted
from envdoctor.report.text import labelled, steps

SCHEMA = "envdoctor.explanation/1"
FOLLOWS, SIGNS, OTHERS = 3, 3, 4

_VERDICTS = {
    "failure": "it failed, for this reason:",
    "not-environment": "a failure that no known problem of an environment explains.",
    "not-enough": "something failed, and its cause is not in what is here.",
    "no-failure": "nothing failed.",
}
_IN_SPITE = "it ended well, and nothing came of what went wrong before."
_SURE = {"high": "", "medium": "  (likely; other causes have the same words)", "low": "  (a mere hint)"}


def as_text(name: str, explanation: Explanation, style: Style) -> str:
    """The root cause first."""
    lines: List[str] = []
    if explanation.verdict == "failure":
        for rank, finding in enumerate(explanation.findings[: 1 + OTHERS]):
            lines += (
                ["", *_finding(finding, rank, explanation, style)]
                if lines
                else _finding(finding, rank, explanation, style)
            )
        left = len(explanation.findings) - 1 - OTHERS
        lines += ["", f"and {counted(left, 'weaker sign')} of other causes"] if left > 0 else []
        lines += ["", *_seen("besides", explanation.signs, style)] if explanation.signs else []
        rule = explanation.findings[0].rule
        lines += ["", f"`envdoctor explain {rule}` tells more, for any rule."]
    else:
        lines += _outcome(name, explanation, style)
    lines += [f"note: {clean(note.source)}: {clean(note.text)}" for note in explanation.notes]
    return "\n".join(lines) + "\n"


def as_markdown(name: str, explanation: Explanation) -> str:
    """The root cause first, for an issue or a job's summary."""
    lines = [f"# {prose(name)}", "", _verdict(explanation).capitalize(), ""]
    for finding in explanation.findings[: 1 + OTHERS]:
        lines += _finding_in_markdown(finding, explanation)
    lines += ["Besides:", ""] if explanation.verdict == "failure" and explanation.signs else []
    lines += _quoted(explanation.signs[:SIGNS])
    lines += [prose(explanation.more), ""] if explanation.more else []
    lines += [f"Note: {prose(f'{note.source}: {note.text}')}" for note in explanation.notes]
    return "\n".join(lines).rstrip() + "\n"


def _finding_in_markdown(finding: Finding, explanation: Explanation) -> Iterator[str]:
    yield from (f"## {finding.rule}{_SURE[finding.confidence].replace('  ', ' ', 1)}", "")
    yield from (f"{prose(finding.message)} {prose(finding.consequence)}", "")
    yield from _quoted(finding.evidence)
    if finding.fix:
        yield from (f"**Do:** {prose(finding.fix.title)}", "")
        todo = [clean(line) for line in steps(finding.fix)]
        yield from fenced(todo, "sh") if todo else ()
    here = explanation.here.get(finding.rule)
    if here:
        yield from (f"**Here:** {prose(str(here))}", "")


def _quoted(pieces: Sequence[Evidence]) -> Iterator[str]:
    """As they stand, in a block of code."""
    if pieces:
        yield from fenced([f"{clean(piece.source)}: {clean(piece.text)}" for piece in pieces], "text")


def _verdict(explanation: Explanation) -> str:
    if explanation.verdict == "no-failure" and explanation.signs:
        return _IN_SPITE
    return _VERDICTS[explanation.verdict]


def to_json(name: str, explanation: Explanation) -> Dict[str, Any]:
    """Best finding first."""
    return {
        "schema": SCHEMA,
        "log": name,
        "verdict": explanation.verdict,
        "findings": [
            _finding_to_json(finding, rank, explanation)
            for rank, finding in enumerate(explanation.findings, 1)
        ],
        "signs": [_line(line) for line in explanation.signs],
        "more": explanation.more,
        "notes": [{"source": note.source, "text": note.text} for note in explanation.notes],
    }


def _finding(finding: Finding, rank: int, explanation: Explanation, style: Style) -> Iterator[str]:
    first = "maybe" if finding.confidence == "low" else "cause"
    kind = style.paint("error", first) if rank == 0 else style.paint("warning", "also ")
    yield f"{kind}  {style.paint('strong', finding.rule)}{style.paint('dim', _SURE[finding.confidence])}"
    yield from style.wrap(clean(finding.message), "  ", "  ")
    for number, piece in enumerate(finding.evidence):
        yield from labelled("" if number else "seen", f"{piece.source}: {clean(piece.text)}", style)
    yield from labelled("follows", clean(finding.consequence), style)
    if rank == 0:
        for line in explanation.follows[:FOLLOWS]:
            yield from labelled("", f"{line.source}: {clean(line.text)}", style)
    if finding.fix:
        yield from labelled("do", clean(finding.fix.title), style)
        yield from (f"{'':13}{clean(line)}" for line in steps(finding.fix))
    here = explanation.here.get(finding.rule)
    if here and here.answer != "not checkable":
        yield from labelled("here", clean(str(here)), style)


def _outcome(name: str, explanation: Explanation, style: Style) -> Iterator[str]:
    verdict = _verdict(explanation)
    yield f"{clean(name)}: " + (
        style.paint("good", verdict) if explanation.verdict == "no-failure" else verdict
    )
    yield from _seen("seen", explanation.signs, style)
    if explanation.more:
        yield from labelled("do", clean(explanation.more), style)


def _seen(label: str, signs: Sequence[Evidence], style: Style) -> Iterator[str]:
    for number, line in enumerate(signs[:SIGNS]):
        yield from labelled("" if number else label, f"{line.source}: {clean(line.text)}", style)


def _finding_to_json(finding: Finding, rank: int, explanation: Explanation) -> Dict[str, Any]:
    here = explanation.here.get(finding.rule)
    return {
        "rule": finding.rule,
        "rank": rank,
        "confidence": finding.confidence,
        "message": finding.message,
        "consequence": finding.consequence,
        "evidence": [_line(piece) for piece in finding.evidence],
        "follows": [_line(line) for line in explanation.follows] if rank == 1 else [],
        "fix": fix_to_json(finding.fix),
        "here": {"answer": here.answer, "text": here.text} if here else None,
    }


def _line(piece: Evidence) -> Dict[str, Any]:
    return {"line": piece.line if isinstance(piece, LogLine) else None, "text": piece.text}
