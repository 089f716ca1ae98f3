"""Names of machines: in the order of their numbers, and many in few words, as clusters do: node[001-120,133]."""

import re
from itertools import groupby
from typing import Iterable, Iterator, List, Tuple

_NUMBER = re.compile(r"(\d+)")
_NUMBERED = re.compile(r"(?P<before>.*?)(?P<number>\d{1,18})(?P<after>\D*)")


def in_order(names: Iterable[str]) -> List[str]:
    """node2 before node10."""
    return sorted(names, key=_by_number)


def folded(names: Iterable[str]) -> List[str]:
    """The names in order, neighbours that differ in their last number alone written as one."""
    return [text for text, _ in _folded(in_order(names))]


def some(names: Iterable[str], most: int) -> str:
    """The first `most` of what `folded` gives, and how many machines there are beyond."""
    parts = list(_folded(in_order(names)))
    more = sum(count for _, count in parts[most:])
    return ", ".join(text for text, _ in parts[:most]) + (f" and {more} more" if more else "")


def _folded(names: List[str]) -> Iterator[Tuple[str, int]]:
    for (before, after, width), members in groupby(names, key=_frame):
        numbers = [name[len(before) : len(name) - len(after)] for name in members] if width else [before]
        if len(numbers) == 1:
            yield f"{before}{numbers[0]}{after}" if width else before, 1
        else:
            yield f"{before}[{','.join(_ranges(numbers))}]{after}", len(numbers)


def _frame(name: str) -> Tuple[str, str, int]:
    """What is the same in the names of a row; the width of numbers with leading zeros, 0 without a number."""
    match = _NUMBERED.fullmatch(name)
    if not match:
        return name, "", 0
    padded = len(match["number"]) if match["number"].startswith("0") else -1
    return match["before"], match["after"], padded


def _ranges(numbers: List[str]) -> Iterator[str]:
    for _, run in groupby(enumerate(numbers), key=lambda pair: int(pair[1]) - pair[0]):
        members = [number for _, number in run]
        yield members[0] if len(members) == 1 else f"{members[0]}-{members[-1]}"


def _by_number(name: str) -> Tuple[List[Tuple[int, str]], str]:
    parts = _NUMBER.split(name)
    return [(int(part) if place % 2 else -1, part) for place, part in enumerate(parts)], name
