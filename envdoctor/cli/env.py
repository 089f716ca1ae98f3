"""`envdoctor env --shell bash`: the overlay of `envdoctor run` as activation code, with a way back."""

import argparse
import shlex
import sys
from typing import TYPE_CHECKING, Any, Mapping

from envdoctor.cli.common import UsageError
from envdoctor.cli.output import say, style_for_errors, write_code
from envdoctor.cli.treated import add_treatment_arguments, treated

if TYPE_CHECKING:
    from envdoctor.overlay.plan import Overlay

#: Names of envdoctor/overlay/activation/forms.py, which --help does not load.
SHELLS = ("bash", "zsh", "sh", "fish", "csh", "powershell", "cmake", "docker", "github")

#: Those whose code is evaluated, not put into a file.
EVALUATED = ("bash", "zsh", "sh")


def add_parser(verbs: "argparse._SubParsersAction[Any]") -> None:
    """Declare the verb."""
    parser = verbs.add_parser(
        "env",
        help="print the cures as activation code for a shell, CMake, Docker or GitHub",
        description=__doc__,
    )
    add_treatment_arguments(parser)
    parser.add_argument("--shell", choices=SHELLS, help="who reads the code (default: by $SHELL, else bash)")
    parser.add_argument(
        "--leave",
        action="store_true",
        help="print what leaves the active overlay, for a shell that lost `deactivate`; examine nothing",
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write to FILE instead of standard output")
    parser.add_argument("-q", "--quiet", action="store_true", help="print the code and say nothing else")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the code that activates an overlay, or that leaves the one that is active."""
    from envdoctor.host import LocalHost
    from envdoctor.overlay.activation.forms import FORMS, form_of
    from envdoctor.overlay.activation.names import NOTHING

    environment = LocalHost().env
    shell = arguments.shell or form_of(environment.get("SHELL", ""))
    code = FORMS[shell].leaving() if arguments.leave else _activation(arguments, shell, environment)
    write_code(code, arguments.output)
    shown = arguments.output is None and sys.stdout is not None and sys.stdout.isatty()
    if shown and shell in EVALUATED and not arguments.leave and not code.startswith(NOTHING):
        again = shlex.join(["envdoctor", *sys.argv[1:]])
        say(f'envdoctor: to activate it here: eval "$({again})"; deactivate is the way back\n')
    return 0


def _activation(arguments: argparse.Namespace, shell: str, environment: Mapping[str, str]) -> str:
    """Examine as if no overlay were active, lay the overlay, say what it cures; its code."""
    from envdoctor.overlay.activation.names import CannotExpressError, left
    from envdoctor.report import treatment as report

    before = left(environment)
    treatment = treated(arguments, before)
    try:
        code = _code(shell, treatment.overlay, environment)
    except CannotExpressError as error:
        raise UsageError(f"{shell}: {error}; use another form, or envdoctor run -- CMD") from None
    hint = ""
    if shell == "cmake" and treatment.overlay.layers:
        hint = _presets(treatment.overlay, before, arguments.output or "FILE")
    if not arguments.quiet:
        say(report.before(treatment, style_for_errors()) + hint)
    return code


def _code(shell: str, overlay: "Overlay", environment: Mapping[str, str]) -> str:
    """What activates the overlay; without one, what leaves the one that is active."""
    from envdoctor.overlay.activation.forms import FORMS
    from envdoctor.overlay.activation.names import NAMES, NOTHING

    if overlay.layers:
        return FORMS[shell].render(overlay)
    return NOTHING + (FORMS[shell].leaving() if environment.get(NAMES) else "")


def _presets(overlay: "Overlay", before: Mapping[str, str], file: str) -> str:
    """Write the presets into the overlay; how they are used."""
    from envdoctor.host import LocalHost
    from envdoctor.overlay.activation import cmake
    from envdoctor.overlay.folder import write_beside
    from envdoctor.overlay.plan import PRESETS

    try:
        write_beside(LocalHost(before), overlay, PRESETS, cmake.presets(overlay, before))
    except OSError as error:
        raise UsageError(f"{error.filename}: cannot be written: {error.strerror or error}") from None
    return cmake.hint(overlay, file)
