"""Where a bundle is installed: a virtual environment or a prefix, a folder of its own that goes away as a whole."""

import json
import posixpath
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Sequence, Tuple

from envdoctor.bundle.layout import Contents
from envdoctor.bundle.target import BundleError
from envdoctor.host import Host, make_folder, remove, write_whole
from envdoctor.host.install import move

#: In what is not whole yet; in what is; and what an installation that is replaced is called meanwhile.
_UNFINISHED, RECORD, _BEFORE = ".envdoctor-unfinished", "envdoctor-bundle.json", ".before"
_OPTIONS = ("--ignore-installed", "--no-warn-script-location")


@dataclass(frozen=True)
class Place:
    """A folder that is to be one."""

    path: str
    kind: str  # "venv" | "prefix"

    @property
    def programs(self) -> str:
        """Its folder of programs."""
        return posixpath.join(self.path, "bin")

    @property
    def log(self) -> str:
        """Beside it, what pip said when an installation failed: until the next one, or until it is removed."""
        return _log(self.path)

    def python(self, interpreter: str) -> str:
        """What runs the packages in it."""
        return posixpath.join(self.programs, "python") if self.kind == "venv" else interpreter

    def options(self) -> Sequence[str]:
        """Of `pip install`."""
        return ("--prefix", self.path, *_OPTIONS) if self.kind == "prefix" else ()

    def isolated(self) -> Sequence[str]:
        """Of an interpreter that is to see nothing but what is in it."""
        return ("-S",) if self.kind == "prefix" else ("-I",)

    def packages(self, host: Host) -> Tuple[str, ...]:
        """Of a prefix, its folders of packages: distributions put them at various places."""
        if self.kind == "venv":
            return ()
        return tuple(
            path
            for below in ("lib", "lib64", "local/lib", "local/lib64")
            for python in _names(host, posixpath.join(self.path, below))
            for name in ("site-packages", "dist-packages")
            for path in [posixpath.join(self.path, below, python, name)]
            if host.is_dir(path)
        )

    def variables(self, host: Host, env: Mapping[str, str]) -> Dict[str, str]:
        """An environment in which its programs and packages are found."""
        found = {**env, "PATH": f"{self.programs}:{env.get('PATH', '')}"}
        folders = self.packages(host)
        return {**found, "PYTHONPATH": ":".join(folders)} if folders else found


def _log(path: str) -> str:
    return f"{path}.failed.log"


def _names(host: Host, folder: str) -> Sequence[str]:
    """In a folder that comes into being meanwhile."""
    return sorted(host.scan(folder)) if host.is_dir(folder) else ()


def begin(host: Host, place: Place) -> None:
    """A new folder; an installation that a bundle has made stands aside. Raises BundleError for anything else there."""
    _recover(host, place.path)
    remove(place.log)
    if host.lstat(place.path) is not None:
        if not _is_ours(host, place.path):
            raise BundleError(f"{place.path} is there already, and no bundle made it; give a new folder")
        move(place.path, place.path + _BEFORE)
    make_folder(place.path)
    write_whole(posixpath.join(place.path, _UNFINISHED), "")


def finish(host: Host, place: Place, one: Contents) -> None:
    """It is whole: what stood aside goes."""
    about: Dict[str, Any] = {"kind": place.kind, **one.target.document(), "requested": list(one.requested)}
    about["packages"] = {each.project: each.version for each in one.packages}
    write_whole(posixpath.join(place.path, RECORD), json.dumps(about, indent=2, ensure_ascii=False) + "\n")
    remove(posixpath.join(place.path, _UNFINISHED))
    remove(place.path + _BEFORE)


def give_up(host: Host, place: Place) -> None:
    """As it was before."""
    remove(place.path)
    if host.lstat(place.path + _BEFORE) is not None:
        move(place.path + _BEFORE, place.path)


def uninstall(host: Host, path: str) -> None:
    """Nothing is left of it. Raises BundleError for what no bundle made."""
    unfinished = host.exists(posixpath.join(path, _UNFINISHED))
    if not unfinished and not _is_ours(host, path):
        there = "no bundle made it" if host.lstat(path) is not None else "not there"
        raise BundleError(f"{path}: {there}; nothing is removed")
    gone = f"{path}.removed"
    remove(gone)  # of a run that was killed
    move(path, gone)
    remove(gone)
    remove(_log(path))
    if unfinished:
        remove(path + _BEFORE)


def _is_ours(host: Host, path: str) -> bool:
    return host.is_file(posixpath.join(path, RECORD))


def _recover(host: Host, path: str) -> None:
    """What a kill has left goes, and what stood aside then comes back."""
    if host.exists(posixpath.join(path, _UNFINISHED)):
        try:
            remove(path)
        except OSError as error:
            why = error.strerror or str(error)
            say = f"{path}: what a run before has left cannot be removed ({why}); its pip may be at work yet: try again"
            raise BundleError(say) from None
    if host.lstat(path) is None and host.lstat(path + _BEFORE) is not None:
        move(path + _BEFORE, path)
