"""`envdoctor archs`: the GPU architectures to compile for, as nvcc, CMake and torch want to be told, with reasons."""

import argparse
from typing import Any

from envdoctor.cli.common import add_target_arguments, examine_or_read
from envdoctor.cli.output import style_for, to_json, write_output


def add_parser(verbs: "argparse._SubParsersAction[Any]") -> None:
    """Declare the verb."""
    parser = verbs.add_parser(
        "archs", help="the GPU architectures to compile for, with reasons", description=__doc__
    )
    add_target_arguments(parser)
    parser.add_argument("--facts", metavar="FILE", help="choose for saved facts of another machine")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Choose and print; 1 when something that was stated cannot be compiled for, or nothing is left."""
    from envdoctor import archs
    from envdoctor.report import architectures

    facts, _ = examine_or_read(arguments)
    found = archs.choose(facts)
    if arguments.format == "json":
        text = to_json(architectures.as_json(found))
    else:
        text = architectures.as_text(found, style_for(None))
    write_output(text, None)
    stated = found.origin not in ("default", "GPU", "project")
    return int(not found.targets or (stated and bool(found.refusals)))
