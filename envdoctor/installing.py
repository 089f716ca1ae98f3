"""Commands that install, with the distribution's package manager or pip, and what a manager says of a name. Pure."""

import re
import shlex
from typing import Dict, Mapping, Optional, Tuple

from envdoctor import compat
from envdoctor.facts import Python, System
from envdoctor.finding import Run, Safety

_INSTALL = {
    "apt-get": "apt-get install -y",
    "dnf": "dnf install -y",
    "yum": "yum install -y",
    "apk": "apk add",
    "zypper": "zypper install -y",
    "pacman": "pacman -S --noconfirm",
}
#: How a manager is asked for one package without a network, what its answer holds when there is one, and when there is
#: none: any other answer (no lists yet, no cache) tells nothing.
#: Sources: apt-cache(8) (tried), dnf(8), apk-search(8), zypper(8), pacman(8).
_ASK: Dict[str, Tuple[Tuple[str, ...], str, str]] = {
    "apt-get": (
        ("apt-cache", "policy"),
        r"^  Candidate: (?!\(none\))",
        r"Candidate: \(none\)|Unable to locate",
    ),
    "dnf": (("dnf", "-q", "-C", "list"), r"^{name}\.", r"[Nn]o matching [Pp]ackages"),
    "yum": (("yum", "-q", "-C", "list"), r"^{name}\.", r"[Nn]o matching [Pp]ackages"),
    "apk": (("apk", "search", "-e"), r"^{name}-\d", r"\A\s*\Z"),
    "zypper": (("zypper", "--no-refresh", "-q", "search", "-x"), r"\| {name} +\|", r"No matching items"),
    "pacman": (("pacman", "-Si"), r"^Name +: {name}$", r"package '{name}' was not found"),
}


def by_manager(system: Optional[System], names: Mapping[str, str]) -> Optional[Run]:
    """The command for a package that each manager has under its own name; None where none is known for this one."""
    manager = system.package_manager if system else None
    package = names.get(manager or "")
    if system is None or manager not in _INSTALL or package is None:
        return None
    root = "" if system.is_root else "sudo "
    return Run(f"{root}{_INSTALL[manager]} {package}", Safety.UNSAFE, package)


def driver(system: Optional[System], cuda: Optional[int]) -> Optional[Run]:
    """The oldest driver that serves a major version of CUDA; None in a container, whose driver is the host's.

    Ubuntu has a package for each branch; elsewhere no name tells the version.
    """
    oldest = compat.OLDEST_DRIVER.get(cuda) if cuda else None
    if oldest is None or system is None or system.container or system.wsl:
        return None
    return by_manager(system, {"apt-get": f"nvidia-driver-{oldest[0]}"} if "ubuntu" in system.family else {})


def by_pip(python: Optional[Python], wanted: str) -> Run:
    """pip of the examined interpreter, with requirements and options as words for the shell."""
    executable = shlex.quote(python.executable) if python else "python"
    return Run(f"{executable} -m pip install {wanted}", Safety.UNSAFE)


def names(apt: str, dnf: str, apk: str) -> Dict[str, str]:
    """A package's names as the tables of `compat` give them; "" where a distribution has none."""
    known = {"apt-get": apt, "dnf": dnf, "yum": dnf, "apk": apk}
    return {manager: name for manager, name in known.items() if name}


def question(manager: str, name: str) -> Optional[Tuple[str, ...]]:
    """The command line that asks a manager for a package; None for a manager that we do not know."""
    words, _, _ = _ASK.get(manager, ((), "", ""))
    return (*words, name) if words else None


def known(manager: str, name: str, answer: str) -> Optional[bool]:
    """Whether a package exists, by all that a manager says; None where that tells nothing."""
    _, yes, no = (
        part.replace("{name}", re.escape(name)) if isinstance(part, str) else part for part in _ASK[manager]
    )
    for pattern, verdict in ((yes, True), (no, False)):
        if re.search(str(pattern), answer, re.MULTILINE):
            return verdict
    return None
