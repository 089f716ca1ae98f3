"""Versions as numbers to compare, and tables by release."""

import re
from typing import Optional, Tuple

Release = Tuple[int, int]


def release(version: Optional[str]) -> Optional[Release]:
    """(12, 4) of "12.4.131"; "13" is (13, 0); None when it does not begin with a number."""
    match = re.match(r"(\d+)(?:\.(\d+))?", version or "")
    return (int(match[1]), int(match[2] or 0)) if match else None


def numbers(version: Optional[str]) -> Tuple[int, ...]:
    """The numeric parts of a dotted version, to compare with: "580.65.06" is (580, 65, 6); () when not known."""
    return tuple(int(part) for part in (version or "").split(".") if part.isdigit())


def at_least(table: Tuple[Tuple[Release, int], ...], release: Release) -> int:
    """The value of the newest row that `release` reaches; the last row for older ones."""
    return next((value for first, value in table if release >= first), table[-1][1])
