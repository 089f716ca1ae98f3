"""What a build reads, as one checksum: while that stays the same, its wheel is built already."""

import hashlib
import posixpath
from typing import Iterator, Sequence

from envdoctor.host import Host

#: Folders that builds and tools make, where git does not tell.
_MADE = frozenset({".git", ".envdoctor", ".nox", ".tox", ".venv", "venv", "build", "dist", "__pycache__"})
_CHUNK = 1 << 20


def digest(host: Host, project: str, more: Sequence[str]) -> str:
    """Of a project's files (what git ignores left out) and of further texts. Raises OSError."""
    found = hashlib.sha256()
    for text in more:
        found.update(f"{text}\0".encode())
    for name in sorted(_files(host, project)):
        found.update(f"{name}\0".encode("utf-8", "surrogateescape"))
        _add(host, posixpath.join(project, name), found)
    return found.hexdigest()


def _add(host: Host, path: str, digest: "hashlib._Hash") -> None:
    there = host.lstat(path)
    if there is None or there.kind not in ("file", "link"):
        return  # deleted, and git has it yet; a submodule's folder
    if there.kind == "link":
        digest.update(host.readlink(path).encode("utf-8", "surrogateescape"))
        return
    for offset in range(0, there.size, _CHUNK):
        digest.update(host.read_range(path, offset, _CHUNK))


def _files(host: Host, project: str) -> Sequence[str]:
    answer = host.run(
        "git", "-C", project, "ls-files", "-z", "--cached", "--others", "--exclude-standard", timeout=60
    )
    if answer.ok:
        return sorted({name for name in answer.stdout.split("\0") if name})
    return list(_walked(host, project, ""))


def _walked(host: Host, project: str, below: str) -> Iterator[str]:
    for name in host.scan(posixpath.join(project, below)):
        path = posixpath.join(below, name)
        found = host.lstat(posixpath.join(project, path))
        if found is not None and found.kind == "folder":
            if name not in _MADE:
                yield from _walked(host, project, path)
        else:
            yield path
