"""What all forms of activation code share: the variables in which they keep what was there before.

The state lies in exported variables, not in a shell's functions: so a shell that was started in an active overlay, be
it of another kind, can leave it, and envdoctor can see through it what the environment is without it.
"""

import re
from typing import Dict, Mapping, Tuple

from envdoctor.overlay.plan import Overlay

#: Names of the variables that the active overlay changes, in one string.
NAMES = "_ENVDOCTOR_NAMES"
#: In front of a number, counted from 0 as in NAMES: what that variable was; not there when there was none. (Names in
#: place of numbers would be longer than the oldest C shells allow, and some that end in PATH are lists in fish.)
BEFORE = "_ENVDOCTOR_BEFORE_"

NOTHING = "# envdoctor: nothing to cure from outside, nothing to activate\n"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class CannotExpressError(Exception):
    """The form has no way to say this; one line."""


def changed(overlay: Overlay) -> Tuple[str, ...]:
    """The variables that an overlay changes, each once; raises CannotExpressError for what is no name in a shell."""
    names = tuple(dict.fromkeys(change.name for change in overlay.variables))
    for name in names:
        if not _NAME.fullmatch(name):
            raise CannotExpressError(f"{name!r} is no name of a variable in a shell")
    return names


def saved(number: int) -> str:
    """Where the variable of that number is kept."""
    return f"{BEFORE}{number}"


def left(environment: Mapping[str, str]) -> Dict[str, str]:
    """The environment as it is once the overlay that is active in it, if any, has been left."""
    after = dict(environment)
    for number, name in enumerate(after.pop(NAMES, "").split()):
        before = after.pop(saved(number), None)
        after.pop(name, None)
        if before is not None:
            after[name] = before
    return after
