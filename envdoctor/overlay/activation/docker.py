"""An overlay as lines for a Dockerfile.

Source: "Environment replacement" in Docker's Dockerfile reference: ${NAME:+word} is known, a backslash takes the
meaning from a dollar sign and a double quote, and there is neither a newline in a value nor a way to unset a variable.
"""

import json
import posixpath
import re
from typing import Iterator

from envdoctor.finding import SetEnv
from envdoctor.overlay.activation.names import CannotExpressError, changed
from envdoctor.overlay.plan import Overlay

_HEAD = """\
# envdoctor: an overlay for an image. The way back: remove these lines, up to the next comment of envdoctor.
# Paths are those of the machine that was examined: toolkit and programs must lie there in the image as well.
"""
LEAVING = "# envdoctor: the way back is to remove the lines of the overlay\n"
_END = "# envdoctor: the end of the overlay.\n"


def render(overlay: Overlay) -> str:
    """COPY for the overlay's files, where it has any, then one ENV a change; raises CannotExpressError."""
    changed(overlay)
    copied = _copy(overlay) if overlay.shims else ""
    return _HEAD + copied + "".join(f"{line}\n" for line in _changes(overlay)) + _END


def quoted(value: str) -> str:
    """A word of an ENV instruction; what single quotes cannot hold is escaped in double quotes."""
    if re.search(r"[\r\n]", value):
        raise CannotExpressError(f"an ENV instruction holds no line break: {value!a}")
    if not re.search(r"['\\]", value):
        return f"'{value}'"
    return '"' + re.sub(r'[\\"$]', r"\\\g<0>", value) + '"'


def _copy(overlay: Overlay) -> str:
    folder = overlay.folder.replace("\\", "\\\\").replace("$", "\\$")
    source = posixpath.basename(overlay.folder)
    return (
        f"# The build's context is the folder that holds {source}; no .dockerignore may leave that out.\n"
        f"COPY {json.dumps([source, folder], ensure_ascii=False)}\n"
    )


def _changes(overlay: Overlay) -> Iterator[str]:
    for change in overlay.variables:
        if change.value is None:
            yield f"# {change.name} is to be unset, which an image cannot: it is empty."
            yield f"ENV {change.name}=''"
        elif change.mode == "set":
            yield f"ENV {change.name}={quoted(change.value)}"
        else:
            yield f"ENV {change.name}={_joined(change, quoted(change.value))}"


def _joined(change: SetEnv, value: str) -> str:
    name, gap = change.name, change.separator
    if change.mode == "prepend":
        return f'{value}"${{{name}:+{gap}${name}}}"'
    return f'"${{{name}:+${name}{gap}}}"{value}'
