"""What a folder holds, by content: two prints are equal when nothing in it has changed."""

import fnmatch
import hashlib
import os
import stat
from typing import Dict, Iterable, Iterator, List

Prints = Dict[str, str]


def of_folder(root: str, left_out: Iterable[str] = ()) -> Prints:
    """Mode and content of every file, link and folder below `root`, apart from paths that match `left_out`."""
    return {path: _print(os.path.join(root, path), True) for path in _walk(root, tuple(left_out))}


def of_large_folder(root: str) -> Prints:
    """The same by size and time: reading a CUDA toolkit takes longer than building a patient."""
    return {os.path.join(root, path): _print(os.path.join(root, path), False) for path in _walk(root, ())}


def differences(before: Prints, after: Prints) -> List[str]:
    """One line a path that came, went or changed."""
    lines = []
    for path in sorted(before.keys() | after.keys()):
        if before.get(path) != after.get(path):
            how = "new" if path not in before else "gone" if path not in after else "changed"
            lines.append(f"{how}: {path}")
    return lines


def matching(root: str, patterns: Iterable[str]) -> Iterator[str]:
    """The paths below `root` that match, and not what is below them."""
    for folder, folders, files in os.walk(root):
        paths = {name: os.path.relpath(os.path.join(folder, name), root) for name in folders + files}
        found = {name for name, path in paths.items() if _matches(path, patterns)}
        yield from (paths[name] for name in found)
        folders[:] = [name for name in folders if name not in found]


def _walk(root: str, left_out: Iterable[str]) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        inside = os.path.relpath(folder, root)
        names = {name: os.path.normpath(os.path.join(inside, name)) for name in folders + files}
        folders[:] = [name for name in folders if not _matches(names[name], left_out)]
        yield from (names[name] for name in folders + files if not _matches(names[name], left_out))


def _matches(path: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def _print(path: str, read: bool) -> str:
    found = os.lstat(path)
    mode = stat.filemode(found.st_mode)
    if stat.S_ISLNK(found.st_mode):
        return f"{mode} {os.readlink(path)}"
    if not stat.S_ISREG(found.st_mode):
        return mode
    if not read:
        return f"{mode} {found.st_size} {found.st_mtime_ns}"
    with open(path, "rb") as stream:
        return f"{mode} {hashlib.sha256(stream.read()).hexdigest()}"
