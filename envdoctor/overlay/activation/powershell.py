"""Activation code for PowerShell on Linux.

Source: about_Quoting_Rules, about_Environment_Variables, about_Functions. It keeps an empty variable apart from none
from 7.5 on; before, to set one to nothing is to remove it. Not run by our tests: Debian and PyPI have no PowerShell.
"""

import re
from typing import Iterator

from envdoctor.finding import SetEnv
from envdoctor.overlay.activation.names import BEFORE, NAMES, changed, saved
from envdoctor.overlay.plan import Overlay

_HEAD = """\
# envdoctor: an overlay for PowerShell; `deactivate` is the way back.
# Activate it by: envdoctor env --shell powershell | Out-String | Invoke-Expression
"""

# PowerShell takes typographic single quotes for plain ones.
_QUOTES = re.compile("['\u2018\u2019\u201a\u201b]")

_DEACTIVATE = f"""\
function global:envdoctor_deactivate([switch]$NonDestructive) {{
  $number = 0
  foreach ($name in @("${{env:{NAMES}}}".Split(' ', [StringSplitOptions]::RemoveEmptyEntries))) {{
    $before = "{BEFORE}$number"
    [Environment]::SetEnvironmentVariable($name, [Environment]::GetEnvironmentVariable($before))
    [Environment]::SetEnvironmentVariable($before, $null)
    $number++
  }}
  [Environment]::SetEnvironmentVariable('{NAMES}', $null)
  if ($NonDestructive) {{ return }}
  if ("$(Get-Content function:deactivate -ErrorAction SilentlyContinue)" -like '*envdoctor_deactivate*') {{
    Remove-Item function:deactivate
  }}
  if (Test-Path function:_envdoctor_deactivate) {{
    if (-not (Test-Path function:deactivate)) {{
      Set-Item -Path function:global:deactivate -Value $function:_envdoctor_deactivate
    }}
    Remove-Item function:_envdoctor_deactivate
  }}
  Remove-Item function:envdoctor_deactivate
}}
"""

_TAKE = """\
if ((Test-Path function:deactivate) -and "$(Get-Content function:deactivate)" -notlike '*envdoctor_deactivate*') {
  Set-Item -Path function:global:_envdoctor_deactivate -Value $function:deactivate
}
function global:deactivate { envdoctor_deactivate }
"""


def render(overlay: Overlay) -> str:
    """Leave the overlay that is active, keep what is there, apply the changes in their order."""
    names = changed(overlay)
    lines = (
        "envdoctor_deactivate -NonDestructive",
        *(_set(saved(number), _get(name)) for number, name in enumerate(names)),
        f"$env:{NAMES} = {quoted(' '.join(names))}",
        *(line for change in overlay.variables for line in _change(change)),
    )
    return _HEAD + _DEACTIVATE + "".join(f"{line}\n" for line in lines) + _TAKE


def leaving() -> str:
    """Only leave what is active."""
    return f"{_DEACTIVATE}envdoctor_deactivate\n"


def quoted(value: str) -> str:
    """A word in single quotes, in which two of them are one; lines in it stay lines."""
    return "'" + _QUOTES.sub(lambda match: match[0] * 2, value) + "'"


def _get(name: str) -> str:
    return f"[Environment]::GetEnvironmentVariable('{name}')"


def _set(name: str, value: str) -> str:
    return f"[Environment]::SetEnvironmentVariable('{name}', {value})"


def _change(change: SetEnv) -> Iterator[str]:
    if change.value is None:
        yield _set(change.name, "$null")
    elif change.mode == "set":
        yield _set(change.name, quoted(change.value))
    else:
        yield from _joined(change, change.value)


def _joined(change: SetEnv, value: str) -> Iterator[str]:
    """An item before or behind what the variable has, unless it stands there; strings are compared byte by byte."""
    name, gap = f"${{env:{change.name}}}", change.separator
    yield f"if (-not {name}) {{ {_set(change.name, quoted(value))} }}"
    if change.mode == "prepend":
        test, joined = (
            f'("{name}{gap}").StartsWith({quoted(value + gap)}, ',
            f"{quoted(value + gap)} + {name}",
        )
    else:
        test, joined = f'("{gap}{name}").EndsWith({quoted(gap + value)}, ', f"{name} + {quoted(gap + value)}"
    yield f"elseif (-not {test}[StringComparison]::Ordinal)) {{ {name} = {joined} }}"
