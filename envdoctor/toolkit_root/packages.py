"""Every package of a plan, whole and in one folder: from Debian's archive, or from a wheelhouse that has them all.

A file is what its checksum in `pool` says. Where the archive has moved on to another file, the checksum is the one
in the archive's own index, as for apt; Debian's signature of that is not looked at, which is said.
"""

import functools
import hashlib
import lzma
import posixpath
from dataclasses import dataclass
from typing import Iterator, List, Optional, Sequence, Tuple, Union

from envdoctor.host import Host, append, debs, install, new_file_mode, replace_whole, web
from envdoctor.host.download import PLAIN, DownloadError, download, shown
from envdoctor.progress import Progress
from envdoctor.toolkit_root import debian
from envdoctor.toolkit_root.plan import PlanError
from envdoctor.toolkit_root.pool import MIRRORS, Deb, Part, upstream_of
from envdoctor.toolkit_root.wheels import CHECKSUMS, checksums

Item = Union[Deb, Part]
_CURE = (
    "give a mirror with --debian, or without a network a folder with --wheelhouse (filled by `envdoctor toolkit "
    "fetch`)"
)


@dataclass(frozen=True)
class Package:
    """A package, or a file of one, that is there and whole."""

    item: Item
    path: str
    sha256: str
    size: int

    @property
    def name(self) -> str:
        """Its file name."""
        return posixpath.basename(self.path)


class Shelf:
    """A folder that is only read; no network."""

    def __init__(self, host: Host, folder: str) -> None:
        self.host = host
        self.folder = folder
        #: In words.
        self.place = folder

    def packages(self, items: Sequence[Item], progress: Progress) -> Tuple[Package, ...]:
        """All of them; raises PlanError."""
        found = [self.held(item) for item in items]
        missing = [item.name for item, package in zip(items, found) if package is None]
        if missing:
            count = "a file" if len(missing) == 1 else f"{len(missing)} files"
            raise PlanError(f"{self.folder} lacks {count} of Debian's archive: {', '.join(missing)}")
        return tuple(package for package in found if package)

    def held(self, item: Item) -> Optional[Package]:
        """What is in the folder; None when it is not there. Raises PlanError where it is not what it should be."""
        sums = checksums(self.host.try_text(posixpath.join(self.folder, CHECKSUMS)) or "")
        for name in self._names(item):
            path = posixpath.join(self.folder, name)
            sha256 = install.sha256_of(path)
            if sha256 != (item.sha256 if name == item.name else sums.get(name, sha256)):
                self.broken(path)
                continue
            return _described(self.host, item, path, sha256)
        return None

    def broken(self, path: str) -> None:
        """One of another checksum."""
        raise PlanError(f"{path} is broken: its checksum is not the one that is known; fetch it again")

    def _names(self, item: Item) -> List[str]:
        """The file, then others that Debian made of the same release."""
        names = set(self.host.scan(self.folder))
        return [name for name in [item.name, *sorted(names)] if name in names and _is_one(name, item)]


class Archive(Shelf):
    """What the archive has, kept in a folder with checksums: what is whole there is not fetched again."""

    def __init__(self, host: Host, folder: str, mirror: Optional[str]) -> None:
        super().__init__(host, folder)
        self.mirrors = (mirror.rstrip("/"),) if mirror else MIRRORS
        self.place = f"Debian's archive ({shown(self.mirrors[0])})"

    def packages(self, items: Sequence[Item], progress: Progress) -> Tuple[Package, ...]:
        """All of them, fetched where they are not there; raises PlanError."""
        found: List[Package] = []
        for number, item in enumerate(items, 1):
            progress.start(f"[{number:2}/{len(items)}] {item.name}")
            held = self.held(item)
            package = held or self._fetched(item, progress)
            progress.finish(f"{package.size / 1e6:.1f} MB{', kept from before' if held else ''}")
            found.append(package)
        return tuple(found)

    def broken(self, path: str) -> None:
        """It is fetched again."""

    def _fetched(self, item: Item, progress: Progress) -> Package:
        try:
            path, sha256 = self._part(item) if isinstance(item, Part) else self._whole(item, progress)
        except (DownloadError, web.Unreachable) as error:
            raise PlanError(f"Debian's archive cannot be reached: {error}; {_CURE}") from None
        append(posixpath.join(self.folder, CHECKSUMS), f"{sha256}  {posixpath.basename(path)}\n")
        return _described(self.host, item, path, sha256)

    def _whole(self, deb: Deb, progress: Progress) -> Tuple[str, str]:
        for address, sha256 in self._places(deb, progress):
            path = posixpath.join(self.folder, posixpath.basename(address))
            done: List[int] = []

            def heard(size: int, done: List[int] = done) -> None:
                done.append(size)
                progress.move(sum(done), None)

            try:
                return path, download(address, path, sha256, heard, PLAIN)
            except (web.Missing, FileNotFoundError):
                continue
        raise PlanError(f"{' and '.join(self.mirrors)} have no {deb.name}; {_CURE}")

    def _part(self, part: Part) -> Tuple[str, str]:
        for address, _ in self._places(part.deb, Progress()):
            try:
                data = debs.one_file(functools.partial(web.part, address), part.member)
            except (web.Missing, FileNotFoundError):
                continue
            except web.Whole:
                raise PlanError(
                    f"{shown(address)}: the server does not send parts of files; {_CURE}"
                ) from None
            except debs.BrokenDeb as error:
                raise PlanError(f"{shown(address)}: {error}") from None
            if hashlib.sha256(data).hexdigest() != part.sha256:
                raise PlanError(f"{shown(address)}: {part.member} in it is not the file that is known")
            path = posixpath.join(self.folder, part.name)
            replace_whole(path, data, new_file_mode(path))
            return path, part.sha256
        raise PlanError(f"{' and '.join(self.mirrors)} have no {part.deb.name}; {_CURE}")

    def _places(self, deb: Deb, progress: Progress) -> Iterator[Tuple[str, str]]:
        """(address, checksum): where the file was, then what the archive's index has in its place."""
        for mirror in self.mirrors:
            yield f"{mirror}/{deb.path}", deb.sha256
        for mirror in self.mirrors:
            place = self._in_index(mirror, deb)
            if place:
                name = posixpath.basename(place[0])
                progress.note(f"{deb.name} is gone; {name} has the checksum of {mirror}'s index, unsigned")
                yield f"{mirror}/{place[0]}", place[1]

    def _in_index(self, mirror: str, deb: Deb) -> Optional[Tuple[str, str]]:
        folder = f"{mirror}/dists/{deb.suite}/{deb.component}/binary-{deb.architecture}"
        try:
            with web.opened(f"{folder}/Packages.xz") as (chunks, _):
                text = lzma.decompress(b"".join(chunks)).decode("utf-8", errors="replace")
        except (web.Missing, FileNotFoundError, lzma.LZMAError):
            return None
        found = debian.entry(text, deb.package)
        if upstream_of(found.get("Version", "")) != deb.upstream:
            return None
        return found.get("Filename", ""), found.get("SHA256", "")


def _described(host: Host, item: Item, path: str, sha256: str) -> Package:
    found = host.stat(path)
    return Package(item, path, sha256, found.size if found else 0)


def _is_one(name: str, item: Item) -> bool:
    if name == item.name or isinstance(item, Part):
        return name == item.name
    parts = name[: -len(".deb")].split("_") if name.endswith(".deb") else []
    return (
        len(parts) == 3
        and (parts[0], parts[2]) == (item.package, item.architecture)
        and upstream_of(parts[1]) == item.upstream
    )
