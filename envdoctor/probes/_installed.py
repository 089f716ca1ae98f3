"""Shared libraries and compiled modules that installed packages brought, from their records or their folders."""

import json
import posixpath
import re
from typing import Dict, FrozenSet, Iterator, List, Optional, Tuple
from urllib.parse import unquote

from envdoctor.facts import Package, Packages
from envdoctor.host import Host

#: "libx.so", "libx.so.1.2", "_C.cpython-311-x86_64-linux-gnu.so"
SHARED = re.compile(r"\.so(?:\.\d+)*$")
_RECORDED = re.compile(r'^"?([^"\n]+?\.so(?:\.\d+)*)"?,', re.MULTILINE)
_RECORD_LIMIT = 16 << 20
_DEEPEST = 6
_MOST_FOLDERS = 2000
_NO_LIBRARIES = frozenset("__pycache__ include tests test doc docs locale".split())
# In a source tree: copies that nobody imports, and what others wrote.
_NOT_IMPORTED = frozenset("build dist out third_party 3rdparty external submodules node_modules".split())


def compiled(host: Host, package: Package) -> Tuple[str, ...]:
    """Paths of a package's files that the loader can open; a package for any machine has none."""
    site, source = posixpath.dirname(package.location), editable_source(host, package)
    if package.kind == "egg":
        return tuple(below(host, package.location))
    if package.kind == "egg-link":
        return tuple(below(host, site, _NOT_IMPORTED))
    in_source = tuple(below(host, source, _NOT_IMPORTED)) if source else ()
    if package.tags and all(tag.endswith("-any") for tag in package.tags):
        return in_source
    record = (
        host.try_text(f"{package.location}/RECORD", _RECORD_LIMIT) if package.kind != "egg-info" else None
    )
    if record:
        recorded = (posixpath.normpath(posixpath.join(site, name)) for name in _RECORDED.findall(record))
        return (*recorded, *in_source)
    # Debian's packages and those of setup.py keep no record.
    return tuple(path for name in _top_level(host, package) for path in below(host, f"{site}/{name}"))


def editable_source(host: Host, package: Package) -> Optional[str]:
    """The source folder of an editable install (PEP 610)."""
    if package.kind != "editable":
        return None
    try:
        url = json.loads(host.read_text(f"{package.location}/direct_url.json"))["url"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return unquote(url[len("file://") :]) if isinstance(url, str) and url.startswith("file:///") else None


def below(host: Host, folder: str, left_out: FrozenSet[str] = frozenset()) -> Iterator[str]:
    """Shared libraries in a folder and those below it, in a bounded number of folders."""
    folders: List[Tuple[str, int]] = [(folder, 0)]
    for here, depth in folders:
        for name in host.listdir(here):
            path = posixpath.join(here, name)
            if SHARED.search(name):
                yield path
            elif (
                depth < _DEEPEST and name not in left_out and _may_be_folder(name) and not host.is_link(path)
            ):
                folders.extend([(path, depth + 1)] if len(folders) < _MOST_FOLDERS else ())


def _may_be_folder(name: str) -> bool:
    """By the name alone, without a look at each file: one without a dot in its name lists as an empty folder."""
    return ("." not in name or name.endswith((".libs", ".egg"))) and name not in _NO_LIBRARIES


def nvidia_wheels(host: Host, packages: Packages) -> Dict[str, Package]:
    """By path, the shared libraries of NVIDIA's wheels (nvidia-cublas-cu12, ...) and the wheel of each."""
    wheels = (package for package in packages.items if package.name.startswith("nvidia-"))
    return {path: package for package in wheels for path in compiled(host, package)}


def _top_level(host: Host, package: Package) -> Tuple[str, ...]:
    names = (host.try_text(f"{package.location}/top_level.txt", 1 << 12) or "").split()
    return tuple(names) or (package.name.replace("-", "_"),)
