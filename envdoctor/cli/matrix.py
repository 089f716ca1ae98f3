"""`envdoctor matrix`: the table of what is supported (ci/matrix.toml), built and tried on this machine."""

import argparse
import os
import shlex
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple

from envdoctor.cli import docker
from envdoctor.cli.bundled import absolute, local_host
from envdoctor.cli.common import UsageError
from envdoctor.cli.output import add_job_summary, to_json, write_output
from envdoctor.cli.table import add_table, add_written, read_table, told, written

if TYPE_CHECKING:
    from envdoctor.host import Host
    from envdoctor.matrix.run import Wanted
    from envdoctor.matrix.table import Table

_FORMATS = ("text", "json", "markdown")
_PLACE = ".envdoctor/matrix"


def add_parser(verbs: "argparse._SubParsersAction[Any]") -> None:
    """Declare the verb and its parts."""
    parser = verbs.add_parser(
        "matrix", help="build for all CUDA lines of a table, and try the wheels", description=__doc__
    )
    parts = parser.add_subparsers(title="parts", metavar="PART", required=True, dest="part")
    shown = _part(parts, "list", "show the table, and what follows from it", "0 or 2")
    _add_format(shown)
    shown.set_defaults(run=run_list)
    _add_run(parts)
    _add_try(parts)
    _add_github(parts)
    docker.add_parser(parts)


def _part(
    parts: "argparse._SubParsersAction[Any]", name: str, help: str, status: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = parts.add_parser(
        name, help=help, description=f"{help[0].upper()}{help[1:]}. Exit status: {status}."
    )
    add_table(parser)
    return parser


def _add_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=_FORMATS, default="text", help="default: text")


def _add_run(parts: "argparse._SubParsersAction[Any]") -> None:
    run = _part(
        parts,
        "run",
        "build the wheel for every CUDA line, side by side, and try it; what is done is not done again",
        "0, 1 when a line failed, or 2",
    )
    run.add_argument("project", nargs="?", metavar="PROJECT", default=".", help="default: the current folder")
    chosen = run.add_mutually_exclusive_group()
    chosen.add_argument(
        "--cuda", metavar="VERSION", action="append", default=[], help="this line (repeatable)"
    )
    chosen.add_argument("--release", action="store_true", help="the line that builds the release")
    run.add_argument("--arch", metavar="LIST", default="", help="these architectures instead of the table's")
    run.add_argument(
        "--toolkit",
        metavar="VERSION=DIR",
        action="append",
        default=[],
        help="a CUDA root that is there; others are made by `envdoctor toolkit create` (repeatable)",
    )
    run.add_argument(
        "--jobs", metavar="N", type=_number, default=0, help="lines at once (default: as many as fit)"
    )
    run.add_argument(
        "--python", metavar="PYTHON", help="the interpreter that builds (default: envdoctor's own)"
    )
    run.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        default=_PLACE,
        help=f"default: {_PLACE}; DIR/VERSION/wheel is what is built",
    )
    run.add_argument(
        "--print", action="store_true", dest="only_print", help="print what would be run, and run nothing"
    )
    _add_format(run)
    run.set_defaults(run=run_run)


def _add_try(parts: "argparse._SubParsersAction[Any]") -> None:
    parser = _part(
        parts,
        "try",
        "try one wheel in every environment of the table",
        "0, 1 when it does not work in one, or 2",
    )
    parser.add_argument("wheel", metavar="FILE.whl")
    parser.add_argument(
        "--python", metavar="VERSION", action="append", default=[], help="with these alone, as 3.11"
    )
    parser.add_argument(
        "-o", "--output", metavar="DIR", default=_PLACE, help=f"for environments (default: {_PLACE})"
    )
    _add_format(parser)
    parser.set_defaults(run=run_try)


def _add_github(parts: "argparse._SubParsersAction[Any]") -> None:
    parser = _part(
        parts,
        "github",
        "write GitHub's workflows: tests, a wheel for every CUDA line and platform, a release",
        "0, 1 when --check finds other files, or 2",
    )
    add_written(parser, ".github/workflows")
    parser.set_defaults(run=run_github)


def run_list(arguments: argparse.Namespace) -> int:
    """Print the table."""
    from envdoctor.matrix import texts

    table = read_table(arguments.table)
    if arguments.format == "json":
        with told():
            document = texts.table_json(table)
        write_output(to_json(document), None)
        return 0
    written = texts.in_markdown if arguments.format == "markdown" else texts.in_columns
    with told():
        text = written(texts.table_rows(table))
    write_output(f"{text}\n{texts.table_words(table)}", None)
    return 0


def run_run(arguments: argparse.Namespace) -> int:
    """Build, try, and say what came of it."""
    from envdoctor.cli.progress import StderrProgress
    from envdoctor.matrix import texts
    from envdoctor.matrix.run import plan, run

    host = local_host()
    wanted = _wanted(arguments, read_table(arguments.table))
    if arguments.only_print:
        with told():
            planned = plan(host, wanted)
        for places, steps in planned.values():
            enter = f"mkdir -p {shlex.quote(places.folder)} && cd {shlex.quote(places.folder)}"
            write_output("\n".join((enter, *(f"({step.command})" for step in steps))) + "\n", None)
        return 0
    with StderrProgress() as progress, told():
        outcomes = run(host, wanted, progress)
    rows = texts.outcome_rows(outcomes, len(wanted.table.wheel.tests))
    _write(arguments.format, rows, texts.outcome_json(outcomes))
    add_job_summary(texts.in_markdown(rows))
    return int(any(each.failed for each in outcomes))


def run_try(arguments: argparse.Namespace) -> int:
    """Try, and say what came of it."""
    from dataclasses import asdict

    from envdoctor.cli.progress import StderrProgress
    from envdoctor.matrix import texts
    from envdoctor.matrix.served import try_wheel

    table = read_table(arguments.table)
    there = {each.python for each in table.served}
    for version in arguments.python:
        if version not in there:
            raise UsageError(
                f"{arguments.table} has no [[served]] with Python {version}; it has {', '.join(sorted(there))}"
            )
    rows = [each for each in table.served if not arguments.python or each.python in arguments.python]
    wheel = os.path.abspath(arguments.wheel)
    if not os.path.isfile(wheel):
        raise UsageError(f"{arguments.wheel}: no such file; give a wheel")
    with StderrProgress() as progress, told():
        tried = try_wheel(local_host(), table, wheel, rows, absolute(arguments.output), progress)
    _write(arguments.format, texts.tried_rows(tried), [asdict(each) for each in tried])
    return int(any(each.why for each in tried))


def run_github(arguments: argparse.Namespace) -> int:
    """Write or compare."""
    from envdoctor.matrix.github import workflows

    with told():
        return written(arguments, workflows(read_table(arguments.table), os.path.relpath(arguments.table)))


def _wanted(arguments: argparse.Namespace, table: "Table") -> "Wanted":
    from envdoctor.matrix.lines import release_line
    from envdoctor.matrix.run import Wanted, lines_of
    from envdoctor.matrix.table import TableError

    host = local_host()
    cache = host.user_folder("XDG_CACHE_HOME", ".cache")
    folder = absolute(arguments.output)
    try:
        present = _present(arguments.toolkit, table)
        lines = lines_of(host, table, [release_line(table).version] if arguments.release else arguments.cuda)
    except TableError as error:
        raise UsageError(f"{arguments.table}: {error}") from None
    if not os.path.isdir(arguments.project):
        raise UsageError(f"{arguments.project}: no such folder; give the folder of a project")
    return Wanted(
        project=os.path.abspath(arguments.project),
        table=table,
        lines=lines,
        folder=folder,
        toolkits=os.path.join(cache or folder, "envdoctor", "toolkits"),
        present=present,
        python=_builder(host, arguments.python),
        archs=_archs(arguments.arch),
        jobs=arguments.jobs,
    )


def _present(stated: List[str], table: "Table") -> Dict[str, str]:
    """CUDA version -> root. Raises UsageError, TableError."""
    found = {}
    for each in stated:
        version, _, root = each.partition("=")
        root = absolute(root)
        if not os.access(os.path.join(root, "bin/nvcc"), os.X_OK):
            raise UsageError(
                f"--toolkit {each}: there is no bin/nvcc; write VERSION=DIR, as 13.0=/usr/local/cuda"
            )
        found[table.line(version).version] = root
    return found


def _builder(host: "Host", stated: Optional[str]) -> str:
    python = host.which(stated) if stated else host.own_python
    if python is None:
        raise UsageError(f"--python {stated}: no such program; give an interpreter's path or name")
    return python


def _archs(stated: str) -> Tuple[str, ...]:
    from envdoctor import architectures

    found = architectures.split(stated)
    for each in found:
        if architectures.parse(each) is None:
            raise UsageError(f"--arch: {each!r} is no architecture; write 8.0,9.0+PTX")
    return found


def _write(form: str, rows: Any, document: Any) -> None:
    from envdoctor.matrix import texts

    text = {
        "text": lambda: texts.in_columns(rows),
        "markdown": lambda: texts.in_markdown(rows),
        "json": lambda: to_json(document),
    }[form]()
    write_output(text, None)


def _number(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of lines; give 1 or more")
    return int(text)
