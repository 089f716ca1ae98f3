"""Whether a bundle installs where nothing else can be reached: tried here, where its Python is; else that is said."""

import posixpath
from dataclasses import replace
from typing import Any, Dict, List, Optional, Sequence

from envdoctor.bundle import machine
from envdoctor.bundle.fits import fit
from envdoctor.bundle.install import install
from envdoctor.bundle.layout import Contents
from envdoctor.bundle.place import Place
from envdoctor.bundle.target import Target
from envdoctor.facts import NOT_EXAMINED
from envdoctor.host import Host, remove
from envdoctor.interpreter import of_version
from envdoctor.progress import Progress

#: Programs that run others in a network namespace of their own: as root, and as anybody where the kernel lets them.
_CUTTERS = (("unshare", "--net", "--"), ("unshare", "--user", "--map-root-user", "--net", "--"))


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
    why = "no such Python on the machine that made it" if python is None else _unfit(host, one.target, python)
    if python is None or why:
        progress.note(f"{one.target.name}: not tried ({why}); what its files prove is told below")
        return {"target": one.target.name, "installed": "no", "why": why}
    venv = posixpath.join(work, f"proof-{one.target.name}")
    progress.note(
        f"{one.target.name}: with {python}, " + ("no network" if cut else "a network that nothing is told of")
    )
    try:
        tested = install(host, bundle, Place(venv, "venv"), python, progress, cut, one.target.name).tested
    finally:
        remove(venv)
    return {
        "target": one.target.name,
        "installed": "yes",
        "network": "cut off by a network namespace" if cut else "no index was told",
        "imported": " ".join(tested.imported),
        "does not import here": tested.others,
        "kernels": tested.kernels,
    }


def _unfit(host: Host, target: Target, python: str) -> str:
    """Why the machine that makes a bundle cannot try it: its glibc may be older than the target's."""
    facts = replace(machine.here(host, python), driver=NOT_EXAMINED)
    return "; ".join(fit(target, {}, facts).against)


def _cutter(host: Host) -> Sequence[str]:
    """What a program is run by so that it has no network; empty where this machine has no way."""
    return next((argv for argv in _CUTTERS if host.run(*argv, "true").ok), ())


def interpreter(host: Host, target: Target) -> Optional[str]:
    """A Python of the target's minor version on this machine: on PATH, or one of pyenv's."""
    if host.machine().architecture != target.machine:
        return None
    return of_version(host, "{}.{}".format(*target.minor))
