"""The table of patients: rows of Markdown, and their place in the README."""

from dataclasses import dataclass
from typing import Dict, Iterable, List, Sequence

BEGIN = "<!-- patients -->"
END = "<!-- /patients -->"
HEAD = "| patient | what is wrong | rules | plain | check | run | else |\n| --- | --- | --- | --- | --- | --- | --- |\n"


@dataclass(frozen=True)
class Row:
    """One patient or project, and what became of it."""

    name: str
    title: str
    rules: Sequence[str]
    #: plain, check, run and what else was touched, in words.
    results: Sequence[str]

    @property
    def line(self) -> str:
        """As a row of the table."""
        rules = " ".join(f"`{rule}`" for rule in self.rules)
        return f"| {self.name} | {self.title} | {rules} | {' | '.join(self.results)} |"


def name_of(line: str) -> str:
    """The first cell of a row."""
    return line.split("|")[1].strip()


def rows_in(document: str) -> List[str]:
    """The rows that stand between the markers."""
    inside = document.partition(BEGIN)[2].partition(END)[0]
    return [line for line in inside.splitlines() if line.startswith("| ")][2:]


def with_rows(document: str, new: Iterable[Row], order: Iterable[str]) -> str:
    """The document with those rows in place of the ones of the same names; rows of names not in `order` go."""
    lines: Dict[str, str] = {name_of(line): line for line in rows_in(document)}
    lines.update((row.name, row.line) for row in new)
    table = HEAD + "".join(f"{lines[name]}\n" for name in order if name in lines)
    before, _, rest = document.partition(BEGIN)
    return f"{before}{BEGIN}\n{table}{END}{rest.partition(END)[2]}"
