"""Names of machines: in the order of their numbers, and many in few words, as clusters do: node[001-120,133]."""

import re
from itertools import groupby
from typing import Iterable, Iterator, List, NamedTuple, Tuple

_NUMBER = re.compile(r"(\d+)")
_NUMBERED = re.compile(r"(?P<before>.*?)(?P<number>\d{1,18})(?P<after>\D*)")


def in_order(names: Iterable[str]) -> List[str]:
    """node2 before node10."""
    return sorted(names, key=_by_number)


def some(names: Iterable[str], most: int) -> str:
    """Names in order, neighbours that differ in a number written as one: the first `most`, and how many more."""
    ranges = list(_ranges(in_order(names)))
    more = sum(each.machines for each in ranges[most:])
    shown = groupby(ranges[:most], key=lambda each: (each.before, each.after))
    text = ", ".join(_joined(before, after, list(members)) for (before, after), members in shown)
    return text + (f" and {more} more" if more else "")


class _Range(NamedTuple):
    """Machines whose numbers follow each other."""

    before: str
    numbers: str
    after: str
    machines: int


def _joined(before: str, after: str, ranges: List[_Range]) -> str:
    inside = ",".join(each.numbers for each in ranges)
    return (
        f"{before}{inside}{after}"
        if sum(each.machines for each in ranges) == 1
        else f"{before}[{inside}]{after}"
    )


def _ranges(names: List[str]) -> Iterator[_Range]:
    for (before, after, width), members in groupby(names, key=_frame):
        if not width:
            yield from (_Range(before, "", after, 1) for _ in members)
            continue
        numbers = [name[len(before) : len(name) - len(after)] for name in members]
        for _, run in groupby(enumerate(numbers), key=lambda pair: int(pair[1]) - pair[0]):
            row = [number for _, number in run]
            yield _Range(before, row[0] if len(row) == 1 else f"{row[0]}-{row[-1]}", after, len(row))


def _frame(name: str) -> Tuple[str, str, int]:
    """What is the same in the names of a row; the width of numbers with leading zeros, 0 without a number."""
    match = _NUMBERED.fullmatch(name)
    if not match:
        return name, "", 0
    padded = len(match["number"]) if match["number"].startswith("0") else -1
    return match["before"], match["after"], padded


def _by_number(name: str) -> Tuple[List[Tuple[int, str]], str]:
    parts = _NUMBER.split(name)
    return [(int(part) if place % 2 else -1, part) for place, part in enumerate(parts)], name
