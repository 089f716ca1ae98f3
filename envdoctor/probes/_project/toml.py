"""TOML with line numbers, which no version of tomllib gives (and Python 3.8 has none): a strict reader of version 1.0.

Numbers and dates are kept as their text: nothing of a build is asked for by number.
"""

import re
from typing import Any, Dict, List, Tuple

Path = Tuple[Any, ...]

_SPACE = re.compile(r"[ \t]*")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[A-Za-z0-9_+.:-]+(?: \d\d:[0-9:.+Zz-]+)?")
_NUMBER = re.compile(
    r"[+-]?(?:inf|nan|(?:0|[1-9](?:_?\d)*)(?:\.\d(?:_?\d)*)?(?:[eE][+-]?\d(?:_?\d)*)?)"
    r"|0x[0-9A-Fa-f](?:_?[0-9A-Fa-f])*|0o[0-7](?:_?[0-7])*|0b[01](?:_?[01])*"
)
_DATE = re.compile(
    r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)?)?|\d\d:\d\d:\d\d(?:\.\d+)?"
)
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}


class TomlError(ValueError):
    """Text that is not TOML; the message says where."""


class Document:
    """The tables of a file, and the line of every value: `line("build-system", "requires", 0)`."""

    def __init__(self, tables: Dict[str, Any], lines: Dict[Path, int]) -> None:
        self.tables = tables
        self._lines = lines

    def get(self, *path: str) -> Any:
        """The value at a path of keys; None when there is none."""
        value: Any = self.tables
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def line(self, *path: Any) -> int:
        """Where a value stands: that of the nearest table or list around it when it has no line of its own."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)


def parse(text: str) -> Document:
    """Read a whole file; raises TomlError."""
    return _Reader(text.replace("\r\n", "\n")).document()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.tables: Dict[str, Any] = {}
        self.lines: Dict[Path, int] = {}
        self.closed: Dict[Path, bool] = {}  # tables that a header or an inline table has defined
        self.prefix: Path = ()
        self.counted = (0, 1)  # a place, and the line that it is on

    def document(self) -> Document:
        self.skip(_BLANK)
        while self.at < len(self.text):
            if self.text.startswith("[[", self.at):
                self.header(2)
            elif self.text[self.at] == "[":
                self.header(1)
            else:
                self.pair(self.tables, self.prefix)
            self.end_of_line()
            self.skip(_BLANK)
        return Document(self.tables, self.lines)

    def fail(self, what: str) -> TomlError:
        return TomlError(f"line {self.line()}: {what}")

    def line(self) -> int:
        place, line = self.counted
        self.counted = (self.at, line + self.text.count("\n", place, self.at))
        return self.counted[1]

    def skip(self, pattern: "re.Pattern[str]") -> None:
        found = pattern.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def take(self, token: str) -> bool:
        if self.text.startswith(token, self.at):
            self.at += len(token)
            return True
        return False

    def expect(self, token: str) -> None:
        if not self.take(token):
            raise self.fail(f"{token!r} expected")

    def end_of_line(self) -> None:
        self.skip(re.compile(r"[ \t]*(?:#[^\n]*)?"))
        if self.at < len(self.text) and not self.take("\n"):
            raise self.fail("something follows a value")

    def header(self, brackets: int) -> None:
        line = self.line()
        self.at += brackets
        keys = self.keys()
        self.expect("]" * brackets)
        *outer, last = keys
        table, path = self.descend(self.tables, (), outer)
        if brackets == 2:
            items = table.setdefault(last, [])
            if not isinstance(items, list) or (*path, last) in self.closed:
                raise self.fail(f"{last!r} is not an array of tables")
            items.append({})
            self.prefix = (*path, last, len(items) - 1)
        else:
            self.prefix = (*path, last)
            if not isinstance(table.setdefault(last, {}), dict) or self.prefix in self.closed:
                raise self.fail(f"table {last!r} is there already")
            self.closed[self.prefix] = True
        self.lines[self.prefix] = line

    def descend(self, table: Dict[str, Any], path: Path, keys: List[str]) -> Tuple[Dict[str, Any], Path]:
        """The table at dotted keys, made when it is not there; the last of an array of tables."""
        for key in keys:
            value = table.setdefault(key, {})
            path = (*path, key)
            if isinstance(value, list) and value and isinstance(value[-1], dict) and path not in self.closed:
                path, value = (*path, len(value) - 1), value[-1]
            if not isinstance(value, dict):
                raise self.fail(f"{key!r} is not a table")
            table = value
        return table, path

    def keys(self) -> List[str]:
        found = [self.key()]
        while self.take("."):
            found.append(self.key())
        return found

    def key(self) -> str:
        self.skip(_SPACE)
        bare = _BARE.match(self.text, self.at)
        if bare:
            self.at, key = bare.end(), bare.group()
        elif self.text[self.at : self.at + 1] in ('"', "'"):
            key = self.string(multiline=False)
        else:
            raise self.fail("a key expected")
        self.skip(_SPACE)
        return key

    def pair(self, table: Dict[str, Any], prefix: Path) -> None:
        current, path = table, prefix
        if table is self.tables and prefix:
            for key in prefix:
                current = current[key]
        *outer, last = self.keys()
        self.expect("=")
        current, path = self.descend(current, path, outer)
        if last in current:
            raise self.fail(f"{last!r} is there already")
        self.skip(_SPACE)
        path = (*path, last)
        self.lines[path] = self.line()
        current[last] = self.value(path)

    def value(self, path: Path) -> Any:
        self.lines.setdefault(path, self.line())
        first = self.text[self.at : self.at + 1]
        if first in ('"', "'"):
            return self.string(multiline=True)
        if first == "[":
            return self.array(path)
        if first == "{":
            return self.inline(path)
        found = _SCALAR.match(self.text, self.at)
        word = found.group() if found else ""
        if word in ("true", "false"):
            self.at += len(word)
            return word == "true"
        if not (_NUMBER.fullmatch(word) or _DATE.fullmatch(word)):
            raise self.fail("a value expected")
        self.at += len(word)
        return word

    def array(self, path: Path) -> List[Any]:
        self.at += 1
        self.closed[path] = True
        items: List[Any] = []
        self.skip(_BLANK)
        while not self.take("]"):
            items.append(self.value((*path, len(items))))
            self.skip(_BLANK)
            if not self.take(","):
                self.expect("]")
                break
            self.skip(_BLANK)
        return items

    def inline(self, path: Path) -> Dict[str, Any]:
        self.at += 1
        self.closed[path] = True
        table: Dict[str, Any] = {}
        self.skip(_SPACE)
        if self.take("}"):
            return table
        while True:
            self.pair(table, path)
            self.skip(_SPACE)
            if self.take("}"):
                return table
            self.expect(",")

    def string(self, multiline: bool) -> str:
        quote = self.text[self.at]
        if multiline and self.take(quote * 3):
            self.take("\n")
            return self.characters(quote, quote * 3)
        self.at += 1
        return self.characters(quote, quote)

    def characters(self, quote: str, end: str) -> str:
        parts: List[str] = []
        while not self.text.startswith(end, self.at):
            character = self.text[self.at : self.at + 1]
            if not character or (character == "\n" and len(end) == 1):
                raise self.fail("a string that does not end")
            self.at += 1
            parts.append(self.escape(len(end) == 3) if character == "\\" and quote == '"' else character)
        self.at += len(end)
        while len(end) == 3 and self.text.startswith(
            quote, self.at
        ):  # up to two quotes before the closing three
            parts.append(quote)
            self.at += 1
        return "".join(parts)

    def escape(self, multiline: bool) -> str:
        letter = self.text[self.at : self.at + 1]
        folded = re.compile(r"[ \t]*\n[ \t\n]*").match(self.text, self.at)
        if multiline and folded:
            self.at = folded.end()
            return ""
        self.at += 1
        if letter in _ESCAPES:
            return _ESCAPES[letter]
        digits = self.text[self.at : self.at + {"u": 4, "U": 8}.get(letter, 0)]
        if (
            not digits
            or not re.fullmatch(r"[0-9A-Fa-f]{4}(?:[0-9A-Fa-f]{4})?", digits)
            or int(digits, 16) > 0x10FFFF
        ):
            raise self.fail("an unknown escape")
        self.at += len(digits)
        return chr(int(digits, 16))
