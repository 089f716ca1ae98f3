"""C++ and CUDA sources: their includes and some identifiers, with what the preprocessor's conditions say of them."""

import re
from typing import FrozenSet, Iterable, Iterator, List, NamedTuple, Optional, Pattern, Tuple

_TRIVIA = re.compile(r"//[^\n]*|/\*.*?(?:\*/|\Z)|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)
_DIRECTIVE = re.compile(
    r"^[ \t]*#[ \t]*(include|include_next|ifdef|ifndef|if|elif|else|endif|define)\b((?:[^\n\\]|\\\n|\\.)*)",
    re.MULTILINE,
)
_INCLUDE = re.compile(r"[ \t]*(?:<([^>\n]+)>|\"([^\"\n]+)\")")
_TOKEN = re.compile(
    r"\s*(&&|\|\||!(?!=)|\(|\)|defined\b|__has_include\s*\([^()]*\)|[A-Za-z_]\w*|\d+[uUlL]*|\S)"
)
#: Macros of other platforms: what stands behind them is not compiled here.
_FALSE = re.compile(
    r"_?WIN(?:32|64)|_MSC_VER|_MSC_FULL_VER|__MINGW\w*|__CYGWIN__|__APPLE__|__ANDROID__|_?_?HIP\w*|\w*_HIP(?:_\w*)?|\w*ROCM\w*"
    r"|\w*MUSA\w*|\w*SYCL\w*|USE_XPU|__CUDACC_RTC__|__INTEL_COMPILER|__OPENCL\w*|__EMSCRIPTEN__|__FreeBSD__"
)
_TRUE = frozenset("__cplusplus __linux__ __linux __unix__ __GNUC__ linux".split())


class Include(NamedTuple):
    """An include line; `certain` when no condition that we cannot decide stands before it."""

    name: str
    quoted: bool
    line: int
    certain: bool


class Source(NamedTuple):
    """A file's includes and the spans of its text that are compiled for certain."""

    text: str
    includes: Tuple[Include, ...]
    spans: Tuple[Tuple[int, int], ...]

    def find(self, name: str) -> Optional[int]:
        """The line of an identifier (or an instruction's name) in what is compiled for certain."""
        return (
            self.search(re.compile(r"(?<!\w)" + re.escape(name) + r"(?!\w)")) if name in self.text else None
        )

    def search(self, pattern: Pattern[str]) -> Optional[int]:
        """The line at which a pattern begins in what is compiled for certain."""
        for start, end in self.spans:
            found = pattern.search(self.text, start, end)
            if found:
                return self.text.count("\n", 0, found.start()) + 1
        return None


def read(text: str, defined: FrozenSet[str]) -> Source:
    """Follow a file's directives; `defined` are macros that the build defines."""
    if "/*" in text or "//" in text:
        text = _TRIVIA.sub(_blank, text)
    directives = list(_DIRECTIVE.finditer(text))
    conditions: List[
        List[Optional[bool]]
    ] = []  # of each open #if: the verdicts of its branches so far, the current last
    includes: List[Include] = []
    spans: List[Tuple[int, int]] = []
    place, line, since = 0, 1, 0
    for index, found in enumerate(directives):
        line, place = line + text.count("\n", place, found.start()), found.start()
        word, rest = found.groups()
        if word == "include":
            named = _INCLUDE.match(rest)
            state = _state(conditions)
            if named and state is not False:
                includes.append(
                    Include(named.group(1) or named.group(2), not named.group(1), line, state is True)
                )
        elif word not in ("define", "include_next"):
            if _state(conditions) is True:
                spans.append((since, found.start()))
            guard = directives[index + 1].groups() if index + 1 < len(directives) else ("", "")
            _change(conditions, word, rest, guard, defined)
            since = found.end()
    if _state(conditions) is True:
        spans.append((since, len(text)))
    return Source(text, tuple(includes), tuple(spans))


def _blank(found: "re.Match[str]") -> str:
    text = found.group()
    return text if text[0] in "\"'" else "\n" * text.count("\n") or " "


def _state(conditions: Iterable[List[Optional[bool]]]) -> Optional[bool]:
    """Whether the current place is compiled: None when that cannot be decided."""
    verdicts = [branches[-1] for branches in conditions]
    return False if False in verdicts else None if None in verdicts else True


def _change(
    conditions: List[List[Optional[bool]]],
    word: str,
    rest: str,
    following: Tuple[str, ...],
    defined: FrozenSet[str],
) -> None:
    if word == "endif":
        del conditions[-1:]
    elif word in ("else", "elif"):
        if conditions:
            branches = conditions[-1]
            own = True if word == "else" else evaluate(rest, defined)
            earlier = True if True in branches else None if None in branches else False
            branches.append(False if earlier is True or own is False else None if earlier is None else own)
    elif _is_guard(word, rest, following):
        conditions.append([True])
    elif word in ("ifdef", "ifndef"):
        verdict = _macro((rest.split() or [""])[0], defined)
        conditions.append([verdict if word == "ifdef" or verdict is None else not verdict])
    else:
        conditions.append([evaluate(rest, defined)])


def _is_guard(word: str, rest: str, following: Tuple[str, ...]) -> bool:
    """Whether it is the `#ifndef X` / `#if !defined(X)` that `#define X` follows at once."""
    names = re.findall(r"\w+", rest)
    name = (
        names[-1]
        if names and (word == "ifndef" or (word == "if" and re.match(r"\s*!\s*defined", rest)))
        else None
    )
    return following[0] == "define" and name is not None and following[1].split()[:1] == [name]


def _macro(name: str, defined: FrozenSet[str]) -> Optional[bool]:
    if name in defined or name in _TRUE:
        return True
    return False if _FALSE.fullmatch(name) else None


def evaluate(text: str, defined: FrozenSet[str]) -> Optional[bool]:
    """A condition of #if: True, False, or None when it depends on what we do not know."""
    tokens = _TOKEN.findall(text.replace("\\\n", " "))
    if any(token not in ("&&", "||", "!", "(", ")") and not re.match(r"\w", token) for token in tokens):
        return _with_comparisons(tokens, defined)
    try:
        value, rest = _either(tokens, defined)
    except RecursionError:
        return None
    return None if rest else value


def _with_comparisons(tokens: List[str], defined: FrozenSet[str]) -> Optional[bool]:
    """`defined(_WIN32) && _MSC_VER > 1900` is decided by its first part; a bare comparison never is."""
    if "||" in tokens or "(" in tokens[:1]:
        return None
    parts = " ".join(tokens).split("&&")
    plain = [part for part in parts if not re.search(r"[^\w\s()!]", part)]
    return False if any(evaluate(part, defined) is False for part in plain) else None


Verdict = Tuple[Optional[bool], List[str]]


def _either(tokens: List[str], defined: FrozenSet[str]) -> Verdict:
    value, rest = _both(tokens, defined)
    while rest[:1] == ["||"]:
        other, rest = _both(rest[1:], defined)
        value = True if True in (value, other) else None if None in (value, other) else False
    return value, rest


def _both(tokens: List[str], defined: FrozenSet[str]) -> Verdict:
    value, rest = _single(tokens, defined)
    while rest[:1] == ["&&"]:
        other, rest = _single(rest[1:], defined)
        value = False if False in (value, other) else None if None in (value, other) else True
    return value, rest


def _single(tokens: List[str], defined: FrozenSet[str]) -> Verdict:
    if not tokens:
        return None, []
    first, rest = tokens[0], tokens[1:]
    if first == "!":
        value, rest = _single(rest, defined)
        return (None if value is None else not value), rest
    if first == "(":
        value, rest = _either(rest, defined)
        return value, rest[1:]
    if first == "defined":
        inner = rest[1:2] if rest[:1] == ["("] else rest[:1]
        return (_macro(inner[0], defined) if inner else None), rest[3 if rest[:1] == ["("] else 1 :]
    if first[0].isdigit():
        return bool(int(re.sub(r"\D", "", first))), rest
    return (False if _FALSE.fullmatch(first) else None), rest


def words(flags: Iterable[str]) -> Iterator[str]:
    """Macros that flags define: -DNAME, -DNAME=1."""
    for flag in flags:
        found = re.match(r"-D\s*([A-Za-z_]\w*)(?:=(?!0$).*)?$", flag)
        if found:
            yield found.group(1)
