"""Every wheel of a plan, whole and in one folder: from the index, or from a wheelhouse that must have them all."""

import posixpath
from abc import ABC, abstractmethod
from typing import Dict, FrozenSet, List, Optional, Sequence, Tuple

from packaging.tags import Tag, sys_tags

from envdoctor.host import Host, append, archives, install, remove
from envdoctor.progress import Progress
from envdoctor.toolkit_root import pip
from envdoctor.toolkit_root.plan import META_PACKAGE, Pin, Plan, PlanError, plan, specifier_of
from envdoctor.toolkit_root.wheels import CHECKSUMS, Wheel, best, checksums, project_of, version_of

_UNFINISHED = ".fetching-"


class Source(ABC):
    """Where wheels come from."""

    def __init__(self, host: Host, folder: str) -> None:
        self.host = host
        self.folder = folder
        self.tags: FrozenSet[Tag] = frozenset(sys_tags())
        #: In words.
        self.place = folder

    @abstractmethod
    def meta(self, specifier: str) -> Wheel:
        """The meta package; raises PlanError."""

    @abstractmethod
    def wheels(self, pins: Sequence[Pin], progress: Progress) -> Tuple[Wheel, ...]:
        """All wheels of a plan; raises PlanError."""

    def held(self, pin: Pin) -> Optional[Wheel]:
        """A wheel that is in the folder; None when there is none, or it is not what its checksum says."""
        name = best(self.host.scan(self.folder), pin.project, pin.specifier, self.tags)
        if name is None:
            return None
        path = posixpath.join(self.folder, name)
        return described(self.host, path, install.sha256_of(path))

    def sums(self) -> Dict[str, str]:
        """File name -> sha256, as recorded in the folder."""
        return checksums(self.host.try_text(posixpath.join(self.folder, CHECKSUMS)) or "")


class Wheelhouse(Source):
    """A folder that is only read; no network."""

    def meta(self, specifier: str) -> Wheel:
        found = self.held(Pin(META_PACKAGE, specifier))
        if found is None:
            known = sorted(
                version_of(name) for name in self.host.scan(self.folder) if project_of(name) == META_PACKAGE
            )
            raise PlanError(
                f"{self.folder} has no wheel {META_PACKAGE}{specifier}, which says what belongs together; "
                + (f"it has {', '.join(known)}" if known else "fill it with `envdoctor toolkit fetch`")
            )
        return self._true(found)

    def wheels(self, pins: Sequence[Pin], progress: Progress) -> Tuple[Wheel, ...]:
        found = [(pin, self.held(pin)) for pin in pins]
        missing = [f"{pin.project}{pin.specifier}" for pin, wheel in found if wheel is None]
        if missing:
            count = "a wheel" if len(missing) == 1 else f"{len(missing)} wheels"
            raise PlanError(f"{self.folder} lacks {count} for this machine: {', '.join(missing)}")
        return tuple(self._true(wheel) for _, wheel in found if wheel is not None)

    def _true(self, wheel: Wheel) -> Wheel:
        if self.sums().get(wheel.name, wheel.sha256) != wheel.sha256:
            raise PlanError(
                f"{wheel.path} is broken: its checksum is not the one in {CHECKSUMS}; fetch it again"
            )
        return wheel


class Index(Source):
    """What pip fetches, kept in a folder with checksums: what is whole there is not fetched again."""

    def __init__(self, host: Host, folder: str) -> None:
        super().__init__(host, folder)
        self.python = pip.find_python(host)
        self.place = f"the package index ({self.python} -m pip)"
        for name in host.scan(folder):
            if name.startswith(_UNFINISHED):  # of a run that was killed
                remove(posixpath.join(folder, name))

    def meta(self, specifier: str) -> Wheel:
        # Always asked for: the newest 13.0.x of last week may not be today's. It is 3 KB.
        return self._fetched(Pin(META_PACKAGE, specifier), Progress())

    def wheels(self, pins: Sequence[Pin], progress: Progress) -> Tuple[Wheel, ...]:
        found: List[Wheel] = []
        for number, pin in enumerate(pins, 1):
            progress.start(f"[{number:2}/{len(pins)}] {pin.project} {pin.specifier[2:-2]}")
            held = self.held(pin)
            kept = held is not None and self.sums().get(held.name) == held.sha256
            wheel = held if held is not None and kept else self._fetched(pin, progress)
            progress.finish(f"{wheel.size / 1e6:.1f} MB{', kept from before' if kept else ''}")
            found.append(wheel)
        return tuple(found)

    def _fetched(self, pin: Pin, progress: Progress) -> Wheel:
        unfinished = install.temporary_folder(self.folder, _UNFINISHED)
        try:
            path = pip.download(self.host, self.python, pin.project + pin.specifier, unfinished, progress)
            wheel = described(self.host, path, install.sha256_of(path))
            whole = posixpath.join(self.folder, wheel.name)
            install.move(path, whole)
            append(posixpath.join(self.folder, CHECKSUMS), f"{wheel.sha256}  {wheel.name}\n")
            return described(self.host, whole, wheel.sha256)
        finally:
            remove(unfinished)


def planned(source: Source, version: str, extras: Sequence[str]) -> Plan:
    """What the meta package says of that version; raises PlanError."""
    meta = source.meta(specifier_of(version))
    try:
        metadata = archives.read_member(meta.path, ".dist-info/METADATA")
    except archives.BrokenArchive as error:
        raise PlanError(f"{meta.path}: {error}") from None
    return plan(metadata, extras, source.host.machine().architecture)


def described(host: Host, path: str, sha256: str) -> Wheel:
    """A wheel with what its name says."""
    name = posixpath.basename(path)
    found = host.stat(path)
    return Wheel(path, project_of(name), version_of(name), sha256, found.size if found else 0)
