"""Wheels in a folder: what their names say, which one fits a pin, and where their files belong in a root."""

import posixpath
import re
from dataclasses import dataclass
from typing import Dict, FrozenSet, Iterable, Optional

from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, parse_tag
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

CHECKSUMS = "SHA256SUMS"
_NAME = re.compile(
    r"(?P<project>[^-/]+)-(?P<version>[^-/]+)(?:-\d[^-/]*)?-(?P<tags>[^-/]+-[^-/]+-[^-/]+)\.whl"
)
#: CUDA 13 has one folder for all of them; before, each component had its own.
_ROOT = re.compile(r"nvidia/(?:cu\d+|[a-z]\w*)/(?P<rest>.+)")
_LICENCE = re.compile(
    r"(?P<wheel>[^/]+)\.dist-info/(?:licenses/)?(?P<name>licen[cs]e[^/]*|[^/]*eula[^/]*)", re.IGNORECASE
)
#: CCCL's files for find_package look for the headers three folders up: right in 13.0, which has them in lib/cmake;
#: since then they lie in a folder of their own, where they find nothing.
_CMAKE = re.compile(r"(?:cuda_)?cccl/(?P<rest>lib/cmake/.+)")
#: Notes of NVIDIA's packaging that some wheels carry along; and what makes a folder a package of Python.
_LEFT_OUT = (".metadata/",)
_INIT = "__init__.py"
_MAJOR = re.compile(r"-cu\d+$")


@dataclass(frozen=True)
class Wheel:
    """A wheel that is there and whole."""

    path: str
    project: str
    version: str
    sha256: str
    size: int

    @property
    def name(self) -> str:
        """Its file name."""
        return posixpath.basename(self.path)


def project_of(name: str) -> str:
    """The project that a wheel's file name states; "" for another file."""
    match = _NAME.fullmatch(name)
    return canonicalize_name(match["project"]) if match else ""


def component_of(project: str) -> str:
    """ "nvidia-cublas" of nvidia-cublas-cu12: the wheels of CUDA 11 and 12 have its number in their names."""
    return _MAJOR.sub("", project)


def version_of(name: str) -> str:
    """The version that a wheel's file name states."""
    match = _NAME.fullmatch(name)
    return match["version"] if match else ""


def best(names: Iterable[str], project: str, specifier: str, tags: FrozenSet[Tag]) -> Optional[str]:
    """The newest of the wheels that fits a pin and the machine."""
    fitting = [name for name in names if fits(name, project, specifier, tags)]
    return max(fitting, key=lambda name: Version(version_of(name)), default=None)


def fits(name: str, project: str, specifier: str, tags: FrozenSet[Tag]) -> bool:
    """Whether a file is a wheel of that project and release for one of those tags."""
    match = _NAME.fullmatch(name)
    if not match or canonicalize_name(match["project"]) != project:
        return False
    try:
        return Version(match["version"]) in SpecifierSet(specifier) and not tags.isdisjoint(
            parse_tag(match["tags"])
        )
    except InvalidVersion:
        return False


def checksums(text: str) -> Dict[str, str]:
    """File name -> sha256 of a SHA256SUMS file; the last line wins, one that was cut off says nothing."""
    lines = (line.split(maxsplit=1) for line in text.splitlines())
    return {parts[1].lstrip("*"): parts[0] for parts in lines if len(parts) == 2 and len(parts[0]) == 64}


def place(member: str) -> Optional[str]:
    """Where a member of a wheel belongs in the root; None for what a root does not need."""
    licence = _LICENCE.fullmatch(member)
    if licence:
        return f"share/licenses/{licence['wheel']}/{licence['name']}"
    match = _ROOT.fullmatch(member)
    rest = posixpath.normpath(match["rest"]) if match else ""
    if not rest or rest.startswith(("/", "..", *_LEFT_OUT)) or posixpath.basename(rest) == _INIT:
        return None
    moved = _CMAKE.fullmatch(rest)
    return moved["rest"] if moved else rest
