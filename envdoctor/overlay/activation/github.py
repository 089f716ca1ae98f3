"""An overlay for a GitHub job: for the rest of the step that reads the code, and for the steps that follow.

Source: "Workflow commands for GitHub Actions". GITHUB_ENV unsets nothing, and what GITHUB_PATH was given stays.
"""

from envdoctor.overlay.activation import posix
from envdoctor.overlay.activation.names import NAMES, changed, saved
from envdoctor.overlay.plan import Overlay

_HEAD = """\
# envdoctor: an overlay for a GitHub job. In a step, once for all steps that follow:
#   run: eval "$(envdoctor env --shell github)"
# The way back, for later steps: eval "$(envdoctor env --shell github --leave)"
"""

# The delimiter grows until the value does not hold it.
_TELL = """\
_envdoctor_tell () {
  if [ -z "${GITHUB_ENV-}" ]; then return 0; fi
  eval "_ENVDOCTOR_VALUE=\\"\\${$1-}\\"; _ENVDOCTOR_SET=\\"\\${$1+x}\\""
  if [ -z "$_ENVDOCTOR_SET" ]; then
    case "$1" in _ENVDOCTOR_*) ;; *) echo "::warning::envdoctor: later steps have $1 empty, not unset" ;; esac
  fi
  _ENVDOCTOR_END=_ENVDOCTOR_END
  while case "$_ENVDOCTOR_VALUE" in *"$_ENVDOCTOR_END"*) true ;; *) false ;; esac; do
    _ENVDOCTOR_END=${_ENVDOCTOR_END}_
  done
  printf '%s<<%s\\n%s\\n%s\\n' "$1" "$_ENVDOCTOR_END" "$_ENVDOCTOR_VALUE" "$_ENVDOCTOR_END" >> "$GITHUB_ENV"
  unset _ENVDOCTOR_VALUE _ENVDOCTOR_SET _ENVDOCTOR_END
}
"""


def render(overlay: Overlay) -> str:
    """The overlay as for a shell, then what it made of the variables for the runner."""
    names = changed(overlay)
    kept = (saved(number) for number in range(len(names)))
    told = [name for name in names if not _goes_first(overlay, name)]
    lines = (
        *(f"_envdoctor_tell {name}" for name in (NAMES, *told)),
        *(f'if [ -n "${{{name}+x}}" ]; then _envdoctor_tell {name}; fi' for name in kept),
        *(
            _path_line(change.value or "")
            for change in overlay.variables
            if _goes_first(overlay, change.name)
        ),
        "unset -f _envdoctor_tell",
    )
    body = posix.render(overlay, posix.SH).split("\n", 1)[1]
    return _HEAD + body + _TELL + "".join(f"{line}\n" for line in lines)


def leaving() -> str:
    """What was before, in this step and for those that follow."""
    return (
        f"{_TELL}_ENVDOCTOR_LEFT=${{{NAMES}-}}\n{posix.leaving(posix.SH)}"
        'while [ -n "$_ENVDOCTOR_LEFT" ]; do\n'
        '  _envdoctor_tell "${_ENVDOCTOR_LEFT%% *}"\n'
        '  case $_ENVDOCTOR_LEFT in *" "*) _ENVDOCTOR_LEFT=${_ENVDOCTOR_LEFT#* } ;; *) _ENVDOCTOR_LEFT= ;; esac\n'
        f"done\n_envdoctor_tell {NAMES}\nunset -f _envdoctor_tell\nunset _ENVDOCTOR_LEFT\n"
    )


def _goes_first(overlay: Overlay, name: str) -> bool:
    """Whether GITHUB_PATH says it: each line goes to the front of PATH, and newer lines before older ones."""
    return name == "PATH" and all(
        change.mode == "prepend" for change in overlay.variables if change.name == name
    )


def _path_line(item: str) -> str:
    return f'if [ -n "${{GITHUB_PATH-}}" ]; then printf \'%s\\n\' {posix.quoted(item)} >> "$GITHUB_PATH"; fi'
