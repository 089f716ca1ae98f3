"""What `run`, `env` and `fix` share: their arguments, and the overlay that follows from them."""

import argparse
from contextlib import ExitStack
from typing import TYPE_CHECKING, Mapping, Optional

from envdoctor.cli.common import (
    DEEP_LIMIT,
    LIMIT,
    UsageError,
    add_role_and_targets,
    expect_python,
    request_of,
)
from envdoctor.cli.explain import rule_named

if TYPE_CHECKING:
    from envdoctor.host import Host
    from envdoctor.overlay.treatment import Choice, Treatment


def add_treatment_arguments(parser: argparse.ArgumentParser) -> None:
    """Project, role, targets, and which rules may cure."""
    parser.add_argument(
        "--project", metavar="DIR", help="folder of the project (default: the current folder)"
    )
    add_role_and_targets(parser)
    add_choice_arguments(parser)


def add_choice_arguments(parser: argparse.ArgumentParser) -> None:
    """Which findings are to be cured."""
    parser.add_argument(
        "--only", action="append", metavar="RULE", help="cure only what this rule finds (may be repeated)"
    )
    parser.add_argument(
        "--without",
        action="append",
        metavar="RULE",
        help="leave alone what this rule finds (may be repeated)",
    )


def choice_of(arguments: argparse.Namespace) -> "Choice":
    """What those arguments state; raises UsageError."""
    from envdoctor.catalogue import rules
    from envdoctor.overlay.treatment import Choice

    only = tuple(rule_named(name, rules()).name for name in arguments.only or ())
    without = tuple(rule_named(name, rules()).name for name in arguments.without or ())
    return Choice(only or None, without)


def treated(
    arguments: argparse.Namespace,
    environment: Optional[Mapping[str, str]] = None,
    command: str = "",
    until: Optional[ExitStack] = None,
) -> "Treatment":
    """Examine, in that environment or in our own, for that command, and write the overlay; raises UsageError.

    The overlay stays as it is until `until` is closed; without that, until the same is asked for again.
    """
    from dataclasses import replace

    from envdoctor.cure import treat
    from envdoctor.host import LocalHost
    from envdoctor.overlay.folder import for_command, for_shells

    choice = choice_of(arguments)
    request = replace(request_of(arguments), command=command)
    limit = DEEP_LIMIT if request.deep else LIMIT
    host = LocalHost(environment, limit=limit)

    def place_on(host: "Host") -> str:
        assert request.project is not None
        return (
            for_command(host, request.project, until)
            if until is not None
            else for_shells(host, request, choice)
        )

    try:
        treatment = treat(
            lambda environment: LocalHost(environment, limit=limit),
            host.env,
            request,
            choice,
            place_on,
        )
        expect_python(request, treatment.facts, host)
        return treatment
    except OSError as error:
        raise UsageError(
            f"{error.filename or request.project}: the overlay cannot be written: {error.strerror or error}"
        ) from None
