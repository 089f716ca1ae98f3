"""Prerequisites: what a patient needs of the machine, looked for before it is made."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Iterable, Iterator

CUDA = Path("/usr/local/cuda")
#: The search path of every box, and where programs that patients need must be.
SEARCHED = "/usr/bin:/bin"


class Missing(Exception):
    """A prerequisite is not on this machine: its name, as in a patient's NEEDS, and what is missing of it."""

    def __init__(self, need: str, what: str = "") -> None:
        super().__init__(what or need)
        self.need = need


def require(needs: Iterable[str]) -> None:
    """Raise Missing for the first that is not here."""
    for need in needs:
        if not _is_here(need):
            raise Missing(need)


def _is_here(need: str) -> bool:
    if need == "nvcc":
        return os.access(CUDA / "bin" / "nvcc", os.X_OK)
    if need == "cccl":
        return (CUDA / "include" / "cccl").is_dir()
    if need in ("index", "memory-cgroup"):
        return True  # known only when it is asked for
    if need == "no-gpu":
        return not os.path.exists("/dev/nvidia0")
    if need.startswith("python3."):
        return any(_runs(path, need[6:]) for path in _pythons(need[6:]))
    return shutil.which(need, path=SEARCHED) is not None


def find_python(version: str) -> str:
    """An interpreter of this version that can make virtual environments."""
    for path in _pythons(version):
        if _runs(path, version):
            return path
    raise Missing(f"python{version}")


def _pythons(version: str) -> Iterator[str]:
    yield sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(str(path) for path in pyenv.glob(f"versions/{version}.*/bin/python"))
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield on_path


def _runs(path: str, version: str) -> bool:
    """Whether it is that version: a pyenv shim on the search path may only say how to get one."""
    ask = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"
    if not re.search(r"python[\d.]*$", path):
        return False
    done = subprocess.run([path, "-c", ask], capture_output=True, text=True, check=False)
    return done.stdout.strip() == version
