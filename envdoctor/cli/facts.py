"""`envdoctor facts`: what is known about a machine and a project, to keep, send and compare."""

import argparse
from typing import Any

from envdoctor.cli.common import add_target_arguments, examine_or_read, home
from envdoctor.cli.output import style_for, to_json, write_output


def add_parser(verbs: "argparse._SubParsersAction[Any]") -> None:
    """Declare the verb."""
    parser = verbs.add_parser(
        "facts",
        help="what is known about the machine and the project",
        description=f"{__doc__} Home folders, user names and credentials are taken out; `envdoctor check --facts FILE`"
        " judges the file on any machine.",
    )
    add_target_arguments(parser)
    parser.add_argument("--format", choices=("json", "text"), default="json", help="default: json")
    parser.add_argument("-o", "--output", metavar="FILE", help="write there instead of standard output")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Examine and print; what could not be determined is part of the facts."""
    from envdoctor.facts.codec import facts_to_json
    from envdoctor.report import summary
    from envdoctor.scrub import scrub, scrub_text

    facts, _ = examine_or_read(arguments)
    if arguments.format == "json":
        text = to_json(scrub(facts_to_json(facts), home()))
    else:
        text = scrub_text(summary.as_text(facts, style_for(arguments.output)), home())
    write_output(text, arguments.output)
    return 0
