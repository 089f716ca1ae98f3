"""The journal of what was changed, kept before it is changed, so that it can be taken back after any interruption.

One folder for each application, under XDG's state folder: `journal.json` and, for each file, its contents of before.
The record of a file is on the disk before the file is touched.
"""

import hashlib
import json
import posixpath
from dataclasses import asdict, dataclass, replace
from typing import Iterator, List, Optional, Tuple

from envdoctor.host import (
    Host,
    make_folder,
    make_new_folder,
    private_folder,
    replace_whole,
    sweep,
    write_whole,
)

SCHEMA = "envdoctor.journal/1"
_FILE = "journal.json"


@dataclass(frozen=True)
class FileChange:
    """A file with what it held before and what it was to hold after."""

    path: str
    mode: int
    #: File of the journal's folder with the contents of before.
    kept: str
    before: str  # sha256
    after: str  # sha256


@dataclass(frozen=True)
class CommandRun:
    """A command that was started; `status` None: it was not seen to end."""

    command: str
    status: Optional[int]
    undo: Optional[str]
    undone: bool = False

    @property
    def to_undo(self) -> bool:
        """Whether it did what it was for, and there is a command that takes it back."""
        return self.status == 0 and self.undo is not None and not self.undone


@dataclass(frozen=True)
class Journal:
    """One application of fixes to a project."""

    folder: str
    project: str
    files: Tuple[FileChange, ...] = ()
    commands: Tuple[CommandRun, ...] = ()
    undone: bool = False


def new_journal(host: Host, project: str) -> Journal:
    """An empty one in a new folder of its own. Raises OSError."""
    parent = _parent(host)
    make_folder(parent)
    number = 1 + max(map(int, _names(host)), default=0)
    while True:
        folder = posixpath.join(parent, f"{number:06d}")
        try:
            make_new_folder(folder)
        except FileExistsError:  # another one was quicker
            number += 1
        else:
            return Journal(folder, project)


def standing(host: Host, project: str) -> Iterator[Journal]:
    """Journals of a project that were not taken back, newest first, unless they cannot be read. Raises OSError."""
    for name in sorted(_names(host), reverse=True):
        folder = posixpath.join(_parent(host), name)
        text = host.try_text(posixpath.join(folder, _FILE))
        found = _decoded(folder, text) if text else None
        if found and found.project == project and not found.undone:
            yield found


def write(journal: Journal) -> None:
    """Put the journal on the disk, whole. Raises OSError."""
    document = {"schema": SCHEMA, **{k: v for k, v in asdict(journal).items() if k != "folder"}}
    write_whole(posixpath.join(journal.folder, _FILE), json.dumps(document, indent=2) + "\n")


def with_file(journal: Journal, path: str, mode: int, before: bytes, after: bytes) -> Journal:
    """Keep a file's contents and record what is about to be done to it. Raises OSError."""
    kept = f"{len(journal.files) + 1}.before"
    replace_whole(posixpath.join(journal.folder, kept), before, 0o600)
    change = FileChange(path, mode, kept, digest(before), digest(after))
    journal = replace(journal, files=(*journal.files, change))
    write(journal)
    return journal


def with_command(journal: Journal, run: CommandRun) -> Journal:
    """Record a command that is about to run, or what became of the same one. Raises OSError."""
    others = [known for known in journal.commands if known.command != run.command]
    journal = replace(journal, commands=(*others, run))
    write(journal)
    return journal


def digest(data: bytes) -> str:
    """sha256, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def take_back(host: Host, journal: Journal) -> Iterator[Tuple[str, str]]:
    """Restore every file, newest first: its path and "restored", "as it was", or why it was left alone.

    Raises OSError.
    """
    left: List[str] = []
    for change in reversed(journal.files):
        kept = posixpath.join(journal.folder, change.kept)
        state = _restore(host, change, kept)
        if state not in ("restored", "as it was"):
            left.append(change.path)
        yield change.path, state
    if not left and not any(run.to_undo for run in journal.commands):
        write(replace(journal, undone=True))
    for folder in {posixpath.dirname(change.path) for change in journal.files}:
        sweep(folder)


def _restore(host: Host, change: FileChange, kept: str) -> str:
    data, before = contents(host, change.path), contents(host, kept)
    now = digest(data) if data is not None else ""
    if now == change.before:
        return "as it was"
    if now != change.after:
        gone = "is gone" if data is None else "was changed since"
        return f"{gone}, left alone; its contents of before are in {kept}"
    if before is None or digest(before) != change.before:
        return f"left alone: {kept} does not hold its contents of before"
    replace_whole(change.path, before, change.mode)
    return "restored"


def contents(host: Host, path: str) -> Optional[bytes]:
    """All bytes of a file; None where no file is. Raises OSError."""
    found = host.stat(path)
    return host.read_range(path, 0, found.size) if found and found.kind == "file" else None


def _names(host: Host) -> List[str]:
    """Folders of journals as they are now: what a host has listed once it does not list again."""
    try:
        return [name for name in host.scan(_parent(host)) if name.isdigit()]
    except FileNotFoundError:
        return []


def _parent(host: Host) -> str:
    state = host.user_folder("XDG_STATE_HOME", ".local/state")
    return posixpath.join(posixpath.join(state, "envdoctor") if state else private_folder(), "journal")


def _decoded(folder: str, text: str) -> Optional[Journal]:
    """The journal in a file; None for what is none of this version."""
    try:
        document = json.loads(text)
        files = tuple(FileChange(**entry) for entry in document["files"])
        commands = tuple(CommandRun(**entry) for entry in document["commands"])
        journal = Journal(folder, document["project"], files, commands, document["undone"])
    except (ValueError, TypeError, KeyError):
        return None
    return journal if document["schema"] == SCHEMA else None
