"""The interpreter of a stated version of Python on this machine."""

import posixpath
from typing import Optional

from envdoctor.host import Host

_ASK = "import sys; print(*sys.version_info[:2], sep='.')"


def of_version(host: Host, minor: str) -> Optional[str]:
    """Of "3.11": our own, on PATH, or one of pyenv's; it is asked, for a shim of pyenv may run none."""
    pyenv = host.env.get("PYENV_ROOT") or posixpath.join(host.home, ".pyenv")
    versions = host.glob(posixpath.join(pyenv, "versions"), f"{minor}.*")
    named = [host.own_python, host.which(f"python{minor}"), *(f"{path}/bin/python" for path in versions)]
    asked = dict.fromkeys(path for path in named if path)
    return next((path for path in asked if _is(host, path, minor)), None)


def _is(host: Host, python: str, minor: str) -> bool:
    return host.run(python, "-I", "-c", _ASK, timeout=30).stdout.strip() == minor
