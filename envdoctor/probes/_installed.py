"""Shared libraries and compiled modules that installed packages brought, from their records or their folders."""

import posixpath
import re
from typing import Dict, Iterator, List, Tuple

from envdoctor.facts import Package, Packages
from envdoctor.host import Host

#: "libx.so", "libx.so.1.2", "_C.cpython-311-x86_64-linux-gnu.so"
SHARED = re.compile(r"\.so(?:\.\d+)*$")
_RECORDED = re.compile(r'^"?([^"\n]+?\.so(?:\.\d+)*)"?,', re.MULTILINE)
_RECORD_LIMIT = 16 << 20
_DEEPEST = 6
_MOST_FOLDERS = 2000
_NO_LIBRARIES = frozenset("__pycache__ include tests test doc docs locale".split())


def compiled(host: Host, package: Package) -> Tuple[str, ...]:
    """Paths of a package's files that the loader can open; a package for any machine has none."""
    if package.tags and all(tag.endswith("-any") for tag in package.tags):
        return ()
    site = posixpath.dirname(package.location)
    if package.kind == "egg":
        return tuple(below(host, package.location))
    if package.kind == "egg-link":
        return tuple(below(host, site))
    record = (
        host.try_text(f"{package.location}/RECORD", _RECORD_LIMIT) if package.kind == "dist-info" else None
    )
    if record:
        return tuple(posixpath.normpath(posixpath.join(site, name)) for name in _RECORDED.findall(record))
    # Debian's packages, conda's older ones and setup.py keep no record.
    return tuple(path for name in _top_level(host, package) for path in below(host, f"{site}/{name}"))


def below(host: Host, folder: str) -> Iterator[str]:
    """Shared libraries in a folder and those below it; names without a dot are taken for folders."""
    folders: List[Tuple[str, int]] = [(folder, 0)]
    for here, depth in folders:
        for name in host.listdir(here):
            path = posixpath.join(here, name)
            if SHARED.search(name):
                yield path
            elif (
                depth < _DEEPEST
                and len(folders) < _MOST_FOLDERS
                and _may_be_folder(name)
                and not host.is_link(path)
            ):
                folders.append((path, depth + 1))


def _may_be_folder(name: str) -> bool:
    return ("." not in name or name.endswith((".libs", ".egg"))) and name not in _NO_LIBRARIES


def nvidia_wheels(host: Host, packages: Packages) -> Dict[str, Package]:
    """By path, the shared libraries of NVIDIA's wheels (nvidia-cublas-cu12, ...) and the wheel of each."""
    wheels = (package for package in packages.items if package.name.startswith("nvidia-"))
    return {path: package for package in wheels for path in compiled(host, package)}


def _top_level(host: Host, package: Package) -> Tuple[str, ...]:
    names = (host.try_text(f"{package.location}/top_level.txt", 1 << 12) or "").split()
    return tuple(names) or (package.name.replace("-", "_"),)
