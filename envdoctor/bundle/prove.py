"""Whether a bundle installs where nothing else can be reached: tried here, where its Python is; else that is said."""

import posixpath
from typing import Any, Dict, List, Optional, Sequence

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envdoctor.bundle.install import environment, install
from envdoctor.bundle.layout import Contents
from envdoctor.bundle.target import BundleError, Target
from envdoctor.host import Host, remove
from envdoctor.progress import Progress

#: Programs that run others in a network namespace of their own: as root, and as anybody where the kernel lets them.
_CUTTERS = (("unshare", "--net", "--"), ("unshare", "--user", "--map-root-user", "--net", "--"))
_LONG = 600.0
_IMPORT = r"""
import importlib, importlib.metadata, re, sys
top = re.compile(r"([A-Za-z]\w*)(?:/__init__\.py|(?:\.cpython-[\w-]+|\.abi3)?\.so|\.py)")
for project in sys.argv[1:]:
    found = (top.fullmatch(str(file)) for file in importlib.metadata.files(project) or ())
    for name in sorted({match[1] for match in found if match}):
        importlib.import_module(name)
        print(name)
"""


def prove(
    host: Host, bundle: str, contents: Sequence[Contents], work: str, progress: Progress
) -> List[Dict[str, Any]]:
    """For each target, what was tried and what came of it. Raises BundleError where something fails."""
    cut = _cutter(host)
    return [_proved(host, bundle, one, work, cut, progress) for one in contents]


def _proved(
    host: Host, bundle: str, one: Contents, work: str, cut: Sequence[str], progress: Progress
) -> Dict[str, Any]:
    python = interpreter(host, one.target)
    if python is None:
        progress.note(
            f"{one.target.name}: not tried, for this machine has no such Python; its files were compared"
        )
        return {
            "target": one.target.name,
            "installed": "no",
            "why": "no such Python on the machine that made it",
        }
    venv = posixpath.join(work, f"proof-{one.target.name}")
    progress.note(
        f"{one.target.name}: with {python}, " + ("no network" if cut else "a network that nothing is told of")
    )
    try:
        installed = install(host, bundle, venv, python, progress, cut)
        names = _imported(host, installed.python, one, cut)
    finally:
        remove(venv)
    return {
        "target": one.target.name,
        "installed": "yes",
        "network": "cut off by a network namespace" if cut else "no index was told",
        "imported": " ".join(names),
    }


def _cutter(host: Host) -> Sequence[str]:
    """What a program is run by so that it has no network; empty where this machine has no way."""
    return next((argv for argv in _CUTTERS if host.run(*argv, "true").ok), ())


def interpreter(host: Host, target: Target) -> Optional[str]:
    """A Python of the target's minor version on this machine: on PATH, or one of pyenv's."""
    if host.machine().architecture != target.machine:
        return None
    name = "python{}.{}".format(*target.minor)
    pyenv = host.env.get("PYENV_ROOT") or posixpath.join(host.home, ".pyenv")
    versions = host.glob(posixpath.join(pyenv, "versions"), "{}.{}.*".format(*target.minor))
    named = [host.own_python, host.which(name), *(posixpath.join(path, "bin", "python") for path in versions)]
    ask = "import sys; print(*sys.version_info[:2], sep='.')"
    wanted = "{}.{}".format(*target.minor)
    for python in dict.fromkeys(path for path in named if path):
        if host.run(python, "-I", "-c", ask, timeout=30).stdout.strip() == wanted:
            return python
    return None


def _imported(host: Host, python: str, one: Contents, cut: Sequence[str]) -> List[str]:
    """The modules at the top of what was asked for, which import there. Raises BundleError."""
    asked = sorted({canonicalize_name(Requirement(text).name) for text in one.requested})
    argv = (
        *cut,
        python,
        "-I",
        "-c",
        _IMPORT,
        *(each.project for each in one.packages if each.project in asked),
    )
    answer = host.execute(argv, environment(host.env), "/", "", _LONG)
    if not answer.ok:
        raise BundleError(f"{one.target.name}: installed, but does not import: {answer.complaint}")
    return answer.stdout.split()
