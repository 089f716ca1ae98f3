"""The command line: one module per verb; imports only what `--help` needs."""

import argparse
import sys
from typing import List, Optional

import envdoctor
from envdoctor.cli import archs, check, diff, explain, facts, find, rules
from envdoctor.cli.common import Parser, UsageError
from envdoctor.cli.output import quiet_at_exit

VERBS = (check, facts, diff, find, archs, rules, explain)


def main(argv: Optional[List[str]] = None) -> int:
    """Parse, run one verb, and return the exit status: 0 clean, 1 findings, 2 usage or our failure."""
    arguments = _parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments)
        return status
    except UsageError as error:
        print(f"envdoctor: {error}", file=sys.stderr)
    except BrokenPipeError:
        quiet_at_exit()  # the reader has enough
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if arguments.debug:
            raise
        print(
            f"envdoctor: internal error, please report it (--debug shows where): {type(error).__name__}: {error}",
            file=sys.stderr,
        )
    return 2


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

        print(f"envdoctor {envdoctor.__version__}\n{library.describe()}")
        parser.exit()
