"""`envdoctor check`: examine a machine and a project, and say what is wrong."""

import argparse
import os
from typing import Any

from envdoctor.cli.common import add_target_arguments, examine_or_read, home
from envdoctor.cli.explain import rule_named
from envdoctor.cli.output import add_job_summary, style_for, write_output

FORMATS = ("text", "json", "html", "markdown", "sarif", "github")
THRESHOLDS = ("error", "warning", "info", "never")


def add_parser(verbs: "argparse._SubParsersAction[Any]") -> None:
    """Declare the verb."""
    parser = verbs.add_parser("check", help="say what is wrong before the build", description=__doc__)
    add_target_arguments(parser)
    parser.add_argument(
        "--facts", metavar="FILE", help="judge saved facts of another machine instead of this one"
    )
    parser.add_argument(
        "--rule", action="append", metavar="RULE", help="ask only this rule (may be repeated)"
    )
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    parser.add_argument(
        "--fail-on", choices=THRESHOLDS, default="error", help="exit with 1 from here on (default: error)"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write there instead of standard output")
    parser.add_argument("-v", "--verbose", action="store_true", help="leave nothing out of the text report")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Examine, diagnose, report."""
    from envdoctor.catalogue import diagnose, rules
    from envdoctor.confirm import confirmed
    from envdoctor.report import render

    only = [rule_named(name, rules()).name for name in arguments.rule] if arguments.rule else None
    facts, host = examine_or_read(arguments)
    diagnosis = diagnose(facts, only)
    if host is not None:
        diagnosis = confirmed(host, facts.system, diagnosis)
    style = style_for(arguments.output, arguments.verbose, _prefix(arguments))
    write_output(render(arguments.format, facts, diagnosis, home(), style), arguments.output)
    if arguments.format == "github":
        add_job_summary(render("markdown", facts, diagnosis, home(), style))
    worst = diagnosis.worst()
    return int(worst is not None and worst.rank <= THRESHOLDS.index(arguments.fail_on) < 3)


def _prefix(arguments: argparse.Namespace) -> str:
    """The project's folder as seen from here, for annotations; "" when it is not below."""
    if not arguments.project:
        return ""
    relative = os.path.relpath(arguments.project)
    return "" if relative == "." or relative.startswith("..") else relative.replace(os.sep, "/")
