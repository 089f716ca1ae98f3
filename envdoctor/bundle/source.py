"""What a source distribution wants to be built with, read from it without running anything."""

import lzma
import posixpath
import re
import tarfile
import zipfile
import zlib
from typing import List, Optional

from envdoctor.bundle.lock import parsed
from envdoctor.bundle.target import BundleError
from envdoctor.requirements import parse

_PYPROJECT = re.compile(r"(?:\./)?[^/]+/pyproject\.toml")
#: PEP 518: what builds where nothing is said.
_DEFAULT = ("setuptools>=40.8", "wheel")
#: Build back ends that ask for programs only where they find none. Source: their get_requires_for_build_wheel.
_PROGRAMS = {"scikit-build-core": ("cmake", "ninja"), "meson-python": ("ninja",)}
_MOST = 1 << 20
_BROKEN = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError),
    *(EOFError, NotImplementedError, RuntimeError),
)


def build_requirements(path: str) -> List[str]:
    """Of a .tar.gz or .zip file. Raises BundleError, OSError."""
    name = posixpath.basename(path)
    try:
        text = _pyproject(path)
    except _BROKEN as error:
        raise BundleError(f"{name}: it is no whole archive ({error})") from None
    try:
        table = parsed(text or "").get("build-system", {})
        stated = [str(each) for each in table.get("requires", _DEFAULT)]
    except (BundleError, AttributeError, TypeError) as error:
        raise BundleError(f"{name}: its pyproject.toml cannot be read ({error})") from None
    named = {requirement.name for requirement in map(parse, stated) if requirement}
    return stated + [program for backend in sorted(named) for program in _PROGRAMS.get(backend, ())]


def _pyproject(path: str) -> Optional[str]:
    if path.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if _PYPROJECT.fullmatch(name)]
            if not names:
                return None
            with archive.open(names[0]) as opened:
                return opened.read(_MOST).decode("utf-8", "replace")
    with tarfile.open(path) as tar:
        for member in tar:
            stream = tar.extractfile(member) if _PYPROJECT.fullmatch(member.name) else None
            if stream is not None:
                return stream.read(_MOST).decode("utf-8", "replace")
    return None
