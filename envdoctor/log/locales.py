"""Messages of compilers, linkers, the C library, shells, make, git, apt and others, put back into English."""

import functools
import json
import pkgutil
import re
from dataclasses import dataclass
from typing import Dict, FrozenSet, List, Pattern, Tuple

#: Longest line that is read: messages are short, command lines are not.
LONGEST = 1000
_PLACE = re.compile(r"\\\{(\d)\\\}")
_WORDS = re.compile(r"[A-Za-z]+")
_AROUND = ".,:;()'\"\u00a0"
#: No failure is told in these.
_HARMLESS = ("warning: ", "note: ", "line {0}:")


@dataclass(frozen=True)
class _Messages:
    #: Fixed messages in one pattern, with their English.
    fixed: Pattern[str]
    english: Dict[str, str]
    #: Messages that programs fill in, longest first: a piece that stands in them, their pattern, their English.
    forms: Tuple[Tuple[str, Pattern[str], str], ...]


def in_english(line: str) -> str:
    """The line with every known message in English; quotes are plain ones already."""
    if len(line) > LONGEST:
        return line
    if line.isascii() and _signs().isdisjoint(_WORDS.findall(line)):
        return line
    known = _messages()
    for piece, form, english in known.forms:
        if piece in line:
            line = form.sub(english, line)
    return known.fixed.sub(lambda found: known.english[found[0]], line)


@functools.lru_cache(maxsize=None)
def telling_words() -> FrozenSet[str]:
    """A word of each translation that tells a failure, in lower case."""
    return frozenset(
        _sign(" ".join(_pieces(text)).lower().split())
        for english, translations in _table().items()
        if english not in _HARMLESS
        for text in translations
    )


@functools.lru_cache(maxsize=None)
def _signs() -> FrozenSet[str]:
    """A word of each translation that is written in ASCII alone."""
    texts = (text for translations in _table().values() for text in translations if text.isascii())
    return frozenset(_sign(_WORDS.findall(" ".join(_pieces(text)))) for text in texts)


def _sign(words: List[str]) -> str:
    """The longest that no English message has, without what stands around it."""
    bare = filter(None, (word.strip(_AROUND) for word in words))
    return max(bare, key=lambda word: (word.lower() not in _english_words(), len(word)))


@functools.lru_cache(maxsize=None)
def _english_words() -> FrozenSet[str]:
    return frozenset(word.strip(_AROUND) for english in _table() for word in english.lower().split())


def _pieces(text: str) -> List[str]:
    """What stands between the places."""
    return re.split(r"\{\d\}", text)


@functools.lru_cache(maxsize=None)
def _table() -> Dict[str, List[str]]:
    data = pkgutil.get_data("envdoctor.log", "locales.json")
    assert data is not None
    table: Dict[str, List[str]] = json.loads(data.decode("utf-8"))
    return table


@functools.lru_cache(maxsize=None)
def _messages() -> _Messages:
    pairs = [(text, english) for english, translations in _table().items() for text in translations]
    pairs.sort(key=lambda pair: len(pair[0]), reverse=True)
    fixed = {text.strip(): english.strip() for text, english in pairs if "{" not in text}
    words = (_word(text, english) for text, english in fixed.items())
    forms = (
        (max(_pieces(text), key=len).strip(" '"), _form(text), _filled(english))
        for text, english in pairs
        if "{" in text
    )
    return _Messages(re.compile("|".join(words)), fixed, tuple(forms))


def _word(text: str, english: str) -> str:
    """Of an alphabet, no part of another word; Chinese and Japanese write none apart.

    A single word that English may have as well ("attention:", "Abandon") stands where its program puts it.
    """
    word = re.escape(text)
    if ord(text[0]) >= 0x2E80:
        return word
    if text.isascii() and f"{english} " in _HARMLESS:
        return rf"(?:^|(?<=:\s)){word}"
    if text.isascii() and text.isalpha():
        return rf"(?:^|(?<=[:\]\d]\s)|(?<=\s\s)){word}(?=[.!]?$|\s\s|\s\()"
    return rf"(?<![\w/]){word}"


def _form(text: str) -> Pattern[str]:
    """Every place holds something: the first one of a line no colon, the last one up to a quote or the line's end.

    What it holds may have quotes of its own, which are then around all of it.
    """
    pattern = _PLACE.sub(
        lambda found: f"(?P<g{found[1]}>[^']{{1,200}}?|'[^']{{1,200}}')", re.escape(text).rstrip()
    )
    if text.startswith("{"):
        pattern = "(?:^|(?<=:\\s))" + pattern.replace("[^']", r"(?:(?!:\s)[^'])", 1)
    return re.compile(pattern if text.endswith("'") else pattern + r"(?=$|[\s'(]|(?<='):)")


def _filled(english: str) -> str:
    return re.sub(r"\{(\d)\}", r"\\g<g\1>", english.replace("\\", r"\\")).rstrip()
