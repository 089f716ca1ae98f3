"""What every fact is made of: the two ways not to know, and text with the place where it stands."""

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Unknown:
    """A fact that was looked for and could not be determined: neither absent nor a pass."""

    reason: str


@dataclass(frozen=True)
class NotExamined:
    """A fact that nobody looked for in this run (a probe left out, an older facts file)."""


@dataclass(frozen=True)
class Located:
    """A piece of text that a file says, and where.

    `file` is relative to the project's root for project files, absolute otherwise; `line` counts from 1.
    """

    text: str
    file: str
    line: Optional[int] = None

    def __str__(self) -> str:
        return self.text

    @property
    def place(self) -> str:
        """`file:line`, or the file alone."""
        return self.file if self.line is None else f"{self.file}:{self.line}"
