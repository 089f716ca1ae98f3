"""Every python and pip on PATH, and whose it is, read without running any."""

import posixpath
import re
from typing import Dict, Iterator, Optional, Set, Tuple

from envdoctor.facts import Interpreters, PathPip, PathPython, Python
from envdoctor.host import Host
from envdoctor.probes._interpreter import Interpreter, describe, head, unshim

_PYTHON, _PIP = re.compile(r"python(?:\d+(?:\.\d+t?)?)?"), re.compile(r"pip(?:\d+(?:\.\d+)?)?")
# The start of a console script whose first line would be too long or hold blanks (distlib, uv).
_POLYGLOT = re.compile(
    r"^'''exec' (?:\"(?P<quoted>[^\"$]+)\"|(?P<beside>\"\$\(.*)|(?P<plain>\S+))", re.MULTILINE
)
_BESIDE = re.compile(r"/'?([^/'\"\s]+)'?\s")
_WRAPPER = re.compile(r"[\"']?(?P<python>[^\s\"'$]*python[\d.]*)[\"']? (?:-\S+ )*-m pip\b")


def probe(host: Host, python: Optional[Python]) -> Interpreters:
    """In PATH's order; `python` is what pips are compared with."""
    known: Dict[str, Interpreter] = {}
    pythons = [_python(host, path, first, known) for path, first in _on_path(host, _PYTHON)]
    pips = [_pip(host, path, first, python, known) for path, first in _on_path(host, _PIP)]
    return Interpreters(tuple(pythons), tuple(pips))


def _on_path(host: Host, pattern: "re.Pattern[str]") -> Iterator[Tuple[str, bool]]:
    """Executable files whose name fits, with whether they are the first of their name."""
    seen: Set[str] = set()
    for folder in host.search_path():
        for name in filter(pattern.fullmatch, host.listdir(folder)):
            path = posixpath.join(folder, name)
            if host.is_file(path) and host.access(path, "x"):
                yield path, name not in seen
                seen.add(name)


def _described(host: Host, path: str, known: Dict[str, Interpreter]) -> Interpreter:
    if path not in known:
        known[path] = describe(host, path)
    return known[path]


def _python(host: Host, path: str, first: bool, known: Dict[str, Interpreter]) -> PathPython:
    found = _described(host, path, known)
    return PathPython(
        name=posixpath.basename(path),
        path=path,
        real=found.real,
        version=found.version,
        kind=found.kind,
        prefix=found.prefix,
        wins=first,
    )


def _pip(
    host: Host,
    path: str,
    first: bool,
    examined: Optional[Python],
    known: Dict[str, Interpreter],
) -> PathPip:
    python = _interpreter_of(host, path)
    exists = python is None or host.which(python) is not None
    prefix = _described(host, python, known).prefix if python and exists else None
    same = None
    if prefix and examined:
        same = host.realpath(prefix) == host.realpath(examined.prefix)
    elif not exists:
        same = False
    return PathPip(posixpath.basename(path), path, python, exists, same, first)


def _interpreter_of(host: Host, path: str) -> Optional[str]:
    """The interpreter that a pip script names; None when it does not say (a binary, a shim that leads nowhere)."""
    target = unshim(host, path)
    text = head(host, target) if target else ""
    words = text.partition("\n")[0][2:].split() if text.startswith("#!") else []
    if not target or not words:
        return None
    name = posixpath.basename(words[0])
    if name == "env":
        named = next((word for word in words[1:] if not word.startswith("-") and "=" not in word), "")
        return host.which(named) or named or None
    if name in ("sh", "bash", "dash"):
        return _from_shell(host, target, text)
    return words[0]


def _from_shell(host: Host, path: str, text: str) -> Optional[str]:
    """A console script that starts as a shell script, or a shell script that calls `python -m pip`."""
    found = _POLYGLOT.search(text)
    if found and found["beside"]:
        name = _BESIDE.search(found["beside"])
        return posixpath.join(posixpath.dirname(host.realpath(path)), name.group(1)) if name else None
    if found:
        return found["quoted"] or found["plain"]
    wrapper = _WRAPPER.search(text)
    if wrapper is None:
        return None
    return host.which(wrapper["python"]) or wrapper["python"]
