"""`envdoctor env --shell bash`: the overlay of `envdoctor run` as activation code, with a way back."""

import argparse
from typing import TYPE_CHECKING, Any, Mapping

from envdoctor.cli.common import UsageError
from envdoctor.cli.output import say, style_for_errors, write_code
from envdoctor.cli.treated import add_treatment_arguments, treated

if TYPE_CHECKING:
    from envdoctor.overlay.plan import Overlay

#: Names of envdoctor/overlay/activation/forms.py, which --help does not load.
SHELLS = ("bash", "zsh", "sh", "fish", "csh")


def add_parser(verbs: "argparse._SubParsersAction[Any]") -> None:
    """Declare the verb."""
    parser = verbs.add_parser(
        "env",
        help="print the cures as activation code for a shell, CMake, Docker or GitHub",
        description=__doc__,
    )
    add_treatment_arguments(parser)
    parser.add_argument("--shell", choices=SHELLS, help="who reads the code (default: by $SHELL, else bash)")
    parser.add_argument("-o", "--output", metavar="FILE", help="write to FILE instead of standard output")
    parser.add_argument("-q", "--quiet", action="store_true", help="print the code and say nothing else")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Examine as if no overlay were active, lay the overlay, print the code."""
    from envdoctor.host import LocalHost
    from envdoctor.overlay.activation.forms import form_of
    from envdoctor.overlay.activation.names import CannotExpressError, left
    from envdoctor.report import treatment as report

    environment = LocalHost().env
    shell = arguments.shell or form_of(environment.get("SHELL", ""))
    treatment = treated(arguments, left(environment))
    try:
        code = _code(shell, treatment.overlay, environment)
    except CannotExpressError as error:
        raise UsageError(f"{shell}: {error}; use another form, or envdoctor run -- CMD") from None
    if not arguments.quiet:
        say(report.before(treatment, style_for_errors()))
    write_code(code, arguments.output)
    return 0


def _code(shell: str, overlay: "Overlay", environment: Mapping[str, str]) -> str:
    """What activates the overlay; without one, what leaves the one that is active."""
    from envdoctor.overlay.activation.forms import FORMS
    from envdoctor.overlay.activation.names import NAMES, NOTHING

    if overlay.layers:
        return FORMS[shell].render(overlay)
    return NOTHING + (FORMS[shell].leaving() if NAMES in environment else "")
