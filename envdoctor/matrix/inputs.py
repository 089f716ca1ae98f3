"""What a build reads, as one checksum: while that stays the same, its wheel is built already."""

import hashlib
import posixpath
from typing import Iterator, Mapping, Sequence

from envdoctor.host import Host
from envdoctor.matrix.steps import MADE

#: Where git does not tell.
_MADE = frozenset({*MADE, ".git", "__pycache__"})
_VARIABLES = (
    "SOURCE_DATE_EPOCH",
    "CC",
    "CXX",
    "CFLAGS",
    "CXXFLAGS",
    "LDFLAGS",
    "NVCC_PREPEND_FLAGS",
    "NVCC_APPEND_FLAGS",
)
_CHUNK = 1 << 20


def digest(host: Host, project: str, made: str) -> str:
    """Of a project's files, but for what git ignores and what lies in the folder `made`. Raises OSError."""
    found = hashlib.sha256()
    below = posixpath.relpath(made, project) + "/"
    for name in sorted(_files(host, project)):
        if not name.startswith(below):
            found.update(f"{name}\0".encode("utf-8", "surrogateescape"))
            _add(host, posixpath.join(project, name), found)
    return found.hexdigest()


def keyed(sources: str, commands: Sequence[str], env: Mapping[str, str]) -> str:
    """The same of the commands that build, and of variables that change what comes of them."""
    stated = [f"{name}={env[name]}" for name in _VARIABLES if name in env]
    return hashlib.sha256(
        "\0".join((sources, *commands, *stated)).encode("utf-8", "surrogateescape")
    ).hexdigest()


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
