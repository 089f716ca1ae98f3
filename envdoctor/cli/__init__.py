"""The command line: one module per verb; imports only what `--help` needs."""

import argparse
import contextlib
import posixpath
import signal
import sys
import threading
from typing import Iterator, List, Optional

import envdoctor
from envdoctor.cli import (
    archs,
    bundle,
    check,
    compare,
    diff,
    docker,
    env,
    explain,
    facts,
    find,
    fix,
    fleet,
    matrix,
    quantize,
    rules,
    run,
    toolkit,
    wheel,
)
from envdoctor.cli.common import Parser, UsageError
from envdoctor.cli.output import complain, write_output

VERBS = (
    check,
    run,
    env,
    fix,
    toolkit,
    bundle,
    wheel,
    matrix,
    docker,
    facts,
    diff,
    fleet,
    find,
    archs,
    rules,
    explain,
    quantize,
    compare,
)


def main(argv: Optional[List[str]] = None) -> int:
    """Parse, run one verb, and return the exit status: 0 clean, 1 findings, 2 usage or our failure."""
    _put_standard_library_first()
    try:
        with _ended_by_sigterm():
            arguments, strange = _parser().parse_known_args(argv)
            if strange:
                raise UsageError(
                    f"unrecognized arguments: {' '.join(strange)}; see: envdoctor {arguments.verb} --help"
                )
            return _run(arguments)
    except UsageError as error:
        complain(str(error))
        return 2
    except KeyboardInterrupt:
        return 130


def _put_standard_library_first() -> None:
    """PYTHONPATH may bring another Python's backports (dataclasses, typing), which would stand in for our own."""
    folder = posixpath.dirname(argparse.__file__)
    ours = [entry for entry in sys.path if entry in (folder, f"{folder}/lib-dynload")]
    sys.path[:] = ours + [entry for entry in sys.path if entry not in ours]


def _run(arguments: argparse.Namespace) -> int:
    try:
        status: int = arguments.run(arguments)
        return status
    except UsageError:
        raise
    except Exception as error:
        if arguments.debug:
            raise
        raise UsageError(
            f"internal error, please report it (--debug shows where): {type(error).__name__}: {error}"
        ) from None


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM unwinds as Ctrl-C does, so that nothing that was started is left running; status 143."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="envdoctor",
        description="Says what is wrong with a machine or a project before a CUDA extension for PyTorch is built.",
    )
    parser.add_argument("--version", action=Version, help="print version and compiled library, and exit")
    parser.add_argument("--debug", action="store_true", help=argparse.SUPPRESS)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True, dest="verb")
    for verb in VERBS:
        verb.add_parser(verbs)
    return parser


class Version(argparse.Action):
    """Prints the version and names the compiled library, which only this option loads."""

    def __init__(self, option_strings: List[str], dest: str, help: Optional[str] = None) -> None:
        super().__init__(option_strings, dest, nargs=0, help=help, default=argparse.SUPPRESS)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from envdoctor import library

        write_output(f"envdoctor {envdoctor.__version__}\n{library.describe()}\n", None)
        parser.exit()
