"""A line of a log as a tool wrote it, without what terminals and runners made of it, and in English."""

import re
from typing import Dict

from envdoctor.log.locales import in_english

# Colours and other sequences of terminals, with and without their escape character (copies of a screen lose it).
_ANSI = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-_]|\[\d{1,2}(?:;\d{1,2})*m"
)

# What stands in front of a tool's own line; each may repeat.
_FRONT = re.compile(
    r"""(?:
    [^\t]{1,80}\t[^\t]{1,80}\t(?=\d{4}-)                                # job and step, of `gh run view --log`
  | \ufeff
  | \d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\s # time, as GitHub Actions writes it
  | \#\d+\s+(?:\d+\.\d+\s)?                                             # docker build: step and seconds
  | (?:\d\.\d{3}|\d\d\.\d\d|\d{3,5}\.\d)\s                                # the same, in the summary of an error
  | (?:[\w.-]{1,40}\s+\|\s)                                             # docker compose: the service
  | \[rank\d+\]:\s?
  | \[\d+,\d+\]<std(?:err|out)>:\s?                                     # mpirun
  | \([\w\s]*pid=\d+(?:,\s*ip=[\d.]+)?\)\s?
  | >\s(?=\s|\S)                                                        # quoted in a mail or an issue
  | [│|]\s(?=\s)                                                        # pip's and rich's boxes
    )+""",
    re.VERBOSE,
)
_QUOTES = "\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a`\u00b4\uff07"
#: Quotes and colons of every kind, and the plain ones.
MARKS: Dict[int, str] = {**{ord(mark): "'" for mark in _QUOTES}, 0xFF1A: ": "}


def without_colours(line: str) -> str:
    """As a terminal shows it: of what a carriage return overwrites, only the last state."""
    if "\0" in line:
        line = line.replace("\0", "")
    if "\r" in line:
        line = next((part for part in reversed(line.split("\r")) if part.strip()), "")
    return _ANSI.sub("", line).rstrip() if "\x1b" in line or "[" in line else line.rstrip()


def for_matching(line: str) -> str:
    """What the tool itself wrote, in English, with plain quotes."""
    front = _FRONT.match(line)
    line = line[front.end() :] if front else line
    return in_english(line if line.isascii() and "`" not in line else line.translate(MARKS))
