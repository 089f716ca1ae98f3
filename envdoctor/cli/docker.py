"""`envdoctor docker`: Dockerfiles for every CUDA line of the table, and one that is built without a network."""

import argparse
import os
from typing import Any

from envdoctor.cli.table import add_table, add_written, read_table, told, written


def add_parser(verbs: "argparse._SubParsersAction[Any]") -> None:
    """Declare the verb, which is a part of `matrix`, too."""
    parser = verbs.add_parser(
        "docker",
        help="write Dockerfiles for all CUDA lines of a table",
        description="Write a Dockerfile for every CUDA line of the table, and one that installs a bundle without a "
        "network. Exit status: 0, 1 when --check finds other files, or 2.",
    )
    add_table(parser)
    add_written(parser, "docker")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write or compare."""
    from envdoctor.matrix.docker import dockerfiles

    table = read_table(arguments.table)
    with told():
        return written(arguments, dockerfiles(table, os.path.relpath(arguments.table)))
