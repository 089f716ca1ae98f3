"""`envdoctor diff`: what differs between two saved facts files, component by component, and how each side was found."""

import argparse
from typing import Any

from envdoctor.cli.common import UsageError, read_facts
from envdoctor.cli.output import style_for, to_json, write_output


def add_parser(verbs: "argparse._SubParsersAction[Any]") -> None:
    """Declare the verb."""
    parser = verbs.add_parser(
        "diff",
        help="what differs between two machines",
        description=f"{__doc__} What is not known is never equal. Times and free space are left out."
        " Exit status: 0 the same, 1 differences or something that cannot be compared.",
    )
    parser.add_argument("a", metavar="A.json", help="facts of one machine: envdoctor facts -o A.json")
    parser.add_argument("b", metavar="B.json", help="facts of the other machine, - for standard input")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compare and print."""
    from envdoctor import diff
    from envdoctor.report import differences

    if arguments.a == "-" and arguments.b == "-":
        raise UsageError("standard input holds one facts file; give the other one by name")
    found = diff.compare(read_facts(arguments.a), read_facts(arguments.b))
    if arguments.format == "json":
        text = to_json(diff.to_json(found))
    else:
        text = differences.as_text(found, (arguments.a, arguments.b), style_for(None))
    write_output(text, None)
    return int(bool(found))
