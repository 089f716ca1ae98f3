"""The table of forms: what `--shell` may name, and who writes it."""

from typing import Callable, Dict, NamedTuple

from envdoctor.overlay.activation import cmake, csh, docker, fish, github, posix, powershell
from envdoctor.overlay.plan import Overlay


class Form(NamedTuple):
    """How one form activates an overlay, and how it only leaves the one that is active."""

    render: Callable[[Overlay], str]
    leaving: Callable[[], str]


def _posix(dialect: posix.Dialect) -> Form:
    return Form(lambda overlay: posix.render(overlay, dialect), lambda: posix.leaving(dialect))


FORMS: Dict[str, Form] = {
    "bash": _posix(posix.BASH),
    "zsh": _posix(posix.ZSH),
    "sh": _posix(posix.SH),
    "fish": Form(fish.render, fish.leaving),
    "csh": Form(csh.render, csh.leaving),
    "powershell": Form(powershell.render, powershell.leaving),
    "cmake": Form(cmake.render, lambda: cmake.LEAVING),
    "docker": Form(docker.render, lambda: docker.LEAVING),
    "github": Form(github.render, github.leaving),
}

#: Login shells that read the code of another.
READS = {"dash": "sh", "ash": "sh", "ksh": "sh", "mksh": "sh", "tcsh": "csh", "pwsh": "powershell"}


def form_of(shell: str) -> str:
    """The form for a login shell, by its path; bash where it is not known."""
    name = shell.rpartition("/")[2]
    name = READS.get(name, name)
    return name if name in FORMS else "bash"
