"""From a stream to a BuildLog in bounded memory: of a long log, only what may say something is kept.

A long log is mostly command lines, progress and the same warning again and again. Lines with a word that failures or
successes are told in are kept with those around them, of lines that differ in numbers only the first few, and in all
no more than rules can search in a moment: the first half of that and the last. The log's end is always kept.
"""

import itertools
import re
from collections import Counter, deque
from dataclasses import dataclass
from typing import BinaryIO, Deque, Dict, Iterable, Iterator, List, Set, Tuple

from envdoctor.log.build_log import BuildLog, Line
from envdoctor.log.clean import for_matching, without_colours
from envdoctor.log.decode import chunks
from envdoctor.log.locales import telling_words

#: Longest log, in characters, that is kept as it is.
SHORT = 1 << 17
#: Most characters that are kept of a longer one, at its beginning and at its end each.
MOST = 1 << 17
#: Lines kept before and after one that says something: a message's beginning, its other lines.
BEFORE, AFTER = 10, 12
#: Lines kept of the log's end, empty ones apart: how it ended stands there, in whatever words.
LAST = 20
#: How often a line that differs in numbers only is kept.
ALIKE = 5
#: Longest part of a line that is looked at: command lines and progress may have megabytes.
LONGEST = 4000
#: Longest word that can tell of a failure: longer ones are paths and data.
LONGEST_WORD = 64

# Parts of the words that failures are told in; of other languages, their letters (their words are the table's). Options
# and paths (-Werror, src/error.cpp) are none of them. In lower case.
_TELLING = re.compile(
    r"error|fatal|fail|cannot|can't|not$|^no$|such|n't$|killed|signal|segmentation|dumped|undefined|unsupported|unknown"
    r"|mismatch|denied|refused|timed|timeout|require|must|missing|unable|unresolved|incompatible|invalid|multiple$|^too$"
    r"|space$|traceback|exception|lnk\d|deprecated|unrecognized|terminat|memory|cuda_home|please|identification"
    r"|illegal|abort|err!|assert|interrupt|expired|unreachable|undeclared|read-only|critical|bad_alloc|^bus$"
    r"|problem|wrong|certificate|architectures|python(?:libs|interp|3)?:$|linux2?$"
    r"|[\u0400-\u052f\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]"
)
# Whole words: of each line that tells a success, see signs.SUCCESSES (but not what tests and installs tell of every
# file); of ldd and of Git LFS; apt's mark of an error.
_WORDS = frozenset(
    "Successfully OK PASS passed succeeded complete Finished finished Created written [100%] configuration: =>"
    " oid E:".split()
)
_AROUND = ".,:;()'\"\u201c\u201d\u2018\u2019\u00ab\u00bb\u00a0"


@dataclass(frozen=True)
class _Block:
    """Whole lines, none longer than LONGEST."""

    first: int  # number of the first line
    lines: List[str]

    @property
    def last(self) -> int:
        return self.first + len(self.lines) - 1

    def __iter__(self) -> Iterator[Tuple[int, str]]:
        return zip(range(self.first, self.last + 1), self.lines)

    def ending(self, count: int) -> List[Tuple[int, str]]:
        """The last lines that are not empty."""
        numbered = zip(range(self.last, self.first - 1, -1), reversed(self.lines))
        found = itertools.islice((each for each in numbered if not each[1].isspace() and each[1]), count)
        return list(found)[::-1]


def read(stream: BinaryIO, name: str) -> BuildLog:
    """Raises OSError."""
    return _built(name, _blocks(chunks(stream)))


def read_text(text: str, name: str = "-") -> BuildLog:
    """From a text that is at hand."""
    return _built(name, _blocks([text]))


def _built(name: str, blocks: Iterator[_Block]) -> BuildLog:
    """All lines while the log is short, then the telling ones alone."""
    begun: List[_Block] = []
    size = 0
    for block in blocks:
        begun.append(block)
        size += sum(map(len, block.lines))
        if size > SHORT:
            return _long(name, itertools.chain(begun, blocks))
    lines = tuple(_line(*each) for block in begun for each in block)
    return BuildLog(name, lines, len(lines))


def _long(name: str, blocks: Iterable[_Block]) -> BuildLog:
    filtered = _Filter()
    head: List[Tuple[int, str]] = []
    tail: Deque[Tuple[int, str]] = deque()
    last: Deque[Tuple[int, str]] = deque(maxlen=LAST)
    room, used = MOST, 0
    for block in blocks:
        last.extend(block.ending(LAST))
        for each in filtered.telling(block):
            if room > 0:
                head.append(each)
                room -= len(each[1])
                continue
            tail.append(each)
            used += len(each[1])
            while used > MOST:
                used -= len(tail.popleft()[1])
    kept = sorted({*head, *tail, *last})
    return BuildLog(name, tuple(_line(*each) for each in kept), filtered.total)


class _Filter:
    """Takes blocks of lines, gives the lines that may say something and those around them."""

    def __init__(self) -> None:
        self.total = 0
        self._words: Dict[str, bool] = {}
        self._seen: Counter[bytes] = Counter()
        self._before: Deque[Tuple[int, str]] = deque(maxlen=BEFORE)
        self._after = 0

    def telling(self, block: _Block) -> Iterator[Tuple[int, str]]:
        self.total = block.last
        words = self._telling_words(set("\n".join(block.lines).split()))
        if not words and not self._after:
            self._before.extend(list(block)[-BEFORE:])
            return
        for number, line in block:
            if words and not words.isdisjoint(line.split()) and self._is_new(line):
                yield from self._before
                self._before.clear()
                yield number, line
                self._after = AFTER
            elif self._after:
                self._after -= 1
                yield number, line
            else:
                self._before.append((number, line))

    def _telling_words(self, words: Set[str]) -> Set[str]:
        if len(self._words) > 200_000:
            self._words.clear()
        known = self._words
        for word in words.difference(known):
            if len(word) > LONGEST_WORD:
                continue
            known[word] = word[0] != "-" and "/" not in word and _tells(word)
        return {word for word in words if known.get(word)}

    def _is_new(self, line: str) -> bool:
        shape = line[:120].encode("utf-8", "replace").translate(None, b"0123456789")
        if len(self._seen) > 50_000:
            self._seen.clear()
        self._seen[shape] += 1
        return self._seen[shape] <= ALIKE


def _tells(word: str) -> bool:
    small = word.lower()
    return _TELLING.search(small) is not None or word in _WORDS or small.strip(_AROUND) in telling_words()


def _line(number: int, line: str) -> Line:
    text = without_colours(line)
    return Line(number, text, for_matching(text))


def _blocks(pieces: Iterable[str]) -> Iterator[_Block]:
    """A progress bar that never ends a line is one line."""
    number, rest = 1, ""
    for piece in pieces:
        lines = (rest + piece).split("\n")
        rest = _shortened(lines.pop())
        if lines:
            longest = max(map(len, lines))
            yield _Block(number, lines if longest <= LONGEST else [_shortened(line) for line in lines])
            number += len(lines)
    if rest:
        yield _Block(number, [rest])


def _shortened(line: str) -> str:
    """The beginning and the end, where messages stand."""
    return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} ... {line[-LONGEST // 2 :]}"
