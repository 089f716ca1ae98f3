"""The table, and what came of it, as text, as Markdown and as JSON."""

import posixpath
from dataclasses import asdict
from typing import Any, Dict, List, Optional, Sequence, Tuple

from envdoctor.matrix.line import Outcome
from envdoctor.matrix.lines import release_line, targets
from envdoctor.matrix.served import Tried
from envdoctor.matrix.table import CudaLine, Table, TableError
from envdoctor.report.markdown import table as markdown_table

Rows = Sequence[Sequence[str]]

_OUTCOME = ("CUDA", "wheel", "built in", "size", "GPU code", "tests", "")


def in_columns(rows: Rows) -> str:
    """A header and rows, side by side."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)
    return "\n".join(lines) + "\n"


def in_markdown(rows: Rows) -> str:
    """The same for a page."""
    return "\n".join(markdown_table(rows[0], rows[1:])) + "\n"


def table_rows(table: Table) -> Rows:
    """CUDA lines."""
    release = _release(table)
    return [
        ("CUDA", "compiles for", "platforms", "image", ""),
        *(
            (
                line.version,
                " ".join(targets(table, line)),
                " ".join(line.platforms),
                line.image or "-",
                "the release" if line == release else "",
            )
            for line in table.cuda
        ),
    ]


def table_words(table: Table) -> str:
    """The rest of it, in lines."""
    tried = "; ".join(f"{each.python} with {' '.join(each.requires)}" for each in table.served)
    return (
        f"Python {', '.join(table.python.tested)} are tested; {table.python.builder} builds the wheels.\n"
        + (f"One wheel is tried in Python {tried}.\n" if tried else "")
    )


def table_json(table: Table) -> Dict[str, Any]:
    """All of it, with what follows from it."""
    release = _release(table)
    document = asdict(table)
    for each, line in zip(document["cuda"], table.cuda):
        each["archs"] = list(targets(table, line))
        each["release"] = line == release
    return document


def _release(table: Table) -> Optional[CudaLine]:
    """None where no line can build one, which stops only who wants to."""
    try:
        return release_line(table)
    except TableError:
        return None


def outcome_rows(outcomes: Sequence[Outcome], tests: int) -> Rows:
    """What came of each line."""
    return [_OUTCOME, *(_outcome(each, tests) for each in outcomes)]


def outcome_json(outcomes: Sequence[Outcome]) -> List[Dict[str, Any]]:
    """The same with everything that is known."""
    return [asdict(each) for each in outcomes]


def _outcome(one: Outcome, tests: int) -> Tuple[str, ...]:
    return (
        one.cuda,
        posixpath.basename(one.wheel) or "-",
        f"{one.seconds['wheel']:.0f} s" if "wheel" in one.seconds else "-",
        f"{one.size / 1e6:.2f} MB" if one.size else "-",
        " ".join(one.code) or "-",
        f"{one.tests} of {tests}",
        f"{one.failed} failed: {one.why}" if one.failed else "as built before" if one.kept else "",
    )


def tried_rows(tried: Sequence[Tried]) -> Rows:
    """Environments, and whether the wheel works there."""
    return [
        ("Python", "with", "what is there", "served", ""),
        *(
            (
                each.python,
                " ".join(each.requires),
                each.found or "-",
                "no" if each.why else "yes",
                each.why or f"{each.seconds:.0f} s",
            )
            for each in tried
        ),
    ]
