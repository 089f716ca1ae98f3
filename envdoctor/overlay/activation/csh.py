"""Activation code for csh and tcsh, in a file that is sourced.

`eval` of a command's output would join its lines, and a C shell's `if` and `foreach` need theirs. Tried with tcsh 6.24
and Debian's bsd-csh.
"""

import re
from typing import Iterator, Sequence

from envdoctor.finding import SetEnv
from envdoctor.overlay.activation.names import BEFORE, NAMES, CannotExpressError, changed, saved
from envdoctor.overlay.plan import Overlay

# What means something to the C shell even in single quotes, or only under tcsh's `backslash_quote`, stands outside.
_UNQUOTED = re.compile(r"(\\|'|!)")
# What means something in a pattern though it is quoted, stands in a class of its own.
_PATTERN = re.compile(r"([*?\[\\])")
#: The oldest C shells know no longer name.
LONGEST = 30

_LEAVE = f"""\
if ($?{NAMES}) then
  set _envdoctor_number = 0
  foreach _envdoctor_name (${NAMES})
    unsetenv $_envdoctor_name
    eval 'if ($?{BEFORE}'$_envdoctor_number') set _envdoctor_before'
    if ($?_envdoctor_before) then
      eval 'setenv '$_envdoctor_name' ${BEFORE}'$_envdoctor_number':q'
      unsetenv {BEFORE}$_envdoctor_number
      unset _envdoctor_before
    endif
    @ _envdoctor_number++
  end
  unsetenv {NAMES}
  unset _envdoctor_name _envdoctor_number
endif
"""

_TAKE = """\
set _envdoctor_alias = "`alias deactivate`"
if ($_envdoctor_alias:q != "" && $_envdoctor_alias:q !~ *envdoctor_deactivate*) then
  alias _envdoctor_deactivate $_envdoctor_alias:q
endif
unset _envdoctor_alias
alias deactivate envdoctor_deactivate
rehash
"""
# Aliases run in one line, in which `if` expands even what it does not run: so that is in quotes for `eval`.
_GIVE_BACK = (
    'set _envdoctor_alias = "`alias deactivate`"; '
    "if ($_envdoctor_alias:q =~ *envdoctor_deactivate*) unalias deactivate; "
    'set _envdoctor_other = "`alias _envdoctor_deactivate`"; set _envdoctor_alias = "`alias deactivate`"; '
    'if ($_envdoctor_other:q != "" && $_envdoctor_alias:q == "") '
    "eval 'alias deactivate $_envdoctor_other:q'; "
    "unset _envdoctor_alias _envdoctor_other; unalias _envdoctor_deactivate envdoctor_deactivate; rehash"
)


def render(overlay: Overlay) -> str:
    """Leave the overlay that is active, keep what is there, apply the changes in their order."""
    names = changed(overlay)
    if any(len(name) > LONGEST for name in names):
        raise CannotExpressError(f"{max(names, key=len)} is longer than a name may be in every C shell")
    lines = (
        "# envdoctor: an overlay for csh and tcsh, in a file to `source`; `deactivate` is the way back.",
        _LEAVE.rstrip(),
        *(f"if ($?{name}) eval 'setenv {saved(number)} ${name}:q'" for number, name in enumerate(names)),
        f"setenv {NAMES} {quoted(' '.join(names))}",
        *(line for change in overlay.variables for line in _change(change)),
        f"alias envdoctor_deactivate {quoted(_way_back(names))}",
        _TAKE.rstrip(),
    )
    return "\n".join(lines) + "\n"


def leaving() -> str:
    """Only leave what is active."""
    return f"{_LEAVE}{_GIVE_BACK}\n"


def quoted(value: str) -> str:
    """A word of which the C shell changes nothing."""
    parts = (
        "\\" + part if _UNQUOTED.fullmatch(part) else "'" + part.replace("\n", "\\\n") + "'"
        for part in _UNQUOTED.split(value)
        if part
    )
    return "".join(parts) or "''"


def _change(change: SetEnv) -> Iterator[str]:
    name = change.name
    if change.value is None:
        yield f"unsetenv {name}"
    elif change.mode == "set":
        yield f"setenv {name} {quoted(change.value)}"
    else:
        yield from _joined(change, change.value)


def _joined(change: SetEnv, value: str) -> Iterator[str]:
    """An item before or behind what the variable has, unless it stands there."""
    name, gap = change.name, change.separator
    pattern = _pattern(value)
    yield f"if ($?{name} == 0) setenv {name} ''"
    yield f'if (${name}:q == "") then'
    yield f"  setenv {name} {quoted(value)}"
    if change.mode == "prepend":
        yield f"else if (${name}:q{quoted(gap)} !~ {pattern}{quoted(gap)}*) then"
        yield f"  setenv {name} {quoted(value + gap)}${name}:q"
    else:
        yield f"else if ({quoted(gap)}${name}:q !~ *{quoted(gap)}{pattern}) then"
        yield f"  setenv {name} ${name}:q{quoted(gap + value)}"
    yield "endif"


def _pattern(value: str) -> str:
    """A pattern that matches the value alone."""
    parts = _PATTERN.split(value)
    return "".join(
        (f"[\\{part}]" if part == "\\" else f"[{part}]") if _PATTERN.fullmatch(part) else quoted(part)
        for part in parts
        if part
    )


def _way_back(names: Sequence[str]) -> str:
    """One line for an alias."""
    back = "".join(
        f"unsetenv {name}; if ($?{saved(number)}) eval 'setenv {name} ${saved(number)}:q'; unsetenv {saved(number)}; "
        for number, name in enumerate(names)
    )
    return f"{back}unsetenv {NAMES}; {_GIVE_BACK}"
