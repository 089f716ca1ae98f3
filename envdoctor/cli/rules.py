"""`envdoctor rules`: every known problem by topic."""

import argparse
from typing import Any

from envdoctor.cli.output import style_for, to_json, write_output


def add_parser(verbs: "argparse._SubParsersAction[Any]") -> None:
    """Declare the verb."""
    parser = verbs.add_parser("rules", help="every known problem", description=__doc__)
    parser.add_argument(
        "--format", choices=("text", "json", "markdown"), default="text", help="default: text"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write there instead of standard output")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """List them."""
    from envdoctor.catalogue import rules
    from envdoctor.report import pages

    if arguments.format == "json":
        text = to_json(pages.rules_as_json(rules()))
    elif arguments.format == "markdown":
        text = pages.rules_as_markdown(rules())
    else:
        text = pages.rules_as_text(rules(), style_for(arguments.output))
    write_output(text, arguments.output)
    return 0
