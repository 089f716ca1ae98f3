"""The log as a value: its lines, searched by patterns that a line break in a message does not stop."""

import bisect
import functools
import re
from dataclasses import dataclass, field, replace
from typing import Dict, Iterator, List, Match, Optional, Pattern, Tuple

from envdoctor.finding import Finding, Fix, LogLine

# What a space of a pattern stands for, by what says how often it may be there; no more than an indented line has.
_WHITE = {"": r"\s{1,120}", "+": r"\s{1,120}", "?": r"\s{0,120}", "*": r"\s{0,120}", "{": r"\s{"}
_SPACE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]| ([?*+{]?)")  # not in a set of characters
# Source: pip's "Could not find a version that satisfies the requirement".
_VERSIONS = re.compile(
    r"(\(from versions: (?:[^,()\s]+, ){3})(?:[^,()\s]+, ){2,}(?=(?:[^,()\s]+, ){2}[^,()\s]+\))"
)
#: Longest text of a line that is shown.
SHOWN = 400
#: What stands in the text for lines that were left out between two others; no log has it, no message goes across it.
GAP = "\0"


@dataclass(frozen=True)
class Line:
    """One line; `number` counts from 1 in the log as it was given."""

    number: int
    #: As it is shown.
    text: str
    #: As patterns see it: see `clean.for_matching`.
    matched: str


@dataclass(frozen=True)
class Hit:
    """Where a pattern was found."""

    match: Match[str]
    lines: Tuple[Line, ...]

    def __getitem__(self, group: str) -> str:
        """A named group's text in one line; "" where it took no part, or the pattern has none of that name."""
        return " ".join((self.match.groupdict().get(group) or "").split())

    @property
    def line(self) -> int:
        """Number of its first line."""
        return self.lines[0].number

    @property
    def text(self) -> str:
        """What matched, in one line."""
        return " ".join(self.match[0].split())

    @property
    def evidence(self) -> Tuple[LogLine, ...]:
        """Its lines, as a finding shows them."""
        telling = [line for line in self.lines if line.text.strip()] or self.lines
        return tuple(LogLine(f"line {line.number}", _shown(line.text), line.number) for line in telling)

    def finding(
        self,
        message: str,
        consequence: str,
        fix: Fix,
        confidence: str = "high",
        because: "Tuple[Hit, ...]" = (),
    ) -> Finding:
        """What these lines prove, together with those of other hits."""
        evidence = dict.fromkeys(line for hit in (self, *because) for line in hit.evidence)
        return Finding(message, consequence, tuple(evidence), fix, confidence=confidence)


@dataclass(frozen=True, eq=False)
class BuildLog:
    """Lines of a log that may say something: all of a short one."""

    name: str
    lines: Tuple[Line, ...]
    #: How many lines the log has.
    total: int
    text: str = field(init=False, repr=False, compare=False)
    _starts: List[int] = field(init=False, repr=False)
    _found: Dict[Tuple[str, ...], Tuple[Hit, ...]] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        starts, at, texts = [], 0, []
        for before, line in zip((None, *self.lines), self.lines):
            if before is not None and line.number > before.number + 1:
                texts.append(GAP)
                at += len(GAP) + 1
            starts.append(at)
            texts.append(line.matched)
            at += len(line.matched) + 1
        object.__setattr__(self, "_starts", starts)
        object.__setattr__(self, "text", "\n".join(texts))

    @property
    def is_empty(self) -> bool:
        """Whether no line says anything."""
        return not any(line.text.strip() for line in self.lines)

    def search(self, *patterns: str) -> Iterator[Hit]:
        """All places of any of the patterns, first to last.

        A space in a pattern stands for any white space, line breaks included: CMake and terminals wrap messages. ^ and
        $ are the ends of a line. Quotes are plain ones (') whatever the log has.
        """
        if patterns not in self._found:  # several rules read the same messages
            found = [match for pattern in patterns for match in _compiled(pattern).finditer(self.text)]
            hits = (self._hit(match) for match in sorted(found, key=lambda match: match.start()))
            self._found[patterns] = tuple(hits)
        return iter(self._found[patterns])

    def first(self, *patterns: str) -> Optional[Hit]:
        """The earliest place of any of the patterns."""
        found = [match for match in (_compiled(pattern).search(self.text) for pattern in patterns) if match]
        return self._hit(min(found, key=lambda match: match.start())) if found else None

    def last(self, *patterns: str) -> Optional[Hit]:
        """The latest place of any of the patterns."""
        return max(self.search(*patterns), key=lambda hit: hit.match.start(), default=None)

    def has(self, *patterns: str) -> bool:
        """Whether any of the patterns is found."""
        return any(_compiled(pattern).search(self.text) for pattern in patterns)

    def without(self, *patterns: str, but: str = r"(?!)") -> "BuildLog":
        """The same log, in which lines where any of the patterns is found are empty to others, unless `but` is too."""
        gone = {line.number for hit in self.search(*patterns) for line in hit.lines}
        kept = _compiled(but)
        return BuildLog(
            self.name,
            tuple(
                replace(line, matched="") if line.number in gone and not kept.search(line.matched) else line
                for line in self.lines
            ),
            self.total,
        )

    def _hit(self, match: Match[str]) -> Hit:
        first = bisect.bisect_right(self._starts, match.start()) - 1
        last = bisect.bisect_right(self._starts, max(match.start(), match.end() - 1)) - 1
        return Hit(match, self.lines[first : last + 1])


def _shown(text: str) -> str:
    """Short enough to read: of pip's versions the first and the last ones, and no word in parts."""
    text = _VERSIONS.sub(r"\1..., ", text.strip())
    return (
        text
        if len(text) <= SHOWN
        else text[:SHOWN].rpartition(" ")[0] + " ..."
        if " " in text[:SHOWN]
        else text[:SHOWN]
    )


@functools.lru_cache(maxsize=None)
def _compiled(pattern: str) -> Pattern[str]:
    return re.compile(_SPACE.sub(lambda found: _WHITE.get(found[1], found[0]), pattern), re.MULTILINE)
