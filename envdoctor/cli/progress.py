"""Progress on standard error: one line for each step, and on a terminal the step under way in a line of its own."""

import sys
import time
from typing import Optional

from envdoctor.cli.output import say
from envdoctor.progress import Progress

# Seconds between lines about one and the same step in a log.
PATIENCE = 15.0


class StderrProgress(Progress):
    """Plain lines for logs; a live line where somebody watches."""

    def __init__(self) -> None:
        self._live = sys.stderr is not None and sys.stderr.isatty()
        self._label = ""
        self._spoken = 0.0

    def __enter__(self) -> "StderrProgress":
        return self

    def __exit__(self, *_: object) -> None:
        """Whatever ended the step under way, what is said next begins on a line of its own."""
        self.finish("")

    def note(self, text: str) -> None:
        self._print(text)

    def start(self, label: str) -> None:
        self._label = label
        self._spoken = time.monotonic()
        if self._live:
            say(f"\r\x1b[K{label} ...")

    def move(self, done: int, total: Optional[int]) -> None:
        if not self._label or done < 1_000_000:
            return
        far = f"{done / 1e6:.0f}" + (f" of {total / 1e6:.0f}" if total else "") + " MB"
        if self._live:
            say(f"\r\x1b[K{self._label}  {far}")
        elif time.monotonic() - self._spoken > PATIENCE:
            self._spoken = time.monotonic()
            self._print(f"{self._label}  {far} ...")

    def finish(self, result: str) -> None:
        if result:
            self._print(f"{self._label:<48} {result}")
        elif self._live:
            say("\r\x1b[K")
        self._label = ""

    def _print(self, text: str) -> None:
        say(("\r\x1b[K" if self._live else "") + text + "\n")
