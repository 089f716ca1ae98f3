"""Activation code for bash, zsh and other shells of the Bourne family.

It stands `set -u`, `set -e` and `set -o posix`; what runs in functions is free of zsh's options too.
"""

from dataclasses import dataclass
from typing import Iterator

from envdoctor.finding import SetEnv
from envdoctor.overlay.activation.names import BEFORE, NAMES, changed, saved
from envdoctor.overlay.plan import Overlay


@dataclass(frozen=True)
class Dialect:
    """What one shell of the family says in its own words."""

    name: str
    #: First line of a function: whatever options are set, it is read as it was written.
    opening: str
    #: A test of whether the variable named by $1 is exported.
    exported: str
    #: Takes that mark from the variable named by $1, whose value the one named by $2 has as well.
    hide: str
    #: Whether a function can be copied under another name, so that a virtual environment's `deactivate` is kept.
    copies_functions: bool


BASH = Dialect(
    "bash",
    ":",
    '_ENVDOCTOR_REPLY=$(declare -p "$1"); _ENVDOCTOR_REPLY=${_ENVDOCTOR_REPLY%%=*}\n'
    '  case "${_ENVDOCTOR_REPLY% *}" in *x*) unset _ENVDOCTOR_REPLY ;; *) unset _ENVDOCTOR_REPLY; return 1 ;; esac',
    'export -n "$1"',
    True,
)
ZSH = Dialect("zsh", "emulate -L sh", "[[ ${(Pt)1} == *export* ]]", 'typeset -g +x "$1"', True)
# Plain sh has no other way to ask, and none to take the mark back but to begin anew.
SH = Dialect(
    "sh",
    ":",
    'case "$(export -p)" in *"export $1="* | *"declare -x $1="*) ;; *) return 1 ;; esac',
    'eval "unset $1; $1=\\"\\$$2\\""',
    False,
)

_FUNCTIONS = """\
_envdoctor_exported () {{
  {opening}
  {exported}
}}
_envdoctor_save () {{
  {opening}
  unset "$2"
  eval "[ -n \\"\\${{$1+x}}\\" ] || return 0; $2=\\"\\$$1\\""
  if _envdoctor_exported "$1"; then export "$2"; else unset "$1"; fi
}}
_envdoctor_restore () {{
  {opening}
  eval "[ -n \\"\\${{$2+x}}\\" ] || {{ unset $1; return 0; }}; export $1=\\"\\$$2\\""
  if ! _envdoctor_exported "$2"; then {hide}; fi
  unset "$2"
}}
envdoctor_deactivate () {{
  {opening}
  _ENVDOCTOR_NUMBER=0
  while [ -n "${{{names}-}}" ]; do
    _envdoctor_restore "${{{names}%% *}}" "{before}$_ENVDOCTOR_NUMBER"
    _ENVDOCTOR_NUMBER=$((_ENVDOCTOR_NUMBER + 1))
    case ${names} in *" "*) {names}=${{{names}#* }} ;; *) unset {names} ;; esac
  done
  unset _ENVDOCTOR_NUMBER
  hash -r 2>/dev/null || :
  if [ "${{1-}}" = nondestructive ]; then return 0; fi
{give_back}\
  unset -f _envdoctor_exported _envdoctor_save _envdoctor_restore envdoctor_deactivate
}}
envdoctor_deactivate nondestructive
"""

# `typeset -f` prints "deactivate () ..." in both shells: a prefix makes it the definition of another function.
_GIVE_BACK = """\
  case "$(typeset -f deactivate)" in *envdoctor_deactivate*) unset -f deactivate ;; esac
  if typeset -f _envdoctor_deactivate >/dev/null; then
    if ! typeset -f deactivate >/dev/null; then
      _ENVDOCTOR_REPLY=$(typeset -f _envdoctor_deactivate)
      eval "${_ENVDOCTOR_REPLY#_envdoctor_}"
      unset _ENVDOCTOR_REPLY
    fi
    unset -f _envdoctor_deactivate
  fi
"""
_TAKE = """\
case "$(typeset -f deactivate)" in
  ''|*envdoctor_deactivate*) ;;
  *) eval "_envdoctor_$(typeset -f deactivate)" ;;
esac
function deactivate { envdoctor_deactivate "$@"; }
"""


def render(overlay: Overlay, dialect: Dialect) -> str:
    """Leave the overlay that is active, keep what is there, apply the changes in their order."""
    names = changed(overlay)
    way_back = "`deactivate`" if dialect.copies_functions else "`envdoctor_deactivate`"
    lines = [
        f"# envdoctor: an overlay for {dialect.name}; {way_back} is the way back.",
        _functions(dialect),
        *(f"_envdoctor_save {name} {saved(number)}" for number, name in enumerate(names)),
        f"export {NAMES}={quoted(' '.join(names))}",
        *_changes(overlay),
        *([_TAKE.rstrip()] if dialect.copies_functions else []),
        "hash -r 2>/dev/null || :",
    ]
    return "\n".join(lines) + "\n"


def leaving(dialect: Dialect) -> str:
    """Only leave what is active."""
    return f"{_functions(dialect)}\nenvdoctor_deactivate\n"


def quoted(value: str) -> str:
    """A word in single quotes: nothing has a meaning in them, and no setting of a shell changes that."""
    return "'" + value.replace("'", "'\\''") + "'"


def _functions(dialect: Dialect) -> str:
    return _FUNCTIONS.format(
        opening=dialect.opening,
        exported=dialect.exported,
        hide=dialect.hide,
        names=NAMES,
        before=BEFORE,
        give_back=_GIVE_BACK if dialect.copies_functions else "",
    ).rstrip()


def _changes(overlay: Overlay) -> Iterator[str]:
    for change in overlay.variables:
        if change.value is None:
            yield f"unset {change.name}"
        elif change.mode == "set":
            yield f"export {change.name}={quoted(change.value)}"
        else:
            yield _joined(change, quoted(change.value))


def _joined(change: SetEnv, value: str) -> str:
    """An item before or behind what the variable has, unless it stands there."""
    name, gap = change.name, change.separator
    if change.mode == "prepend":
        there, words = f'"${{{name}-}}{gap}" in {value}"{gap}"*', f'{value}"${{{name}:+{gap}${name}}}"'
    else:
        there, words = f'"{gap}${{{name}-}}" in *"{gap}"{value}', f'"${{{name}:+${name}{gap}}}"{value}'
    return f"case {there}) ;; *) export {name}={words} ;; esac"
