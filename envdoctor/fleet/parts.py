"""Every distinct fact of all machines, once: read when it is first seen, a number from then on."""

import functools
import hashlib
import re
import zlib
from dataclasses import fields
from typing import Any, Dict, FrozenSet, Iterator, List, Tuple

from envdoctor import diff
from envdoctor.facts import Facts
from envdoctor.fleet.likeness import about, likeness
from envdoctor.fleet.reading import Reader

NAMES = tuple(field.name for field in fields(Facts))
# The facts in which numbers change from minute to minute. A quote inside of a JSON string has a backslash before it:
# this is found where names of fields are, and nowhere else.
_UNSTEADY = frozenset({"system", "folders"})
_SIZES = ("total", "swap")
_NAMED = "|".join([*sorted(name for kind, name in diff.VOLATILE if kind != "Facts"), *_SIZES])
_NUMBERS = re.compile(rf'"({_NAMED})": *(\d+)')
_NOT_KNOWN = re.compile(
    r'^$|"(?:unknown|not_examined)": *|"(?:{})": *null'.format(
        "|".join(sorted(name for _, name in diff.UNDETERMINED))
    )
)
# Rules look at such numbers where they are small: below 8 GiB they are taken as they are.
_SMALL = 8 << 30
#: How many texts are found without a digest.
_RECENT = 512
_MONTH = 30 * 24 * 3600
#: A component and its field.
Place = Tuple[Tuple[str, ...], str]


class Parts:
    """Numbers of facts; those between which `diff` finds nothing have one number."""

    def __init__(self) -> None:
        self._reader = Reader()
        self._seen: Dict[Tuple[str, bytes], int] = {}
        self._recent: Dict[Tuple[str, str], Tuple[int, bytes]] = {}
        self._numbers: Dict[Tuple[str, bytes], int] = {}
        self._texts: List[Tuple[str, bytes]] = []
        self.fact = functools.lru_cache(maxsize=1024)(self._fact)
        self.differences = functools.lru_cache(maxsize=1024)(self._differences)
        self.unknown = functools.lru_cache(maxsize=None)(self._unknown)

    def take(self, name: str, text: str) -> Tuple[int, bytes]:
        """The number of a fact that stands in a report as this text, and what stands for that text.

        Raises ValueError for what is no such fact.
        """
        found = self._recent.get((name, text))
        if found is None:
            stands = digest(_NUMBERS.sub(_steadied, text) if name in _UNSTEADY else text)
            if (name, stands) not in self._seen:
                self._seen[name, stands] = self._new(name, text)
            found = self._seen[name, stands], stands
            if name not in _UNSTEADY:
                self._remember(name, text, found)
        return found

    def _remember(self, name: str, text: str, found: Tuple[int, bytes]) -> None:
        if len(self._recent) >= _RECENT:
            self._recent.clear()
        self._recent[name, text] = found

    def _new(self, name: str, text: str) -> int:
        key = (name, digest(likeness(name, self._reader.fact(name, text))))
        if key not in self._numbers:
            self._numbers[key] = len(self._texts)
            self._texts.append((name, zlib.compress(text.encode(), 1)))
        return self._numbers[key]

    def _fact(self, number: int) -> Any:
        """The fact with a number, of the first machine that has it."""
        name, text = self._texts[number]
        return self._reader.fact(name, zlib.decompress(text).decode())

    def _differences(self, norm: int, number: int) -> Tuple[diff.Difference, ...]:
        """Between two facts of one name, A being the norm, without what nobody knows of either."""
        neither = self.unknown(norm) & self.unknown(number)
        return tuple(found for found in self._compared(norm, number) if _place(found) not in neither)

    def _unknown(self, number: int) -> FrozenSet[Place]:
        """What cannot be compared even with itself; most facts are known as a whole, which their texts say."""
        if not _NOT_KNOWN.search(zlib.decompress(self._texts[number][1]).decode()):
            return frozenset()
        return frozenset(_place(found) for found in self._compared(number, number))

    def _compared(self, a: int, b: int) -> Iterator[diff.Difference]:
        name = self._texts[a][0]
        both = (Facts(**{name: self.fact(each)}) for each in (a, b))
        return (found for found in diff.compare(*both) if found.component[0] == name)


def _place(found: diff.Difference) -> Place:
    return found.component, found.field


def digest(text: str) -> bytes:
    """Sixteen bytes that stand for a text."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def felt(name: str, text: str) -> str:
    """What rules see of a fact's text: what changes by the minute is exact where it is scarce, else to an eighth."""
    return _NUMBERS.sub(_coarse, text) if name in _UNSTEADY else ""


def _steadied(match: "re.Match[str]") -> str:
    """As `steady` has it, without reading the fact."""
    return f'"{match[1]}": {about(int(match[2])) if match[1] in _SIZES else 0}'


def _coarse(match: "re.Match[str]") -> str:
    number = int(match[2])
    if match[1] == "clock":
        number //= _MONTH
    elif number > _SMALL:
        unit = 1 << (number.bit_length() - 4)
        number = number // unit * unit
    return f'"{match[1]}": {number}'
