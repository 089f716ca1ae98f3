"""The wheels of a bundle, read for the checks: each file once, however many targets install it."""

import posixpath
from typing import Dict, List, Sequence, Tuple

from packaging.requirements import Requirement

from envdoctor.bundle.compiled import Linked
from envdoctor.bundle.layout import Contents, Package
from envdoctor.bundle.metadata import field, requirements
from envdoctor.bundle.reading import read_linked
from envdoctor.bundle.static.subject import Subject, Wheel
from envdoctor.bundle.target import Target
from envdoctor.host import Host
from envdoctor.progress import Progress
from envdoctor.report.style import counted


def subjects(
    host: Host, bundle: str, contents: Sequence[Contents], work: str, progress: Progress
) -> Tuple[Subject, ...]:
    """One for each target. Raises BundleError, OSError."""
    reader = _Reader(host, bundle, work)
    every = {each.file for one in contents for each in one.wheels}
    progress.start(f"reading what is compiled in {counted(len(every), 'wheel')}")
    found = tuple(
        Subject(one.target, tuple(reader.wheel(each, one.target) for each in one.wheels)) for one in contents
    )
    progress.finish(f"{counted(sum(map(len, reader.compiled.values())), 'file')} of machine code")
    return found


class _Reader:
    """Remembers what it has read."""

    def __init__(self, host: Host, bundle: str, work: str) -> None:
        self._host, self._bundle, self._work = host, bundle, work
        self.compiled: Dict[str, Tuple[Linked, ...]] = {}
        self._asks: Dict[str, Tuple[List[Requirement], str]] = {}

    def wheel(self, each: Package, target: Target) -> Wheel:
        path = posixpath.join(self._bundle, each.path)
        if each.file not in self.compiled:
            self._asks[each.file] = requirements(path), "".join(field(path, "Requires-Python")[:1])
            self.compiled[each.file] = read_linked(self._host, path, self._work)
        asked, python = self._asks[each.file]
        holds = tuple(one for one in asked if target.holds(str(one.marker or "")))
        return Wheel(each.project, each.version, each.file, python, holds, self.compiled[each.file])
