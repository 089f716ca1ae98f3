"""Takes a JSON object apart into the texts of its members; one that was met before is known by its bytes, unread."""

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined] # part of json, if not of its stubs
from typing import Any, Dict, List, Tuple

#: Texts of one member that are kept to be recognised, the last one met first.
_KEPT = 16
#: What is shorter is read as fast.
_SHORT = 64
_SPACE = re.compile(r"[ \t\n\r]*")
# Before a value, in one step, as nearly all documents have it: a comma, a name without escapes, a colon.
_FIRST = re.compile(r'[ \t\n\r]*"([^"\\\x00-\x1f]*)"[ \t\n\r]*:[ \t\n\r]*')
_NEXT = re.compile(r'[ \t\n\r]*,[ \t\n\r]*"([^"\\\x00-\x1f]*)"[ \t\n\r]*:[ \t\n\r]*')


class Scanner:
    """Members of all objects so far; most machines have most of them in common."""

    def __init__(self) -> None:
        self._met: Dict[str, List[str]] = {}
        self._decoder = json.JSONDecoder()

    def members(self, text: str, *opened: str) -> Dict[str, Any]:
        """Name -> text of its value, of those in `opened` their members. Raises ValueError, RecursionError."""
        found, end = self._object(text, _skip(text, 0), opened)
        if _skip(text, end) < len(text):
            raise json.JSONDecodeError("Extra data", text, end)
        return found

    def _object(self, text: str, at: int, opened: Tuple[str, ...]) -> Tuple[Dict[str, Any], int]:
        found: Dict[str, Any] = {}
        at = _expected("{", text, at)
        before = _FIRST
        while True:
            match = before.match(text, at)
            if match:
                name, at = match[1], match.end()
            else:
                end = _skip(text, at)
                if text.startswith("}", end):
                    return found, end + 1
                name, at = _named(text, at, before is _NEXT)
            inner = name in opened and text.startswith("{", at)
            found[name], at = self._object(text, at, opened) if inner else self._value(name, text, at)
            before = _NEXT

    def _value(self, name: str, text: str, at: int) -> Tuple[str, int]:
        """What was met is handed out as the very same string, which is then found in a dictionary at once."""
        met = self._met.get(name, [])
        for place, value in enumerate(met):
            if text.startswith(value, at):
                if place:
                    met.insert(0, met.pop(place))
                return value, at + len(value)
        end = self._decoder.raw_decode(text, at)[1]
        value = text[at:end]
        # No object or list begins with another one that is whole, as 12 does with 1.
        if len(value) > _SHORT and value[0] in "{[":
            self._met[name] = [value, *met[: _KEPT - 1]]
        return value, end


def _named(text: str, at: int, later: bool) -> Tuple[str, int]:
    """A name that has escapes in it, and where its value begins; or what is wrong there."""
    if later:
        at = _expected(",", text, _skip(text, at))
    name, at = scanstring(text, _expected('"', text, _skip(text, at)), True)
    return name, _skip(text, _expected(":", text, _skip(text, at)))


def _skip(text: str, at: int) -> int:
    end: int = _SPACE.match(text, at).end()  # type: ignore[union-attr] # nothing at all is a match, too
    return end


def _expected(token: str, text: str, at: int) -> int:
    if not text.startswith(token, at):
        raise json.JSONDecodeError(f"Expecting {token!r}", text, at)
    return at + 1
