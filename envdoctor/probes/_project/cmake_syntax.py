"""CMake's language: a file as commands with their arguments and lines, and the conditions of if()."""

import re
from typing import Callable, Dict, List, Optional, Sequence, Tuple

Argument = Tuple[str, str]  # text, and how it is written: "bare", "quoted", "bracket", "(" or ")"

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    |(?P<comment>\#\[(?P<mark>=*)\[.*?(?:\](?P=mark)\]|\Z)|\#[^\n]*)
    |\[(?P<equals>=*)\[\n?(?P<bracket>.*?)(?:\](?P=equals)\]|\Z)
    |"(?P<quoted>(?:[^"\\]|\\.)*)(?:"|\Z)
    |(?P<paren>[()])
    |(?P<bare>(?:[^\s()#"\\]|\\.|"[^"\s]*")+)
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_FALSE = frozenset(("0", "OFF", "NO", "FALSE", "N", "IGNORE", "NOTFOUND", ""))
_TRUE = frozenset(("1", "ON", "YES", "TRUE", "Y"))
_VERSION = re.compile(r"\d+(?:\.\d+)*")


class Command:
    """One call: `name` in lower case."""

    __slots__ = ("arguments", "line", "name")

    def __init__(self, name: str, arguments: List[Argument], line: int) -> None:
        self.name = name
        self.arguments = arguments
        self.line = line


def parse(text: str) -> List[Command]:
    """The commands of a file; what is not CMake's language is passed over."""
    commands: List[Command] = []
    word: Optional[Tuple[str, int]] = None  # a bare word outside of parentheses: the name of a call
    current: Optional[Command] = None
    depth, place, line = 0, 0, 1
    for found in _TOKEN.finditer(text):
        kind = str(found.lastgroup)
        if kind in ("space", "comment"):
            continue
        line, place = line + text.count("\n", place, found.start()), found.start()
        if kind == "paren":
            depth += 1 if found.group() == "(" else -1
            if current is None and depth == 1 and word:
                current = Command(word[0].lower(), [], word[1])
            elif current is not None and depth <= 0:
                commands.append(current)
                current = None
            elif current is not None:
                current.arguments.append((found.group(), found.group()))
            depth, word = max(depth, 0) if current else 0, None
        elif current is not None and kind in ("bare", "quoted", "bracket"):
            current.arguments.append((found.group(kind), kind))
        elif current is None and kind == "bare":
            word = (found.group(), line)
    return commands


class Condition:
    """The arguments of if(), evaluated to True, False or None: not known.

    `value` gives a variable's value: a string, None when it is not set, UNSURE when it cannot be told.
    """

    def __init__(
        self, arguments: Sequence[Argument], value: Callable[[str], object], exists: Callable[[str], bool]
    ) -> None:
        self.arguments = list(arguments)
        self.at = 0
        self.value = value
        self.exists = exists

    def evaluate(self) -> Optional[bool]:
        return self.either()

    def peek(self) -> str:
        if self.at >= len(self.arguments):
            return ""
        text, kind = self.arguments[self.at]
        return text if kind in ("bare", "(", ")") else ""

    def either(self) -> Optional[bool]:
        result = self.both()
        while self.peek() == "OR":
            self.at += 1
            other = self.both()
            result = True if True in (result, other) else None if None in (result, other) else False
        return result

    def both(self) -> Optional[bool]:
        result = self.negation()
        while self.peek() == "AND":
            self.at += 1
            other = self.negation()
            result = False if False in (result, other) else None if None in (result, other) else True
        return result

    def negation(self) -> Optional[bool]:
        if self.peek() == "NOT":
            self.at += 1
            result = self.negation()
            return None if result is None else not result
        if self.peek() == "(":
            self.at += 1
            result = self.either()
            self.at += self.peek() == ")"
            return result
        return self.test()

    def operand(self) -> Argument:
        self.at += 1
        return self.arguments[self.at - 1] if self.at <= len(self.arguments) else ("", "quoted")

    def test(self) -> Optional[bool]:
        first = self.operand()
        word = first[0] if first[1] == "bare" else ""
        if word == "DEFINED":
            return self.defined(self.operand()[0])
        if word in ("EXISTS", "IS_DIRECTORY"):
            path = self.operand()[0]
            return None if _unresolved(path) else self.exists(path)
        if word in ("TARGET", "COMMAND", "POLICY", "TEST", "IS_ABSOLUTE", "IS_SYMLINK"):
            self.operand()
            return None
        if self.peek() in _COMPARISONS or self.peek() == "IN_LIST":
            return self.compare(first, self.operand()[0], self.operand())
        return self.constant(first)

    def defined(self, name: str) -> Optional[bool]:
        value = self.value(name)
        return None if value is UNSURE else value is not None

    def constant(self, argument: Argument) -> Optional[bool]:
        text, kind = argument
        if _unresolved(text):
            return None
        if text.upper() in _FALSE or text.upper().endswith("-NOTFOUND"):
            return False
        if text.upper() in _TRUE or re.fullmatch(r"-?\d+(\.\d+)?", text):
            return True
        value = self.value(text) if kind == "bare" else None
        if value is UNSURE:
            return None
        found = str(value or "")
        return (
            not _unresolved(found) and found.upper() not in _FALSE and not found.upper().endswith("-NOTFOUND")
        )

    def compare(self, left: Argument, operation: str, right: Argument) -> Optional[bool]:
        one, other = self.content(left), self.content(right)
        if operation == "IN_LIST":
            found = self.value(right[0])
            return None if one is None or not isinstance(found, str) else one in found.split(";")
        if one is None or other is None:
            return None
        return _COMPARISONS[operation](one, other)

    def content(self, argument: Argument) -> Optional[str]:
        """An operand's text: a bare word that names a variable stands for its value."""
        text, kind = argument
        value = self.value(text) if kind == "bare" else None
        if value is UNSURE or _unresolved(text):
            return None
        result = value if isinstance(value, str) else text
        return None if _unresolved(result) else result


UNSURE = object()


def _unresolved(text: str) -> bool:
    return "${" in text or "$<" in text or "$ENV{" in text


def version(text: str) -> Tuple[int, ...]:
    """(3, 18) of "3.18"; () of what is not a version."""
    found = _VERSION.match(text)
    return tuple(int(part) for part in found.group().split(".")) if found else ()


def _matches(text: str, pattern: str) -> Optional[bool]:
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return None


def _numbers(test: Callable[[float, float], bool]) -> Callable[[str, str], Optional[bool]]:
    def compare(one: str, other: str) -> Optional[bool]:
        try:
            return test(float(one), float(other))
        except ValueError:
            return False

    return compare


_COMPARISONS: Dict[str, Callable[[str, str], Optional[bool]]] = {
    "STREQUAL": lambda a, b: a == b,
    "STRLESS": lambda a, b: a < b,
    "STRGREATER": lambda a, b: a > b,
    "MATCHES": _matches,
    "EQUAL": _numbers(lambda a, b: a == b),
    "LESS": _numbers(lambda a, b: a < b),
    "GREATER": _numbers(lambda a, b: a > b),
    "LESS_EQUAL": _numbers(lambda a, b: a <= b),
    "GREATER_EQUAL": _numbers(lambda a, b: a >= b),
    "VERSION_LESS": lambda a, b: version(a) < version(b),
    "VERSION_GREATER": lambda a, b: version(a) > version(b),
    "VERSION_EQUAL": lambda a, b: version(a) == version(b),
    "VERSION_LESS_EQUAL": lambda a, b: version(a) <= version(b),
    "VERSION_GREATER_EQUAL": lambda a, b: version(a) >= version(b),
}
