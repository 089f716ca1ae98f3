"""The answers of `envdoctor find` as text and as JSON."""

from dataclasses import asdict
from typing import Any, Dict, List, Sequence

from envdoctor.find.model import Copy, Found
from envdoctor.report.style import Style, clean, counted

LOOKED = 12


def as_json(answers: Sequence[Found]) -> Dict[str, Any]:
    """The answers as they are."""
    return {"schema": "envdoctor.find/1", "answers": [asdict(answer) for answer in answers]}


def as_text(answers: Sequence[Found], style: Style) -> str:
    """Copies, then who takes which; or where it was looked for and what brings it."""
    lines: List[str] = []
    for answer in answers:
        if answer.copies:
            lines += [*_found(answer, style), ""]
    if not lines:
        lines += [*_missing(answers, style), ""]
    return "\n".join(lines[:-1]) + "\n"


def _found(answer: Found, style: Style) -> List[str]:
    copies = counted(len(answer.copies), "copy")
    lines = [f"{style.paint('strong', clean(answer.name))}: {answer.what}, {copies}"]
    for copy in answer.copies:
        lines += ["", f"  {clean(copy.path)}", *style.wrap(clean(_about(copy)), "    ", "    ")]
    lines += ["", style.paint("strong", "Taken by")]
    for taken in answer.taken:
        lines.append(f"  {clean(taken.by)}")
        lines += style.wrap(clean(f"{taken.path or 'nothing'} ({taken.why})"), "    ", "    ")
    return lines


def _about(copy: Copy) -> str:
    links = "".join(f" -> {name}" for name in copy.links)
    parts = [copy.kind + links, copy.version or "version not known", copy.owner, copy.remark]
    return "; ".join(part for part in parts if part)


def _missing(answers: Sequence[Found], style: Style) -> List[str]:
    names = " or ".join(answer.what for answer in answers)
    lines = [f"{style.paint('strong', clean(answers[0].name))}: no {names} of that name was found."]
    for answer in answers:
        for hint in answer.hints:
            lines += style.wrap(clean(hint), "  ", "    ")
    looked = list(dict.fromkeys(folder for answer in answers for folder in answer.looked))
    lines += [
        "",
        "Looked in:",
        *(f"  {clean(folder)}" for folder in (looked if style.verbose else looked[:LOOKED])),
    ]
    if len(looked) > LOOKED and not style.verbose:
        lines.append(f"  and {len(looked) - LOOKED} more folders (-v lists them)")
    return lines
