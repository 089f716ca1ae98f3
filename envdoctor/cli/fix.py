"""`envdoctor fix`: changes that last: the plan; with --apply its execution, with --undo the way back."""

import argparse
import sys
from typing import TYPE_CHECKING, Any, Iterable, Optional, Set, Tuple

from envdoctor.cli.common import UsageError, add_target_arguments, examine_or_read, request_of
from envdoctor.cli.output import complain, say, style_for, style_for_errors, write_code, write_output
from envdoctor.cli.treated import add_choice_arguments, choice_of

if TYPE_CHECKING:
    from envdoctor.facts import Facts
    from envdoctor.finding import Finding
    from envdoctor.fixing.plan import Item
    from envdoctor.host import Host

#: How a step of an undo went well, and how the outcome of a command that did not go well begins.
TAKEN_BACK = ("restored", "done")
FAILED = "exit status"


def add_parser(verbs: "argparse._SubParsersAction[Any]") -> None:
    """Declare the verb."""
    parser = verbs.add_parser("fix", help="changes that last: plan, apply, undo", description=__doc__)
    add_target_arguments(parser)
    add_choice_arguments(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--apply", action="store_true", help="make the changes that are safe, after asking")
    what.add_argument(
        "--patch", metavar="FILE", help="write the edits as a diff for `git apply`; change nothing"
    )
    what.add_argument(
        "--undo",
        action="store_true",
        help="take the last application back; one that your own changes stand on is passed over",
    )
    parser.add_argument(
        "--unsafe",
        action="store_true",
        help="with --apply: also what changes the project or what is installed",
    )
    parser.add_argument("--yes", action="store_true", help="with --apply: do not ask")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Plan; print it, write the patch, apply it or take the last one back."""
    if (arguments.unsafe or arguments.yes) and not arguments.apply:
        raise UsageError("--unsafe and --yes say how to apply; add --apply")
    try:
        return _undo(arguments) if arguments.undo else _planned(arguments)
    except OSError as error:
        raise UsageError(
            f"{error.filename or 'the journal'}: {error.strerror or error}; `envdoctor fix --undo` takes back what was "
            "done so far"
        ) from None


def _planned(arguments: argparse.Namespace) -> int:
    from envdoctor.fixing.application import new_contents
    from envdoctor.fixing.plan import applicable, plan
    from envdoctor.report import plan as report

    facts, host, findings = _diagnosed(arguments)
    items = plan(findings)
    to_change = any(item.changes or not item.reversible for item in items)
    if not arguments.apply:
        contents = new_contents(host, _root(facts), items)
        diff = b"".join(new.diff for new in contents)
        if arguments.patch:
            return _patch(arguments, diff)
        style = style_for(None)
        left = [reason for new in contents for reason in new.left]
        write_output(report.render(items, style) + report.ending(items, diff, left, style), None)
        return int(to_change)
    chosen = applicable(items, arguments.unsafe)
    if not chosen:
        more = "; --unsafe allows more" if applicable(items, unsafe=True) else ""
        complain(f"nothing to apply{more}")
        return int(to_change)
    shown = b"".join(new.diff for new in new_contents(host, _root(facts), chosen))
    say(report.render(chosen, style_for_errors()) + shown.decode("utf-8", "replace"))
    if not arguments.yes and not _consent():
        complain("nothing was changed")
        return 1
    return _apply(arguments, facts, host, chosen)


def _diagnosed(arguments: argparse.Namespace) -> "Tuple[Facts, Host, Tuple[Finding, ...]]":
    from envdoctor.catalogue import diagnose
    from envdoctor.confirm import confirmed

    choice = choice_of(arguments)
    facts, host = examine_or_read(arguments)
    assert host is not None
    diagnosis = confirmed(host, facts.system, diagnose(facts))
    return facts, host, tuple(choice.of(diagnosis.findings))


def _patch(arguments: argparse.Namespace, diff: bytes) -> int:
    if not diff:
        raise UsageError("no fix here edits a file of the project; there is nothing to write")
    write_code(diff.decode("utf-8", "surrogateescape"), arguments.patch)
    return 0


def _apply(
    arguments: argparse.Namespace,
    facts: "Facts",
    host: "Host",
    items: "Tuple[Item, ...]",
) -> int:
    from envdoctor.fixing.application import apply
    from envdoctor.report import plan as report

    failed = not _told(apply(host, _root(facts), items)) <= {"changed", "done"}
    _, _, left = _diagnosed(arguments)
    write_output(report.outcome(items, left, style_for(None)), None)
    rules = {finding.rule for finding in left}
    return int(failed or any(item.finding.rule in rules and not item.rest_in_overlay for item in items))


def _undo(arguments: argparse.Namespace) -> int:
    from envdoctor.fixing.application import undo
    from envdoctor.fixing.journal import standing
    from envdoctor.host import LocalHost

    request = request_of(arguments)
    host = LocalHost(limit=float("inf"))
    assert request.project is not None
    project = host.realpath(request.project)
    records = tuple(standing(host, project))
    if not records:
        raise UsageError(f"{request.project}: no fix was applied here that could be taken back")
    outcomes: Set[str] = set()
    for record in records:
        outcomes |= _told(undo(host, record))
        nothing_left = record not in standing(host, project)
        # An application on whose files the user's own changes stand does not keep the older ones.
        if nothing_left or any(how in TAKEN_BACK or how.startswith(FAILED) for how in outcomes):
            break
    return int(not outcomes <= {"as it was", *TAKEN_BACK})


def _told(steps: "Iterable[Tuple[str, str]]") -> Set[str]:
    """Say what happens as it happens; how all of it went."""
    outcomes = set()
    for what, how in steps:
        say(f"envdoctor: {what}: {how}\n")
        outcomes.add(how)
    return outcomes


def _consent() -> bool:
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError("changes need consent, and nobody can be asked here; add --yes")
    say("Make these changes? [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _root(facts: "Facts") -> str:
    from envdoctor.facts import Project

    root: Optional[str] = facts.project.root if isinstance(facts.project, Project) else facts.request.project
    return root or "."
