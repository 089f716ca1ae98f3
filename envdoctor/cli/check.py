"""`envdoctor check`: examine a machine and a project, and say what is wrong."""

import argparse
import os
from typing import Any, Tuple

from envdoctor.cli.common import add_target_arguments, examine_or_read, home
from envdoctor.cli.explain import rule_named
from envdoctor.cli.output import add_job_summary, add_step_outputs, style_for, write_output

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
    parser.add_argument(
        "--also",
        action="append",
        type=_also,
        default=[],
        metavar="FORMAT=FILE",
        help="write the same report to a file in another format too, as sarif=envdoctor.sarif (may be repeated)",
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="leave nothing out of the text report")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Examine, diagnose, report."""
    from envdoctor.catalogue import diagnose, rules
    from envdoctor.confirm import confirmed
    from envdoctor.report import render
    from envdoctor.report.github import as_outputs

    only = [rule_named(name, rules()).name for name in arguments.rule] if arguments.rule else None
    facts, host = examine_or_read(arguments)
    diagnosis = diagnose(facts, only)
    if host is not None:
        diagnosis = confirmed(host, facts.system, diagnosis)
    for form, file in (*arguments.also, (arguments.format, arguments.output)):
        style = style_for(file, arguments.verbose, _prefix(arguments))
        write_output(render(form, facts, diagnosis, home(), style), file)
    if arguments.format == "github":
        add_job_summary(render("markdown", facts, diagnosis, home(), style))
        add_step_outputs(as_outputs(diagnosis))
    worst = diagnosis.worst()
    return int(worst is not None and worst.rank <= THRESHOLDS.index(arguments.fail_on) < 3)


def _also(text: str) -> Tuple[str, str]:
    form, _, file = text.partition("=")
    if form not in FORMATS or file in ("", "-"):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not FORMAT=FILE; write it as sarif=envdoctor.sarif (formats: {', '.join(FORMATS)})"
        )
    return form, file


def _prefix(arguments: argparse.Namespace) -> str:
    """The project's folder as seen from here, for annotations; "" when it is not below."""
    if not arguments.project:
        return ""
    relative = os.path.relpath(arguments.project)
    return "" if relative == "." or relative.startswith("..") else relative.replace(os.sep, "/")
