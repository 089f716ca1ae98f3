"""Standard output and files: what a stream can show, and text written whole, in an encoding that can carry it."""

import contextlib
import json
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any, Iterator, Mapping, Optional, TextIO, Tuple

from envdoctor.cli.common import UsageError

if TYPE_CHECKING:
    from envdoctor.report.style import Style

# What typography becomes on a stream that is not Unicode; everything else is shown as an escape.
_ASCII = str.maketrans("\u2018\u2019\u201c\u201d\u2013\u2014\u00d7\u2022", "''\"\"--x*")


# What GitHub takes from one step.
SUMMARY_LIMIT = 1 << 20


def style_for(path: Optional[str], verbose: bool = False, prefix: str = "") -> "Style":
    """How text may look on standard output, or in a file."""
    from envdoctor.report.style import Style

    if not _to_stdout(path):
        return Style(verbose=verbose, prefix=prefix)
    return Style(*_shown_on(sys.stdout), verbose, prefix)


def style_for_errors() -> "Style":
    """How text may look on standard error."""
    from envdoctor.report.style import Style

    return Style(*_shown_on(sys.stderr))


def _shown_on(stream: Optional[TextIO]) -> Tuple[int, bool]:
    """Width and whether colours are wanted."""
    from envdoctor.host import LocalHost
    from envdoctor.report.style import wants_colour

    terminal = stream is not None and stream.isatty()
    width = min(shutil.get_terminal_size((80, 24)).columns, 120) if terminal else 80
    return width, wants_colour(LocalHost().env, terminal)


def write_output(text: str, path: Optional[str]) -> None:
    """To a file, whole or not at all, or to standard output."""
    if _to_stdout(path):
        _write_stdout(text)
    else:
        _write_file(_encodable(text, "utf-8"), path)


def write_code(text: str, path: Optional[str]) -> None:
    """The same of code that a shell reads: byte for byte, whatever standard output's encoding lacks."""
    if not _to_stdout(path):
        _write_file(text, path)
        return
    with _standard_output() as stream:
        stream.buffer.write(text.encode("utf-8", "surrogateescape"))
        stream.buffer.flush()


def _write_file(text: str, path: Optional[str]) -> None:
    from envdoctor.host import write_whole

    assert path is not None
    try:
        write_whole(path, text)
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be written: {error.strerror or error}; choose another file"
        ) from None


def add_job_summary(text: str) -> None:
    """Append Markdown to the summary of a GitHub job, where one is being made; a summary is never worth a failure."""
    _append_for_github("GITHUB_STEP_SUMMARY", text, "no job summary")


def add_step_outputs(values: Mapping[str, str]) -> None:
    """Append to the outputs of a GitHub step, where one is running: for `steps.ID.outputs`."""
    lines = "".join(f"{name}={value}\n" for name, value in values.items())
    _append_for_github("GITHUB_OUTPUT", lines, "no step outputs")


def _append_for_github(variable: str, text: str, complaint: str) -> None:
    from envdoctor.host import LocalHost, append

    host = LocalHost()
    path = host.env.get(variable)
    if not path:
        return
    text = _encodable(text, "utf-8")
    before = host.stat(path)
    try:
        if (before.size if before else 0) + len(text.encode("utf-8")) <= SUMMARY_LIMIT:
            append(path, text)
    except OSError as error:
        complain(f"{complaint}: {path}: {error.strerror or error}")


def to_json(document: Any) -> str:
    """JSON as all verbs print it."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def complain(text: str) -> None:
    """One line on standard error, where there is one that can be written; never on standard output."""
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    with contextlib.suppress(OSError, ValueError):
        if sys.stderr is not None:
            print(f"envdoctor: {line}", file=sys.stderr, flush=True)


def say(text: str) -> None:
    """Lines on standard error: what is said around a command whose standard output is its own."""
    with contextlib.suppress(OSError, ValueError):
        if sys.stderr is not None and text:
            sys.stderr.write(_encodable(text, sys.stderr.encoding or "ascii"))
            sys.stderr.flush()


def _to_stdout(path: Optional[str]) -> bool:
    return path is None or path == "-"


def _write_stdout(text: str) -> None:
    with _standard_output() as stream:
        stream.write(_encodable(text, stream.encoding or "ascii"))
        stream.flush()


@contextlib.contextmanager
def _standard_output() -> Iterator[TextIO]:
    """Standard output, where there is one; what happens to it while it is written is said in one line."""
    if sys.stdout is None:
        raise UsageError("standard output is closed; write to a file with -o FILE")
    try:
        yield sys.stdout
    except BrokenPipeError:
        _quiet_at_exit()  # the reader has enough; what was found still decides the exit status
    except OSError as error:
        _quiet_at_exit()
        raise UsageError(f"standard output cannot be written: {error.strerror or error}") from None


def _quiet_at_exit() -> None:
    """Standard output is of no use any more: keep the interpreter's own flush at exit from failing."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _encodable(text: str, encoding: str) -> str:
    """The text with what the encoding lacks replaced; JSON stays JSON, with its own escapes."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        if text.startswith(("{", "[")):
            return json.dumps(json.loads(text), indent=2) + "\n"
        text = text.translate(_ASCII).encode(encoding, "backslashreplace").decode(encoding)
    return text
