"""Activation code for fish.

Variables whose names end in PATH are lists in fish: quoted, they are joined by colons, and a string that is assigned to
one is split at them. So strings are all that is needed here, for them as for the others.
Source: fish 3.6, "Path variables" in the documentation of the language; tried.
"""

from typing import Iterator

from envdoctor.overlay.activation.names import BEFORE, NAMES, changed, saved
from envdoctor.overlay.plan import Overlay

_HEAD = """\
# envdoctor: an overlay for fish; `deactivate` is the way back.
# Activate it by `envdoctor env --shell fish | source`.
"""

_DEACTIVATE = f"""\
function envdoctor_deactivate
    set -l number 0
    for name in (string split -n ' ' -- "${NAMES}")
        set -l before {BEFORE}$number
        set number (math $number + 1)
        set -q $before; or set -e -g $name
        if set -qgx $before
            set -gx $name "$$before"
        else if set -qg $before
            set -e -g $name
            set -gu $name $$before
        end
        set -e -g $before
    end
    set -e -g {NAMES}
    test "$argv[1]" = nondestructive; and return
    if functions -q deactivate; and string match -q '*envdoctor_deactivate*' -- (functions deactivate)
        functions -e deactivate
    end
    if functions -q _envdoctor_deactivate
        functions -q deactivate; or functions -c _envdoctor_deactivate deactivate
        functions -e _envdoctor_deactivate
    end
    functions -e envdoctor_deactivate
end
"""

_HELPERS = """\
envdoctor_deactivate nondestructive
function _envdoctor_save -a name before
    set -q $name; or return
    if set -qx $name
        set -gx $before "$$name"
    else
        set -gu $before $$name
        set -e -g $name
    end
end
function _envdoctor_prepend -a name gap value
    set -l now "$$name"
    set -l length (string length -- "$value$gap")
    if test -z "$now"
        set -gx $name $value
    else if test (string sub -l $length -- "$now$gap" | string collect -N) != "$value$gap"\\n
        set -gx $name "$value$gap$now"
    end
end
function _envdoctor_append -a name gap value
    set -l now "$$name"
    set -l length (string length -- "$gap$value")
    if test -z "$now"
        set -gx $name $value
    else if test (string sub -s -$length -- "$gap$now" | string collect -N) != "$gap$value"\\n
        set -gx $name "$now$gap$value"
    end
end
"""

_END = """\
functions -e _envdoctor_save _envdoctor_prepend _envdoctor_append
if functions -q deactivate; and not string match -q '*envdoctor_deactivate*' -- (functions deactivate)
    functions -e _envdoctor_deactivate
    functions -c deactivate _envdoctor_deactivate
end
function deactivate
    envdoctor_deactivate $argv
end
"""


def render(overlay: Overlay) -> str:
    """Leave the overlay that is active, keep what is there, apply the changes in their order."""
    names = changed(overlay)
    saves = "".join(f"_envdoctor_save {name} {saved(number)}\n" for number, name in enumerate(names))
    changes = "".join(f"{line}\n" for line in _changes(overlay))
    return f"{_HEAD}{_DEACTIVATE}{_HELPERS}{saves}set -gx {NAMES} {quoted(' '.join(names))}\n{changes}{_END}"


def leaving() -> str:
    """Only leave what is active."""
    return f"{_DEACTIVATE}envdoctor_deactivate\n"


def quoted(value: str) -> str:
    """A word in single quotes, in which fish knows two escapes."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _changes(overlay: Overlay) -> Iterator[str]:
    for change in overlay.variables:
        if change.value is None:
            yield f"set -e -g {change.name}"
        elif change.mode == "set":
            yield f"set -gx {change.name} {quoted(change.value)}"
        else:
            yield f"_envdoctor_{change.mode} {change.name} {quoted(change.separator)} {quoted(change.value)}"
