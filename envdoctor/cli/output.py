"""Standard output and files: what a stream can show, and text written whole, in an encoding that can carry it."""

import json
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any, Optional

from envdoctor.cli.common import UsageError

if TYPE_CHECKING:
    from envdoctor.report.style import Style

# What typography becomes on a stream that is not Unicode; everything else is shown as an escape.
_ASCII = str.maketrans("\u2018\u2019\u201c\u201d\u2013\u2014\u00d7\u2022", "''\"\"--x*")


# What GitHub takes from one step.
SUMMARY_LIMIT = 1 << 20


def style_for(path: Optional[str], verbose: bool = False, prefix: str = "") -> "Style":
    """How text may look on standard output, or in a file."""
    from envdoctor.host import LocalHost
    from envdoctor.report.style import Style, wants_colour

    if not _to_stdout(path):
        return Style(verbose=verbose, prefix=prefix)
    terminal = sys.stdout is not None and sys.stdout.isatty()
    width = min(shutil.get_terminal_size((80, 24)).columns, 120) if terminal else 80
    return Style(width, wants_colour(LocalHost().env, terminal), verbose, prefix)


def write_output(text: str, path: Optional[str]) -> None:
    """To a file, whole or not at all, or to standard output."""
    if _to_stdout(path):
        _write_stdout(text)
        return
    from envdoctor.host import write_whole

    assert path is not None
    try:
        write_whole(path, _encodable(text, "utf-8"))
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be written: {error.strerror or error}; choose another file"
        ) from None


def add_job_summary(text: str) -> None:
    """Append Markdown to the summary of a GitHub job, where one is being made; a summary is never worth a failure."""
    from envdoctor.host import LocalHost, write_whole

    host = LocalHost()
    path = host.env.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    try:
        before = host.read_text(path) if host.exists(path) else ""
        if len((before + text).encode("utf-8", "replace")) <= SUMMARY_LIMIT:
            write_whole(path, before + _encodable(text, "utf-8"))
    except OSError as error:
        print(f"envdoctor: no job summary: {path}: {error.strerror or error}", file=sys.stderr)


def to_json(document: Any) -> str:
    """JSON as all verbs print it."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def quiet_at_exit() -> None:
    """Nobody reads standard output any more: keep the interpreter's own flush at exit from failing."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _to_stdout(path: Optional[str]) -> bool:
    return path is None or path == "-"


def _write_stdout(text: str) -> None:
    if sys.stdout is None:
        raise UsageError("standard output is closed; write to a file with -o FILE")
    encoding = sys.stdout.encoding or "ascii"
    try:
        sys.stdout.write(_encodable(text, encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        quiet_at_exit()
        raise UsageError(f"standard output cannot be written: {error.strerror or error}") from None


def _encodable(text: str, encoding: str) -> str:
    """The text with what the encoding lacks replaced; JSON stays JSON, with its own escapes."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        if text.startswith("{"):
            return json.dumps(json.loads(text), indent=2) + "\n"
        text = text.translate(_ASCII).encode(encoding, "backslashreplace").decode(encoding)
    return text
