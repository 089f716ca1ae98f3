"""A fix's steps as lines that a person can paste into a POSIX shell today."""

import re
import shlex
from typing import Iterator, List, Tuple

from envdoctor import wrapper
from envdoctor.finding import Edit, Fix, Run, SetEnv, Shim
from envdoctor.scrub import home_pattern, scrub_text

# The folder that `{overlay}` stands for when a person makes the files by hand.
FOLDER = '"$PWD/.envdoctor"'
_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")
# What means something inside double quotes; the last one to an interactive bash alone.
_SPECIAL = re.compile(r"[\\$`\"!]")

# The parts of a command that quoting divides it into.
_QUOTED = re.compile(r"""'[^']*'|"(?:[^"\\]|\\.)*"|[^'"]+""")


def environment_lines(fix: Fix, home: str = "", indented: bool = True) -> List[str]:
    """The reversible steps as shell lines, files of the overlay first, then variables; `home` becomes $HOME.

    Lines that are shown `indented` hold no here-documents: those would not survive being pasted.
    """
    files = [wrapper.as_script(step) for step in shims(fix)]
    folders = dict.fromkeys(_quoted(f"{{overlay}}/{step.path.rpartition('/')[0]}", home) for step in files)
    lines = [f"mkdir -p {' '.join(folders)}"] if folders else []
    lines += [line for step in files for line in _shim(step, home, indented)]
    lines += [_export(step, home) for step in fix.steps if isinstance(step, SetEnv)]
    return [f"overlay={FOLDER}", *lines] if any("$overlay" in line for line in lines) else lines


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
    """A command as somebody wrote it with the home folder as $HOME, so that it still works when pasted."""
    if home.strip("/"):
        line = _QUOTED.sub(lambda match: _home_in(match[0], home), line)
    return scrub_text(line, "")


def _home_in(piece: str, home: str) -> str:
    """The same of a part of a command: single quotes, in which nothing is expanded, end before $HOME."""
    if not piece.startswith("'"):
        return re.sub(home_pattern(home), "$HOME", piece)
    opened = re.sub(home_pattern(home), "'\"$HOME\"'", piece)
    return opened[2:] if opened.startswith("''\"") else opened


def _export(step: SetEnv, home: str) -> str:
    if step.value is None:
        return f"unset {step.name}"
    value = _quoted(step.value, home)
    if step.mode == "set":
        return f"export {step.name}={value}"
    if step.mode == "prepend":
        return f"export {step.name}={_beside(value, after=f'${{{step.name}:+{step.separator}${step.name}}}')}"
    return f"export {step.name}={_beside(value, before=f'${{{step.name}:+${step.name}{step.separator}}}')}"


def _beside(word: str, before: str = "", after: str = "") -> str:
    """A quoted word with an expansion before or after it, in one pair of double quotes where that is possible."""
    if _PLAIN.fullmatch(word):
        return f'"{before}{word}{after}"'
    if word.startswith('"') and word.endswith('"') and "'" not in word:
        return f'"{before}{word[1:-1]}{after}"'
    return (f'"{before}"' if before else "") + word + (f'"{after}"' if after else "")


def _shim(step: Shim, home: str, indented: bool) -> Iterator[str]:
    path = _quoted("{overlay}/" + step.path, home)
    if step.kind == "link":
        yield f"ln -sfn {_quoted(step.content, home)} {path}"
    elif step.kind == "archive":
        yield f"ar rcs {path}"
    elif indented or len(step.content.splitlines()) < 2:
        yield f"printf '%s\\n' {' '.join(_quoted(line, home) for line in step.content.splitlines())} > {path}"
    else:
        yield from _document(step, path)
    if step.kind == "script":
        yield f"chmod +x {path}"


def _document(step: Shim, path: str) -> Iterator[str]:
    """A file as a here-document, in which the shell expands nothing but the overlay's folder."""
    expands = "{overlay}" in step.content
    escaped = re.sub(r"[\\$`]", lambda match: "\\" + match[0], step.content) if expands else step.content
    end = "END" if "END" not in step.content.splitlines() else "END_OF_FILE"
    yield f"cat > {path} <<{end if expands else repr(end)}"
    yield from escaped.replace("{overlay}", "$overlay").splitlines()
    yield end


def _quoted(value: str, home: str) -> str:
    """A word for the shell in which {overlay} and the home folder are variables and nothing else is expanded."""
    named = re.escape("{overlay}") + (f"|{home_pattern(home)}" if home.strip("/") else "")
    literals, variables = re.split(named, value), re.findall(named, value)
    if not variables:
        return value if _PLAIN.fullmatch(value) else shlex.quote(value)
    names = ["$overlay" if name == "{overlay}" else "$HOME" for name in variables] + [""]
    if not _SPECIAL.search("".join(literals)):
        return '"' + "".join(literal + name for literal, name in zip(literals, names)) + '"'
    quoted = (shlex.quote(literal) if literal else "" for literal in literals)
    return "".join(literal + (f'"{name}"' if name else "") for literal, name in zip(quoted, names))
