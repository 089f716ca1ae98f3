"""`envdoctor fleet`: reports of many machines: which differ, and in what; findings they share; bundles that fit."""

import argparse
import os
from typing import TYPE_CHECKING, Any, List, Optional, Tuple

from envdoctor.cli.check import THRESHOLDS
from envdoctor.cli.common import UsageError
from envdoctor.cli.output import style_for, to_json, write_output

if TYPE_CHECKING:
    from envdoctor.fleet.result import Fleet, Judge

FORMATS = ("text", "json", "markdown")
STATUS = (
    " Exit status: 0 when all is well; 1 when a machine has findings at or above --fail-on, a report could not be read,"
    " machines differ and --fail-on-difference asks for that, or a machine is there that no --bundle fits;"
    " 2 for wrong usage and when no report at all could be read."
)


def add_parser(verbs: "argparse._SubParsersAction[Any]") -> None:
    """Declare the verb."""
    parser = verbs.add_parser(
        "fleet",
        help="what many machines have in common, from their reports",
        description=f"{__doc__} The norm is what most have, fact by fact; what is not known is never equal."
        " Times, free space and the last 3 percent of a memory's size are left out." + STATUS,
    )
    parser.add_argument(
        "reports",
        nargs="+",
        metavar="REPORT",
        help="what `envdoctor check --format json` or `envdoctor facts` has written on a machine: NAME.json, where NAME"
        " is the machine's; a folder of such files; a stream of such documents, one after the other: *.jsonl, a pipe,"
        ' or - for standard input. There {"machine": NAME, "report": DOCUMENT} says whose it is',
    )
    parser.add_argument(
        "--bundle",
        action="append",
        default=[],
        metavar="BUNDLE",
        help="say on which machines this bundle runs (may be repeated)",
    )
    parser.add_argument(
        "--ignore",
        action="append",
        default=[],
        metavar="FACT",
        help="leave out this fact when machines are compared: environment, folders, packages, ... (may be repeated)",
    )
    parser.add_argument(
        "--expect",
        metavar="HOSTS",
        help="a file with the name of a machine a line: one without a report counts as one that could not be read",
    )
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    parser.add_argument(
        "--fail-on", choices=THRESHOLDS, default="error", help="exit with 1 from here on (default: error)"
    )
    parser.add_argument(
        "--fail-on-difference",
        action="store_true",
        help="exit with 1 unless all machines are known to be equal",
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write there instead of standard output")
    parser.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="leave nothing out; of JSON that is the differences of groups beyond the 500th",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Read one after the other, put together, print."""
    from envdoctor.cli.bundled import told
    from envdoctor.cli.fleet_sources import sources
    from envdoctor.fleet.census import Census
    from envdoctor.fleet.result import fleet

    _check_ignored(arguments.ignore)
    expected = _expected(arguments.expect) if arguments.expect else []
    judge = _judge(arguments.bundle)
    census = Census()
    for source in sources(tuple(arguments.reports)):
        if source.error:
            census.refuse(source.name, source.origin, source.error)
        else:
            census.add(*source[:3])
    census.expect(expected)
    with told():
        found = fleet(census, arguments.ignore, judge)
    if not found.machines:
        raise UsageError(_nothing(found))
    write_output(_rendered(found, arguments), arguments.output)
    return _status(found, arguments)


def _expected(path: str) -> List[str]:
    """The names in a file that may be the one that ssh.sh of examples/fleet is given."""
    try:
        with open(path, encoding="utf-8") as stream:
            lines = [line.strip() for line in stream]
    except (OSError, ValueError) as error:
        raise UsageError(f"--expect {path}: {getattr(error, 'strerror', None) or error}") from None
    return [line for line in lines if line and not line.startswith("#")]


def _check_ignored(names: Tuple[str, ...]) -> None:
    from envdoctor.fleet.parts import NAMES

    for name in names:
        if name not in NAMES:
            raise UsageError(f"--ignore {name}: no such fact; there are {', '.join(NAMES)}")


def _nothing(found: "Fleet") -> str:
    if not found.unread:
        return "no report is there: no *.json and no *.jsonl; make one with: envdoctor check --format json -o NAME.json"
    (origin, reason), *more = found.unread
    return f"{origin}: {reason}" + (f"; {len(more)} more could not be read either" if more else "")


def _rendered(found: "Fleet", arguments: argparse.Namespace) -> str:
    from envdoctor.report import fleet, fleet_json, fleet_markdown

    if arguments.format == "json":
        told = len(found.groups) if arguments.verbose else fleet_json.TOLD
        return to_json(fleet_json.document(found, told))
    if arguments.format == "markdown":
        return fleet_markdown.as_markdown(found)
    return fleet.as_text(found, style_for(arguments.output, arguments.verbose))


def _status(found: "Fleet", arguments: argparse.Namespace) -> int:
    worst = found.worst()
    limit = THRESHOLDS.index(arguments.fail_on)
    fitted = {name for each in found.bundles if each.verdict.targets for name in each.machines}
    return int(
        (worst is not None and worst.rank <= limit < 3)
        or bool(found.unread)
        or (arguments.fail_on_difference and not found.same)
        or (bool(arguments.bundle) and len(fitted) < found.machines)
    )


def _judge(bundles: Tuple[str, ...]) -> "Optional[Judge]":
    """What the bundles say to a machine; each is opened and verified once."""
    from envdoctor.bundle.offer import offer, verdict
    from envdoctor.cli.bundled import local_host, told

    if not bundles:
        return None
    with told():
        host = local_host()
        opened = [offer(host, each, os.path.abspath(each)) for each in bundles]
    return lambda facts: tuple(verdict(each, facts) for each in opened)
