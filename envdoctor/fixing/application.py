"""Applies a plan step by step, each one journalled before it is done."""

import posixpath
from dataclasses import dataclass, replace
from typing import Dict, Iterable, Iterator, List, Tuple

from envdoctor.finding import Edit, Run
from envdoctor.fixing import journal
from envdoctor.fixing.edits import diff, edited
from envdoctor.fixing.journal import CommandRun, Journal
from envdoctor.fixing.plan import Item, edits
from envdoctor.host import CannotRun, Host, replace_whole, run_in_foreground

LEFT = "left alone, for you to change"


@dataclass(frozen=True)
class NewContents:
    """A file of the project, by its path from the root, with its bytes before and after all edits of a plan."""

    file: str
    path: str
    mode: int
    before: bytes
    after: bytes
    #: Edits that cannot be made, and why: for a person.
    left: Tuple[str, ...] = ()

    @property
    def diff(self) -> bytes:
        """As `git apply` takes it."""
        return diff(self.file, self.before, self.after)


def new_contents(host: Host, project: str, items: Iterable[Item]) -> Tuple[NewContents, ...]:
    """What the plan's edits make of each file. Raises OSError."""
    by_path: Dict[str, List[Edit]] = {}  # two names may lead to one file
    for edit in edits(items):
        by_path.setdefault(host.realpath(posixpath.join(project, edit.file)), []).append(edit)
    root = host.realpath(project).rstrip("/") + "/"
    return tuple(_new(host, root, path, changes) for path, changes in by_path.items())


def _new(host: Host, root: str, path: str, changes: List[Edit]) -> NewContents:
    file = changes[0].file
    if not path.startswith(root):
        return NewContents(file, path, 0, b"", b"", (f"{file} lies outside of the project: {path}",))
    file = path[len(root) :]
    before, found = journal.contents(host, path), host.stat(path)
    if before is None or found is None:
        return NewContents(file, path, 0, b"", b"", (f"{file} is gone",))
    return NewContents(file, path, found.mode, before, *edited(before, changes))


def apply(host: Host, project: str, items: Tuple[Item, ...]) -> Iterator[Tuple[str, str]]:
    """Do it: files first, all or none of one; then commands, up to the first that fails.

    Yields what was done and how it went ("changed", "done", "exit status 3"). Raises OSError.
    """
    contents = new_contents(host, project, items)
    record = journal.new_journal(host, host.realpath(project))
    for new in contents:
        yield from ((reason, LEFT) for reason in new.left)
        if new.before == new.after:
            continue
        record = journal.with_file(record, new.path, new.mode, new.before, new.after)
        replace_whole(new.path, new.after, new.mode)
        yield new.file, "changed"
    for run in commands(items):
        record = journal.with_command(record, CommandRun(run.command, None, run.undo))
        status = _status(host, project, run.command)
        record = journal.with_command(record, CommandRun(run.command, status, run.undo))
        yield run.command, "done" if status == 0 else f"exit status {status}"
        if status:
            return


def commands(items: Iterable[Item]) -> Tuple[Run, ...]:
    """The commands of a plan, each once."""
    found: Dict[str, Run] = {}
    for item in items:
        found.update({change.command: change for change in item.changes if isinstance(change, Run)})
    return tuple(found.values())


def undo(host: Host, record: Journal) -> Iterator[Tuple[str, str]]:
    """Take a journal back: commands that can be, newest first, then files. Raises OSError."""
    for run in reversed(record.commands):
        if run.undo is not None and run.to_undo:
            status = _status(host, record.project, run.undo)
            yield run.undo, "done" if status == 0 else f"exit status {status}"
            record = journal.with_command(record, replace(run, undone=status == 0))
        elif run.undo is not None and run.status is None:
            yield run.command, f"was not seen to end; what takes it back: {run.undo}"
        elif not run.undone:
            yield run.command, "was run; what it did is not taken back"
    yield from journal.take_back(host, record)


def _status(host: Host, project: str, command: str) -> int:
    """Run a line of a fix in the project's folder, its output shown."""
    try:
        return run_in_foreground(("/bin/sh", "-c", command), host.env, project)
    except CannotRun as error:
        return error.status
