"""From a version to a root: what is unfinished lies beside the place and is renamed into it at the very end."""

import contextlib
import posixpath
from dataclasses import dataclass
from typing import Iterator, List, Optional, Sequence, Tuple

from envdoctor.host import Host, install, locked, make_folder, remove
from envdoctor.progress import Progress
from envdoctor.toolkit_root.assemble import assemble
from envdoctor.toolkit_root.debian import HOST_COMPILER
from envdoctor.toolkit_root.fetch import Index, Source, Wheelhouse, planned
from envdoctor.toolkit_root.packages import Archive, Package, Shelf
from envdoctor.toolkit_root.plan import META_PACKAGE, Plan, PlanError, specifier_of
from envdoctor.toolkit_root.standing import standing
from envdoctor.toolkit_root.trial import Trial, try_root
from envdoctor.toolkit_root.wheels import Wheel, project_of


@dataclass(frozen=True)
class Wanted:
    """What is asked for; folders are absolute."""

    version: str
    extras: Tuple[str, ...]
    prefix: str
    wheelhouse: Optional[str] = None
    #: Where fetched wheels are kept for other roots; without it they are gone when the root is made.
    cache: Optional[str] = None
    #: Where Debian's archive is, in place of its usual places.
    debian: Optional[str] = None

    @property
    def part(self) -> str:
        """The folder of what is unfinished: beside the place, so that a rename is enough."""
        return f"{self.prefix}.part"


@dataclass(frozen=True)
class Gathered:
    """All that a root is made of, whole and on this machine."""

    plan: Plan
    wheels: Tuple[Wheel, ...]
    packages: Tuple[Package, ...]


@dataclass(frozen=True)
class Made:
    """A root that is in its place."""

    version: str
    trial: Optional[Trial]  # None: it stood there before
    #: The folder of the host compiler in it.
    host_compiler: Optional[str] = None


def create(host: Host, wanted: Wanted, progress: Progress) -> Made:
    """Make the root, or find that it stands there. Raises PlanError, in one line; then nothing stands at the prefix."""
    specifier_of(wanted.version)
    stands = standing(host, wanted.prefix, wanted.version, wanted.extras)
    if stands:
        return Made(stands, None, _compiler_in(host, wanted.prefix))
    with _told(wanted.part), _working(host, wanted.part), _told(wanted.part):
        found = _gathered(host, wanted, progress)
        root = posixpath.join(wanted.part, "root")
        remove(root)  # of a run that was killed
        try:
            assemble(host, found.plan, found.wheels, found.packages, wanted.extras, root, progress)
            trial = _tried(host, root, found.wheels, progress)
            install.move(root, wanted.prefix)
        finally:
            remove(root)
        remove(posixpath.join(wanted.part, "wheels"))
    return Made(found.plan.version, trial, _compiler_in(host, wanted.prefix))


def fetch(
    host: Host,
    version: str,
    extras: Sequence[str],
    folder: str,
    progress: Progress,
    debian: Optional[str] = None,
) -> Plan:
    """Fill a wheelhouse. Raises PlanError, in one line; what is whole stays there."""
    specifier_of(version)
    with _told(folder):
        make_folder(folder)
        with _alone(folder):
            archive = Archive(host, folder, debian)
            return gather(Index(host, folder), archive, version, extras, progress).plan


def gather(
    source: Source,
    shelf: Shelf,
    version: str,
    extras: Sequence[str],
    progress: Progress,
) -> Gathered:
    """The plan, all its wheels and all its packages."""
    progress.start(f"asking for CUDA {version}")
    plan = planned(source, version, extras)
    progress.note(f"CUDA {plan.version}: {len(plan.pins)} wheels from {source.place}")
    if plan.packages:
        progress.note(f"{len(plan.packages)} files from {shelf.place}")
    if plan.absent:
        progress.note(f"the wheels of CUDA {plan.version} have no {', '.join(plan.absent)}")
    wheels = source.wheels(plan.pins, progress)
    return Gathered(plan, wheels, shelf.packages(plan.packages, progress))


def _gathered(host: Host, wanted: Wanted, progress: Progress) -> Gathered:
    if wanted.wheelhouse:
        if not host.is_dir(wanted.wheelhouse):
            raise PlanError(f"{wanted.wheelhouse}: no such folder; give one with wheels")
        house = Wheelhouse(host, wanted.wheelhouse)
        shelf = Shelf(host, wanted.wheelhouse)
        return gather(house, shelf, wanted.version, wanted.extras, progress)
    folder = wanted.cache or posixpath.join(wanted.part, "wheels")
    make_folder(folder)
    # A cache serves several roots, and two runs would clear each other's unfinished wheels.
    with _alone(folder):
        archive = Archive(host, folder, wanted.debian)
        return gather(Index(host, folder), archive, wanted.version, wanted.extras, progress)


def _compiler_in(host: Host, root: str) -> Optional[str]:
    return HOST_COMPILER if host.is_file(f"{root}/{HOST_COMPILER}/bin/g++") else None


def _tried(host: Host, root: str, wheels: Sequence[Wheel], progress: Progress) -> Trial:
    progress.start("trying nvcc")
    trial = try_root(host, root, [wheel.project for wheel in wheels])
    progress.finish("")
    if trial.nvcc is None:
        raise PlanError(f"the new nvcc does not run here: {trial.detail}")
    return trial


@contextlib.contextmanager
def _working(host: Host, part: str) -> Iterator[None]:
    """Hold the folder of what is unfinished; after a failure nothing but whole wheels stays in it."""
    make_folder(part)
    with _alone(part):
        try:
            yield
        except PlanError as error:
            kept = _kept(host, part)
            raise type(error)(
                f"{error}; {kept} stay in {part} for the next run" if kept else str(error)
            ) from None
        finally:
            if not _kept(host, part):
                remove(part)


def _kept(host: Host, part: str) -> str:
    """How many files were fetched, in words; "" for none."""
    try:
        names = host.scan(posixpath.join(part, "wheels"))
    except OSError:
        return ""
    wheels = sum(project_of(name) not in ("", META_PACKAGE) for name in names)
    others = sum(name.endswith((".deb", ".a")) for name in names)
    words: List[str] = [f"{wheels} fetched wheels"] if wheels else []
    return " and ".join([*words, f"{others} files of Debian's"] if others else words)


@contextlib.contextmanager
def _alone(folder: str) -> Iterator[None]:
    try:
        with locked(posixpath.join(folder, ".lock")):
            yield
    except BlockingIOError:
        raise PlanError(f"another envdoctor is at work in {folder}; wait for it, or end it") from None


@contextlib.contextmanager
def _told(place: str) -> Iterator[None]:
    """The operating system's refusals as one line."""
    try:
        yield
    except BlockingIOError:
        raise
    except OSError as error:
        raise PlanError(f"{error.filename or place}: {error.strerror or error}") from None
