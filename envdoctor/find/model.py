"""What a search answers."""

from dataclasses import dataclass
from typing import Optional, Tuple


@dataclass(frozen=True)
class Copy:
    """One copy. `links` are the names that lead from `path` to the file, in order."""

    path: str
    #: "shared" | "static" | "linker script" | "stub" | "header" | "binary" | "script" | ...
    kind: str
    version: Optional[str]
    owner: str
    links: Tuple[str, ...] = ()
    #: What a person should know of this copy: "-lcublas does not find it", "hidden by an earlier one on PATH".
    remark: str = ""


@dataclass(frozen=True)
class Taken:
    """What one asker would take."""

    by: str  # "g++ -lcublas", "loader: libcublas.so.13"
    path: Optional[str]  # None: nothing
    why: str


@dataclass(frozen=True)
class Found:
    """The answer to one search."""

    name: str
    what: str  # "library" | "header" | "program"
    copies: Tuple[Copy, ...]
    taken: Tuple[Taken, ...]
    #: Folders that were looked into.
    looked: Tuple[str, ...]
    #: What brings it, where that is known.
    hints: Tuple[str, ...]
