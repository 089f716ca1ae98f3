"""The folders that builds and installs write into: where they are, and whether they can be used."""

import posixpath
import re
from typing import Iterator, Optional, Tuple

from envdoctor.facts import Configuration, Folder, Folders, Request
from envdoctor.host import Host

Place = Tuple[str, str, str]  # role, path, found_via


def probe(host: Host, request: Request, configuration: Optional[Configuration]) -> Folders:
    """The project's folder, the temporary folder as Python chooses it, shared memory, home and pip's cache."""
    mounts = _mounts(host)
    places = [
        ("build", request.project or host.cwd, "the project" if request.project else "the working folder")
    ]
    places += [_temporary(host), ("shm", "/dev/shm", "default"), *_homes(host, configuration)]  # noqa: S108
    return Folders(tuple(_look(host, mounts, *place) for place in places))


def _temporary(host: Host) -> Place:
    """As tempfile.gettempdir: the first that can be written into; the first named one when none can."""
    named = [(host.env[name], name) for name in ("TMPDIR", "TEMP", "TMP") if host.env.get(name)]
    usual = [(path, "default") for path in ("/tmp", "/var/tmp", "/usr/tmp", host.cwd)]  # noqa: S108
    places = [(posixpath.join(host.cwd, path), found_via) for path, found_via in [*named, *usual]]
    usable = (place for place in places if host.is_dir(place[0]) and host.access(place[0], "w"))
    return ("tmp", *next(usable, places[0]))


def _homes(host: Host, configuration: Optional[Configuration]) -> Iterator[Place]:
    if not host.home:
        return
    yield "home", host.home, "HOME"
    effective = configuration.effective("pip", "global.cache-dir") if configuration else ()
    if effective:
        yield (
            "pip-cache",
            posixpath.join(host.cwd, effective[-1].value),
            f"cache-dir in {effective[-1].source}",
        )
    elif host.env.get("XDG_CACHE_HOME"):
        yield "pip-cache", posixpath.join(host.env["XDG_CACHE_HOME"], "pip"), "XDG_CACHE_HOME"
    else:
        yield "pip-cache", posixpath.join(host.home, ".cache/pip"), "default"


def _look(host: Host, mounts: Tuple[Tuple[str, str], ...], role: str, path: str, found_via: str) -> Folder:
    """A folder that is not there yet is judged by the nearest one above it: there it would be made."""
    path = posixpath.join(host.cwd, path)  # HOME and XDG's variables may be relative
    exists, nearest = host.exists(path), path
    while not host.exists(nearest) and nearest != "/":
        nearest = posixpath.dirname(nearest)
    space = host.space(nearest)
    return Folder(
        role=role,
        path=path,
        exists=exists,
        is_folder=host.is_dir(path),
        writable=host.is_dir(nearest) and host.access(nearest, "w") and host.access(nearest, "x"),
        noexec=bool(space and space.noexec),
        free_bytes=space.free_bytes if space else None,
        free_inodes=space.free_inodes if space else None,
        filesystem=_filesystem(mounts, host.realpath(nearest)),
        found_via=found_via,
    )


def _mounts(host: Host) -> Tuple[Tuple[str, str], ...]:
    """Mount points and their file systems, in the order of mounting."""
    lines = (line.split() for line in (host.try_text("/proc/self/mounts") or "").splitlines())
    return tuple((_unescape(fields[1]), fields[2]) for fields in lines if len(fields) > 2)


def _unescape(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), text)


def _filesystem(mounts: Tuple[Tuple[str, str], ...], path: str) -> Optional[str]:
    """Of the nearest mount point above; of two mounts in one place the later one hides the other."""
    above = [
        (len(point), index)
        for index, (point, _) in enumerate(mounts)
        if path == point or path.startswith(point.rstrip("/") + "/")
    ]
    return mounts[max(above)[1]][1] if above else None
