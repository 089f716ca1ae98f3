"""`envdoctor run -- CMD`: run a command in an overlay that cures what is found, and change nothing else."""

import argparse
import io
import posixpath
import re
import signal
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, List, Optional

from envdoctor.cli.common import UsageError
from envdoctor.cli.output import complain, say, style_for_errors
from envdoctor.cli.treated import add_treatment_arguments, treated

if TYPE_CHECKING:
    from envdoctor.explanation import Explanation
    from envdoctor.facts import Facts

#: Programs that build, with arguments; a shell then runs a script or a line.
BUILDS = re.compile(
    r"(?:pip|python|pypy)[\d.]*|uv|g?make|ninja(?:-build)?|cmake\d?|ctest|meson|bazel|scons|cargo|conda|mamba|poetry|pdm"
    r"|hatch|tox|nox|pytest|docker|podman|torchrun|nvcc|(?:[\w-]+-)?(?:gcc|g\+\+|cc|c\+\+|clang|clang\+\+)(?:-\d+)?"
    r"|(?:ba|da|z|)sh|env|time|nice"
)
#: How much of a script is read.
SCRIPT = 1 << 16


def add_parser(verbs: "argparse._SubParsersAction[Any]") -> None:
    """Declare the verb."""
    parser = verbs.add_parser(
        "run",
        help="run a command, cured from outside",
        description=f"{__doc__} CMD runs in the current folder; its exit status is ours (127: not found, 2: not run).",
        usage="envdoctor run [options] -- CMD [ARGUMENT ...]",
    )
    add_treatment_arguments(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing unless the command fails")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="CMD", help="the command, behind --")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Examine, lay the overlay, run; the command's exit status."""
    from envdoctor.host import CannotRun, Overheard, end_like, run_in_foreground
    from envdoctor.report import treatment as report

    command = _command(arguments.command)
    arguments.project = arguments.project or _project(command)
    style = style_for_errors()
    with ExitStack() as until:
        treatment = treated(arguments, command=_text(command), until=until)
        if not arguments.quiet:
            say(report.before(treatment, style))
        overheard = Overheard() if _may_be_heard(command) else None
        try:
            status = run_in_foreground(command, treatment.environment, overheard=overheard)
        except CannotRun as error:
            complain(f"{command[0]}: {error}{_hint(command[0])}")
            return error.status
    if status and status not in (-signal.SIGINT, -signal.SIGPIPE):
        how = f"failed with exit status {status}" if status > 0 else f"was ended by signal {-status}"
        say(
            report.after_failure(
                treatment, _explained(overheard.text if overheard else b"", treatment.facts), how, style
            )
        )
    return end_like(status)


def _may_be_heard(command: List[str]) -> bool:
    """Whether nobody notices: in a terminal, pagers, editors and debuggers want it for themselves."""
    from envdoctor.host import is_terminal

    builds = len(command) > 1 and BUILDS.fullmatch(posixpath.basename(command[0]))
    return not (is_terminal(1) or is_terminal(2)) or bool(builds)


def _explained(output: bytes, facts: "Facts") -> "Explanation":
    """What the command wrote, with what the machine says to it."""
    from envdoctor.explanation import compared, explain
    from envdoctor.log import read, read_text

    try:
        log = read(io.BytesIO(output), "its output")
    except ValueError:  # no text
        log = read_text("", "its output")
    return compared(explain(log), facts, it_happened_here=True)


def _hint(name: str) -> str:
    """What is often meant by a command that is none."""
    if name.startswith("-"):
        return "; envdoctor's own options go before --"
    if " " in name or "=" in name or name in ("cd", "export", "source", "."):
        return "; a line for the shell is run as: envdoctor run -- sh -c '...'"
    return ""


def _project(command: List[str]) -> Optional[str]:
    """The project of a build folder beside its sources: what it was configured for, or what cmake is told."""
    from envdoctor.host import LocalHost

    host = LocalHost()
    cache = host.try_text(posixpath.join(host.cwd, "CMakeCache.txt")) or ""
    home = re.search(r"^CMAKE_HOME_DIRECTORY:INTERNAL=(.+)$", cache, re.MULTILINE)
    if home and host.is_dir(home[1]):
        return home[1]
    if posixpath.basename(command[0]) != "cmake" or host.exists(posixpath.join(host.cwd, "CMakeLists.txt")):
        return None
    named = (word[2:] if word.startswith("-S") and len(word) > 2 else word for word in command[1:])
    folders = (posixpath.normpath(posixpath.join(host.cwd, word)) for word in named)
    return next((path for path in folders if host.is_file(posixpath.join(path, "CMakeLists.txt"))), None)


def _text(command: List[str]) -> str:
    """The command line, and the script that it names: what is to be run tells which ways of a build are taken."""
    from envdoctor.host import LocalHost

    host = LocalHost()
    scripts = (word for word in command if word.endswith(".sh") or "/" in word)
    texts = (host.try_text(posixpath.join(host.cwd, word), SCRIPT) for word in scripts)
    return "\n".join([" ".join(command), *(text for text in texts if text and "\0" not in text)])


def _command(words: List[str]) -> List[str]:
    """The command without the -- in front of it."""
    command = words[1:] if words[:1] == ["--"] else words
    if not command:
        raise UsageError("no command; write it behind --: envdoctor run -- make")
    return command
