"""Where a bundle is installed: a virtual environment or a prefix, a folder of its own that goes away as a whole."""

import contextlib
import json
import posixpath
from dataclasses import dataclass
from typing import Any, Dict, Iterator, Mapping, Sequence, Tuple

from envdoctor.bundle.layout import Contents
from envdoctor.bundle.target import BundleError
from envdoctor.host import Host, locked, make_folder, remove, write_whole
from envdoctor.host.install import move

#: In what is not whole yet, or no longer; in what is.
_UNFINISHED, RECORD = ".envdoctor-unfinished", "envdoctor-bundle.json"
#: Beside a place: what it replaces, meanwhile; what it is to be, before it has its mark; who works on it.
_BEFORE, _NEW, _LOCK = ".envdoctor-before", ".envdoctor-new", ".envdoctor-lock"
#: The folder is new, and pip, which is run out of another one, would take itself for installed.
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
        return (*(("--prefix", self.path) if self.kind == "prefix" else ()), *_OPTIONS)

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


@contextlib.contextmanager
def held(path: str) -> Iterator[None]:
    """Nobody else installs there meanwhile, or removes it. Raises BundleError, OSError."""
    make_folder(posixpath.dirname(path))
    try:
        with locked(path + _LOCK):
            yield
    except BlockingIOError:
        raise BundleError(f"{path}: another envdoctor is at work there; wait for it") from None


def begin(host: Host, place: Place) -> None:
    """A new folder; an installation that a bundle has made stands aside. Raises BundleError for anything else there.

    What is at the place is whole or has a mark at any time, so that a kill leaves nothing that is not known again.
    """
    path = place.path
    _recover(host, path)
    there = host.lstat(path) is not None
    if there and not _is_ours(host, path):
        raise BundleError(f"{path} is there already, and no bundle made it; give a new folder")
    remove(place.log)
    remove(path + _NEW)
    make_folder(path + _NEW)
    write_whole(posixpath.join(path + _NEW, _UNFINISHED), "")
    if there:
        move(path, path + _BEFORE)
    move(path + _NEW, path)


def finish(host: Host, place: Place, one: Contents) -> None:
    """It is whole from now on."""
    about: Dict[str, Any] = {"kind": place.kind, **one.target.document(), "requested": list(one.requested)}
    about["packages"] = {each.project: each.version for each in one.packages}
    write_whole(posixpath.join(place.path, RECORD), json.dumps(about, indent=2, ensure_ascii=False) + "\n")
    remove(posixpath.join(place.path, _UNFINISHED))


def settle(place: Place) -> None:
    """What stood aside goes."""
    remove(place.path + _BEFORE)


def give_up(host: Host, place: Place) -> None:
    """As it was before."""
    _clear(host, place.path)
    _recover(host, place.path)


def uninstall(host: Host, path: str) -> None:
    """Nothing is left of it. Raises BundleError for what no bundle made."""
    _check_removable(host, path)
    with held(path):
        _check_removable(host, path)
        remove(path + _NEW)
        if host.lstat(path) is not None:
            write_whole(posixpath.join(path, _UNFINISHED), "")
        remove(path + _BEFORE)
        _clear(host, path)
        remove(_log(path))


def _check_removable(host: Host, path: str) -> None:
    there = host.lstat(path) is not None
    if there and not _is_unfinished(host, path) and not _is_ours(host, path):
        raise BundleError(f"{path}: no bundle made it; nothing is removed")
    if not there and host.lstat(path + _BEFORE) is None:
        raise BundleError(f"{path}: not there; nothing is removed")


def _is_unfinished(host: Host, path: str) -> bool:
    return host.exists(posixpath.join(path, _UNFINISHED))


def _is_ours(host: Host, path: str) -> bool:
    return host.is_file(posixpath.join(path, RECORD))


def _recover(host: Host, path: str) -> None:
    """What a kill has left goes, and what stood aside then comes back."""
    if _is_unfinished(host, path):
        try:
            _clear(host, path)
        except OSError as error:
            why = error.strerror or str(error)
            say = f"{path}: what a run before has left cannot be removed ({why}); its pip may be at work yet: try again"
            raise BundleError(say) from None
    if host.lstat(path + _BEFORE) is None:
        return
    if host.lstat(path) is None:
        move(path + _BEFORE, path)
    elif _is_ours(host, path):
        remove(path + _BEFORE)


def _clear(host: Host, path: str) -> None:
    """All of it, the mark last."""
    if host.is_dir(path):
        for name in host.scan(path):
            if name != _UNFINISHED:
                remove(posixpath.join(path, name))
    remove(path)
