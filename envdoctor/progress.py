"""What a long run tells while it lasts; whoever shows it decides how."""

from typing import Optional


class Progress:
    """Told what happens, and silent: the command line shows it, tests and other callers need not."""

    def note(self, text: str) -> None:
        """One thing that is so."""

    def start(self, label: str) -> None:
        """A step begins."""

    def move(self, done: int, total: Optional[int]) -> None:
        """Bytes so far, of how many (None: not known)."""

    def finish(self, result: str) -> None:
        """The step is done; what came of it."""
