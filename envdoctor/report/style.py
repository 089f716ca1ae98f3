"""How a report may look on its stream, and text made safe to print there."""

import math
import re
import textwrap
from dataclasses import dataclass
from typing import List, Mapping

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_COLOURS = {
    "error": "1;31",
    "warning": "1;33",
    "info": "1;36",
    "good": "32",
    "strong": "1",
    "dim": "2",
    "code": "36",
}


@dataclass(frozen=True)
class Style:
    """What a stream can show, and for whom."""

    width: int = 80
    colour: bool = False
    #: Whether nothing is left out.
    verbose: bool = False
    #: The project's folder as seen from where the report is read ("" when it is read there): "libs/kernels".
    prefix: str = ""

    def paint(self, kind: str, text: str) -> str:
        """`text` in the colour of a kind of thing, where colours are wanted."""
        return f"\x1b[{_COLOURS[kind]}m{text}\x1b[0m" if self.colour and text else text

    def wrap(self, text: str, first: str = "", rest: str = "") -> List[str]:
        """Lines within the width, line breaks of the text kept; words (paths, names) are never broken."""
        lines: List[str] = []
        for part in text.splitlines() or [""]:
            lead = rest if lines else first
            wrapped = textwrap.wrap(
                part,
                max(self.width, 40),
                initial_indent=lead,
                subsequent_indent=rest,
                break_long_words=False,
                break_on_hyphens=False,
            )
            lines.extend(wrapped or [lead.rstrip()])
        return lines


PLAIN = Style()


def wants_colour(env: Mapping[str, str], terminal: bool) -> bool:
    """NO_COLOR beats CLICOLOR_FORCE beats CLICOLOR beats what the stream is."""
    if env.get("NO_COLOR"):
        return False
    if env.get("CLICOLOR_FORCE", "0") not in ("", "0"):
        return True
    return terminal and env.get("CLICOLOR") != "0" and env.get("TERM") != "dumb"


def clean(text: str) -> str:
    """Text of unknown origin without control characters: they become visible and can command no terminal."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text.replace("\r\n", "\n"))


def shorten(text: str, lines: int, characters: int = 400) -> str:
    """The beginning of a long text, saying how much is left out."""
    kept = [
        line if len(line) <= characters else f"{line[:characters]} (+{len(line) - characters} characters)"
        for line in text.splitlines()
    ]
    return (
        "\n".join(kept) if len(kept) <= lines else "\n".join([*kept[:lines], f"(+{len(kept) - lines} lines)"])
    )


def counted(number: int, noun: str) -> str:
    """ "1 error", "2 errors", "3 copies"."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") else f"{number} {noun}s"


def sized(size: int) -> str:
    """ "2.3 MB", "21 kB"."""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{math.ceil(size / 1e3)} kB"
