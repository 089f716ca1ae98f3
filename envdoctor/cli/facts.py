"""`envdoctor facts`."""

import argparse
from typing import Any


def add_parser(verbs: "argparse._SubParsersAction[Any]") -> None:
    """Declare the verb."""
    parser = verbs.add_parser("facts", help="being written", description=__doc__)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Being written."""
    return 2
