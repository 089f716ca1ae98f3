"""A fix's steps as lines that a person can paste into a POSIX shell today."""

import re
from typing import Iterator, List, Tuple

from envdoctor.finding import Edit, Fix, Run, SetEnv, Shim, Step
from envdoctor.scrub import scrub_text

# The folder that `{overlay}` stands for when a person makes the files by hand.
FOLDER = '"$PWD/.envdoctor"'
SHIM_LINES = 12
_FLAGS = re.compile(r"FLAGS|_ARGS$|_OPTIONS$|_OPTS$")
_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./~-]+")


def environment_lines(fix: Fix) -> List[str]:
    """The reversible steps as shell lines: files of the overlay first, then variables."""
    shims = [step for step in fix.steps if isinstance(step, Shim)]
    lines = [line for step in shims for line in _shim(step)]
    lines += [_export(step) for step in fix.steps if isinstance(step, SetEnv)]
    return [f"overlay={FOLDER}", *lines] if any("$overlay" in line for line in lines) else lines


def by_hand(fix: Fix) -> bool:
    """Whether the overlay files are short enough to be made by pasting lines."""
    return sum(_size(step) for step in fix.steps) <= SHIM_LINES


def commands(fix: Fix) -> Tuple[Run, ...]:
    """The commands of a fix."""
    return tuple(step for step in fix.steps if isinstance(step, Run))


def edits(fix: Fix) -> Tuple[Edit, ...]:
    """The changes of project files."""
    return tuple(step for step in fix.steps if isinstance(step, Edit))


def shims(fix: Fix) -> Tuple[Shim, ...]:
    """The overlay files."""
    return tuple(step for step in fix.steps if isinstance(step, Shim))


def hide_home(line: str, home: str) -> str:
    """A shell line with the home folder as $HOME, so that it still works when pasted."""
    if home.strip("/"):
        line = re.sub(
            r"(?<![A-Za-z0-9_.~/-])" + re.escape(home.rstrip("/")) + r"(?=/|$|[^A-Za-z0-9_.-])", "$HOME", line
        )
    return scrub_text(line, "")


def _size(step: Step) -> int:
    if not isinstance(step, Shim):
        return 0
    return 1 + (len(step.content.splitlines()) if step.kind in ("text", "script") else 0)


def _export(step: SetEnv) -> str:
    if step.value is None:
        return f"unset {step.name}"
    value = _quoted(step.value)
    if step.mode == "set":
        return f"export {step.name}={value}"
    inner = value[1:-1] if value.startswith('"') else value
    separator = " " if _FLAGS.search(step.name) else ":"
    old = step.name
    if step.mode == "prepend":
        return f'export {old}="{inner}${{{old}:+{separator}${old}}}"'
    return f'export {old}="${{{old}:+${old}{separator}}}{inner}"'


def _shim(step: Shim) -> Iterator[str]:
    path = _quoted("{overlay}/" + step.path)
    yield f"mkdir -p {_quoted('{overlay}/' + step.path.rpartition('/')[0])}"
    if step.kind == "link":
        yield f"ln -sfn {_quoted(step.content)} {path}"
    elif step.kind == "archive":
        yield f"ar rcs {path}"
    else:
        yield from _text(step, path)


def _text(step: Shim, path: str) -> Iterator[str]:
    """A file's content line by line: a here-document would not survive being pasted with its indentation."""
    words = " ".join(_quoted(line) if line else '""' for line in step.content.splitlines())
    yield f"printf '%s\\n' {words} > {path}"
    if step.kind == "script":
        yield f"chmod +x {path}"


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    return '"' + _escaped(value, '"') + '"'


def _escaped(value: str, more: str = "") -> str:
    escaped = re.sub(r"[\\$`" + more + "]", lambda match: "\\" + match[0], value)
    return escaped.replace("{overlay}", "$overlay")
