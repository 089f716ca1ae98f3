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
    """As machines are counted: 09 is followed by 10, 9 by 10, and 009 by 010 alone."""
    for (before, after), members in groupby(map(_apart, names), key=lambda each: (each[0], each[2])):
        run: List[str] = []
        for _, number, _ in members:
            if run and number and number != str(int(run[-1]) + 1).zfill(len(run[-1])):
                yield _range(before, run, after)
                run = []
            run.append(number)
        yield _range(before, run, after)


def _range(before: str, run: List[str], after: str) -> _Range:
    return _Range(before, run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}", after, len(run))


def _apart(name: str) -> Tuple[str, str, str]:
    """Its last number, and what is before and after; a name without one is not to be joined with another."""
    match = _NUMBERED.fullmatch(name)
    return (match["before"], match["number"], match["after"]) if match else (name, "", "")


def _by_number(name: str) -> Tuple[List[Tuple[int, str]], str]:
    parts = _NUMBER.split(name)
    return [(int(part) if place % 2 else -1, part) for place, part in enumerate(parts)], name
