"""Limits of the control groups above this process, of both versions: memory and processor time."""

import posixpath
from dataclasses import dataclass
from typing import Callable, Dict, Iterator, Optional, Tuple

from envdoctor.host import Host

# Version 1 writes "no limit" as the largest number of whole pages.
_NO_LIMIT = 1 << 60


@dataclass(frozen=True)
class Limit:
    """The tightest limit and the file that sets it."""

    value: float
    file: str


def memory(host: Host) -> Optional[Limit]:
    """Bytes; None without a limit."""
    return _tightest(host, "memory", _memory)


def cores(host: Host) -> Optional[Limit]:
    """Processor time as a number of cores, such as 1.5; None without a quota."""
    return _tightest(host, "cpu", _cores)


def _tightest(host: Host, controller: str, read: Callable[[Host, str], Optional[Limit]]) -> Optional[Limit]:
    limits = [read(host, folder) for folder in _folders(host, controller)]
    return min((limit for limit in limits if limit), key=lambda limit: limit.value, default=None)


def _memory(host: Host, folder: str) -> Optional[Limit]:
    for name in ("memory.max", "memory.limit_in_bytes"):
        text = _text(host, f"{folder}/{name}")
        if text.isdigit() and int(text) < _NO_LIMIT:
            return Limit(int(text), f"{folder}/{name}")
    return None


def _cores(host: Host, folder: str) -> Optional[Limit]:
    words = _text(host, f"{folder}/cpu.max").split()
    file = f"{folder}/cpu.max"
    if not words:
        file = f"{folder}/cpu.cfs_quota_us"
        words = [_text(host, file), _text(host, f"{folder}/cpu.cfs_period_us")]
    if len(words) == 2 and words[0].isdigit() and words[1].isdigit() and int(words[1]):
        return Limit(int(words[0]) / int(words[1]), file)
    return None


def _text(host: Host, path: str) -> str:
    return (host.try_text(path, 200) or "").strip()


def _folders(host: Host, controller: str) -> Iterator[str]:
    """This process's group and those above it, as far as they are visible, in every hierarchy with that controller."""
    groups = _groups(host)
    for kind, root, mount, controllers in _hierarchies(host):
        name = "" if kind == "cgroup2" else controller
        if name in groups and (name == "" or name in controllers):
            yield from _upwards(mount, _inside(groups[name], root))


def _groups(host: Host) -> Dict[str, str]:
    """This process's group by controller; version 2 names none ("0::/path") and has every controller that is there."""
    found = {}
    for line in (host.try_text("/proc/self/cgroup") or "").splitlines():
        fields = line.split(":", 2)
        if len(fields) == 3:
            found.update(dict.fromkeys(fields[1].split(","), fields[2]))
    return found


def _hierarchies(host: Host) -> Iterator[Tuple[str, str, str, Tuple[str, ...]]]:
    """Kind, visible root, mount point and controllers of each mounted hierarchy."""
    for line in (host.try_text("/proc/self/mountinfo") or "").splitlines():
        left, dash, right = line.partition(" - ")
        fields, source = left.split(), right.split()
        if dash and len(fields) >= 5 and len(source) >= 3 and source[0] in ("cgroup", "cgroup2"):
            yield source[0], fields[3], fields[4], tuple(source[2].split(","))


def _inside(path: str, root: str) -> str:
    """A group's path as seen below the visible root; the root itself when the group lies outside of it."""
    if path == root or path.startswith("/.."):
        return ""
    if root == "/":
        return path.strip("/")
    return path[len(root) :].strip("/") if path.startswith(f"{root}/") else ""


def _upwards(mount: str, path: str) -> Iterator[str]:
    while path:
        yield posixpath.join(mount, path)
        path = posixpath.dirname(path)
    yield mount
