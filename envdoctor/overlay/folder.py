"""Writes an overlay into its folder, and nothing anywhere else.

A project has a folder for all its overlays. What a command runs in must not change until it ends, and what shells were
activated with, until nobody can tell: each has a place of its own there.
"""

import hashlib
import itertools
import json
import posixpath
import re
from contextlib import ExitStack
from dataclasses import asdict, replace
from typing import Any, Dict, Set

from envdoctor.facts import Request
from envdoctor.finding import Shim
from envdoctor.host import Host, locked, make_folder, make_link, private_folder, remove, replace_whole
from envdoctor.overlay.plan import MARKER, PRESETS, Layer, Overlay
from envdoctor.overlay.treatment import Choice

NAME = ".envdoctor"
SCHEMA = "envdoctor.overlay/1"
#: A path that an item of a list of folders, a word of a variable with flags, and a shell's line hold as it is.
_PLAIN = re.compile(r"[\w@%+=,./-]+")
#: An archive without members.
_EMPTY_ARCHIVE = "!<arch>\n"


def folder_of(host: Host, project: str) -> str:
    """Where the overlays of a project lie: in it, else in the user's cache, else in the temporary folder.

    A path that is more than one word to a shell or a list of folders holds none. Raises OSError.
    """
    inside = posixpath.join(project, NAME)
    found = host.lstat(inside)
    usable = found.kind == "folder" if found else True  # a link would lead out of the project
    if usable and host.access(inside if found else project, "w") and _PLAIN.fullmatch(inside):
        return inside
    cache = host.user_folder("XDG_CACHE_HOME", ".cache")
    place = posixpath.join(cache, "envdoctor") if cache and _can_be_made(host, cache) else private_folder()
    number = hashlib.sha256(project.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return posixpath.join(place, "overlays", number)


def _can_be_made(host: Host, folder: str) -> bool:
    """Whether a folder with a plain path is there and may be written, or may be made."""
    there = folder
    while there != "/" and host.lstat(there) is None:
        there = posixpath.dirname(there)
    return bool(_PLAIN.fullmatch(folder)) and host.access(there, "w")


def layer_folder(folder: str, number: int) -> str:
    """Layers are numbered from 1."""
    return posixpath.join(folder, str(number))


def for_command(host: Host, project: str, until: ExitStack) -> str:
    """The first place that no command runs in; nobody else gets it until the stack is closed. Raises OSError."""
    folder = folder_of(host, project)
    names = itertools.chain(["run"], (f"run-{number}" for number in itertools.count(2)))
    places = (posixpath.join(folder, name) for name in names)
    return next(place for place in places if _took(host, place, until))


def _took(host: Host, place: str, until: ExitStack) -> bool:
    if host.env.get(MARKER) == place:  # we run in it, and its file system may know no locks
        return False
    _make_own(host, place)
    try:
        until.enter_context(locked(posixpath.join(place, "lock")))
    except BlockingIOError:
        return False
    return True


def for_shells(host: Host, request: Request, choice: Choice) -> str:
    """The place of all shells that are activated for the same request. Raises OSError."""
    assert request.project is not None
    stated, nothing = (
        repr((replace(one, project=None, command=""), other))
        for one, other in ((request, choice), (Request(), Choice()))
    )
    number = hashlib.sha256(stated.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    name = "env" if stated == nothing else f"env-{number}"
    return posixpath.join(folder_of(host, request.project), name)


def write_layer(host: Host, layer: Layer) -> None:
    """Make a layer's folder hold exactly its files; those that are as they should be are not touched."""
    place = posixpath.dirname(layer.folder)
    _make_own(host, place)
    _make_own(host, layer.folder)
    _write_text(host, posixpath.join(place, ".gitignore"), "*\n", 0o644)
    _prune(host, layer.folder, {f"{layer.folder}/{shim.path}" for shim in layer.shims})
    for shim in layer.shims:
        _write(host, f"{layer.folder}/{shim.path}", shim)


def write_record(host: Host, overlay: Overlay) -> None:
    """What the overlay holds and why, as JSON; what an earlier overlay left in its place goes."""
    kept = {layer.folder for layer in overlay.layers}
    for name in host.scan(overlay.folder):
        path = posixpath.join(overlay.folder, name)
        if name == PRESETS or (name.isdigit() and path not in kept):
            remove(path)
    _write_text(host, posixpath.join(overlay.folder, "overlay.json"), _record(overlay), 0o644)


def write_beside(host: Host, overlay: Overlay, name: str, text: str) -> None:
    """A file for another tool, beside the layers. Raises OSError."""
    _write_text(host, posixpath.join(overlay.folder, name), text, 0o644)


def _make_own(host: Host, folder: str) -> None:
    """A folder of ours: what a link leads to is not."""
    found = host.lstat(folder)
    if found and found.kind != "folder":
        remove(folder)
    make_folder(folder)


def _record(overlay: Overlay) -> str:
    document: Dict[str, Any] = {
        "schema": SCHEMA,
        "cures": [
            {"rule": finding.rule, "title": finding.fix.title if finding.fix else ""}
            for finding in overlay.cures
        ],
        "variables": [asdict(change) for change in overlay.variables],
        "files": [{"path": path, "kind": shim.kind} for path, shim in overlay.shims],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _prune(host: Host, folder: str, wanted: Set[str]) -> None:
    """Remove what an earlier overlay left in a layer's folder."""
    for name in host.scan(folder):
        path = posixpath.join(folder, name)
        inside = any(file.startswith(f"{path}/") for file in wanted)
        found = host.lstat(path)
        if inside and found and found.kind == "folder":
            _prune(host, path, wanted)
        elif path not in wanted or (found and found.kind == "folder"):
            remove(path)


def _write(host: Host, path: str, shim: Shim) -> None:
    make_folder(posixpath.dirname(path))
    if shim.kind == "link":
        if not (host.is_link(path) and host.readlink(path) == shim.content):
            make_link(path, shim.content)
        return
    text = _EMPTY_ARCHIVE if shim.kind == "archive" else shim.content
    _write_text(host, path, text, 0o755 if shim.kind == "script" else 0o644)


def _write_text(host: Host, path: str, text: str, mode: int) -> None:
    """Write a file unless it is there as it should be: compilers and make go by its time."""
    found = host.lstat(path)
    data = text.encode("utf-8", "surrogateescape")
    same = found and found.kind == "file" and found.mode == mode and found.size == len(data)
    if same and host.read_range(path, 0, len(data)) == data:
        return
    replace_whole(path, data, mode)
