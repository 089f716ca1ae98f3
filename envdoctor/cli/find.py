"""`envdoctor find`: every copy of a library, header or program, whose it is, and which one would be taken."""

import argparse
from typing import Any

from envdoctor.cli.common import UsageError, add_target_arguments, examine_or_read
from envdoctor.cli.output import style_for, to_json, write_output


def add_parser(verbs: "argparse._SubParsersAction[Any]") -> None:
    """Declare the verb."""
    parser = verbs.add_parser(
        "find",
        help="every copy of a library, header or program, and which one is taken",
        description=f"{__doc__} Exit status: 0 found, 1 not found.",
    )
    parser.add_argument("name", metavar="NAME", help="cublas, libcublas.so.12, cutlass/core_io.h, cmake, ...")
    add_target_arguments(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    parser.add_argument("-v", "--verbose", action="store_true", help="list every folder that was looked into")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Examine, search and print."""
    from envdoctor import find
    from envdoctor.report import copies

    if not arguments.name.strip("/ -"):
        raise UsageError(
            f"{arguments.name!r} is no name; give a library, header or program: envdoctor find cublas"
        )
    if any(letter in arguments.name for letter in "*?["):
        raise UsageError(f"{arguments.name!r}: patterns are not taken; give one name: envdoctor find cublas")
    facts, host = examine_or_read(arguments)
    assert host is not None
    answers = find.search(arguments.name, facts, host)
    if arguments.format == "json":
        text = to_json(copies.as_json(answers))
    else:
        text = copies.as_text(answers, style_for(None, arguments.verbose))
    write_output(text, None)
    return int(not any(answer.copies for answer in answers))
