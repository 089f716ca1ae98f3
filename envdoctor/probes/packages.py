"""Installed distributions of the examined interpreter, read from their metadata files."""

import json
import posixpath
import re
from typing import Dict, Iterator, List, Optional, Tuple, Union

from envdoctor.facts import Package, Packages, Python, Unknown
from envdoctor.host import Host
from envdoctor.probes._metadata import Headers, headers_of

# Descriptions follow the headers and may be long: most headers fit in the first piece.
_PIECES = (1 << 13, 1 << 20)
_EGG = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+)(?:-py\d.*)?\.egg", re.IGNORECASE)


def probe(host: Host, python: Optional[Python]) -> Union[Packages, Unknown]:
    """Everything importable: each folder of the search path in order, PYTHONPATH's and .pth files' included."""
    if python is None:
        return Unknown("no interpreter was examined")
    folders = {host.realpath(folder): folder for folder in reversed((*python.path, *python.site_packages))}
    links = _egg_links(host, python.site_packages)
    found: List[Package] = []
    for real, folder in reversed(list(folders.items())):
        found.extend(_in_folder(host, folder, linked=real in links))
    return Packages(tuple(found))


def normalise(name: str) -> str:
    """A distribution's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _in_folder(host: Host, folder: str, linked: bool) -> Iterator[Package]:
    """Distributions of one entry of the search path; `linked`: a source folder that setup.py develop put there."""
    if folder.endswith(".egg"):
        yield from _egg(host, folder)
        return
    for name in host.listdir(folder):
        # pip renames what it is about to replace to "~..."; an interrupted run leaves it behind, and nobody imports it.
        if name.startswith("~"):
            continue
        path = posixpath.join(folder, name)
        package = None
        if name.endswith(".dist-info"):
            package = _wheel(host, path)
        elif name.endswith(".egg-info"):
            package = _egg_info(host, path, "egg-link" if linked else "egg-info")
        if package:
            yield package


def _wheel(host: Host, path: str) -> Optional[Package]:
    files = host.listdir(path)
    installer = host.try_text(f"{path}/INSTALLER", 200) if "INSTALLER" in files else None
    headers = _headers(host, f"{path}/METADATA") if "METADATA" in files else None
    if headers is None:
        host.note(path, "an installed package without readable METADATA")
        return None
    wheel = (host.try_text(f"{path}/WHEEL", 1 << 14) or "") if "WHEEL" in files else ""
    editable = "direct_url.json" in files and _editable(host, f"{path}/direct_url.json")
    return _package(
        host,
        path,
        headers,
        "editable" if editable else "dist-info",
        installer=(installer or "").strip() or None,
        requires=tuple(headers.get("requires-dist", ())),
        tags=tuple(re.findall(r"^Tag:\s*(\S+)", wheel, re.MULTILINE)),
    )


def _egg_info(host: Host, path: str, kind: str) -> Optional[Package]:
    """A folder of setuptools, or a single file of distutils (Debian's packages too)."""
    folder = host.is_dir(path)
    headers = _headers(host, f"{path}/PKG-INFO" if folder else path)
    if headers is None:
        host.note(path, "an installed package without readable PKG-INFO")
        return None
    requires = headers.get("requires-dist") or (_requirements(host, f"{path}/requires.txt") if folder else ())
    return _package(host, path, headers, kind, None, tuple(requires), ())


def _egg(host: Host, path: str) -> Iterator[Package]:
    """An egg on the search path: a folder, or a zip file that only its name describes."""
    headers = _headers(host, f"{path}/EGG-INFO/PKG-INFO")
    named = _EGG.fullmatch(posixpath.basename(path))
    if headers is None and named and host.is_file(path):
        headers = {"name": [named["name"]], "version": [named["version"].replace("_", "-")]}
    if headers is not None:
        requires = headers.get("requires-dist") or _requirements(host, f"{path}/EGG-INFO/requires.txt")
        package = _package(host, path, headers, "egg", None, tuple(requires), ())
        if package:
            yield package


def _package(
    host: Host,
    path: str,
    headers: Headers,
    kind: str,
    installer: Optional[str],
    requires: Tuple[str, ...],
    tags: Tuple[str, ...],
) -> Optional[Package]:
    """From the headers; name and version from the folder's own name where they lack."""
    stem = posixpath.splitext(posixpath.basename(path))[0].split("-")
    if not headers.get("name") or not headers.get("version"):
        host.note(path, "its metadata names no package or no version")
        if len(stem) < 2:
            return None
    return Package(
        name=normalise(headers.get("name", stem)[0]),
        version=headers.get("version", stem[1:])[0],
        location=path,
        kind=kind,
        installer=installer,
        requires=requires,
        requires_python=headers.get("requires-python", [None])[0],
        tags=tags,
    )


def _headers(host: Host, path: str) -> Optional[Headers]:
    """None when the file cannot be read."""
    text = ""
    for size in _PIECES:
        piece = host.try_text(path, size)
        if piece is None:
            return None
        text = piece.replace("\r\n", "\n").lstrip("\n")
        if "\n\n" in text or len(text) < size // 4:  # a character has at most four bytes: the file has ended
            break
    return headers_of(text)


def _editable(host: Host, path: str) -> bool:
    try:
        return bool(json.loads(host.read_text(path))["dir_info"]["editable"])
    except (OSError, ValueError, KeyError, TypeError):
        return False  # an archive, a repository, or a file that is no use: not an editable install


def _requirements(host: Host, path: str) -> Iterator[str]:
    """Lines of a requires.txt as Requires-Dist writes them; sections are [extra], [extra:marker] or [:marker]."""
    marker = ""
    for line in (line.strip() for line in (host.try_text(path) or "").splitlines()):
        if line.startswith("[") and line.endswith("]"):
            extra, _, condition = line[1:-1].partition(":")
            wanted = f'extra == "{extra}"' if extra else ""
            marker = f"({condition}) and {wanted}" if condition and wanted else condition or wanted
        elif line and not line.startswith("#"):
            yield f"{line} ; {marker}" if marker else line


def _egg_links(host: Host, folders: Tuple[str, ...]) -> Dict[str, str]:
    """Source folders that *.egg-link files name, with the file."""
    found = {}
    for folder in folders:
        for path in host.glob(folder, "*.egg-link"):
            lines = (host.try_text(path) or "").splitlines()
            if lines:
                found[host.realpath(posixpath.join(folder, lines[0].strip()))] = path
    return found
