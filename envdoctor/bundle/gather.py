"""What each target gets: resolved for it, fetched, compared with what was stated, and told without places."""

import contextlib
import posixpath
from dataclasses import dataclass
from typing import Mapping, Optional, Sequence, Tuple

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from envdoctor.bundle.build import check_fits
from envdoctor.bundle.fetch import fetch
from envdoctor.bundle.layout import Contents, Package
from envdoctor.bundle.lock import Chosen, File, is_lock
from envdoctor.bundle.releases import Releases
from envdoctor.bundle.stated import checksums, stated
from envdoctor.bundle.target import BundleError, Target
from envdoctor.bundle.torch_line import resolve_for_line
from envdoctor.bundle.wanted import Wanted
from envdoctor.host import Host
from envdoctor.progress import Progress
from envdoctor.report.style import counted, sized

#: Python that runs the doctor.
_OLDEST = "3.8"


@dataclass(frozen=True)
class _Resolved:
    """What a target is to get, before all of it is here."""

    target: Target
    releases: Tuple[Chosen, ...]
    pip: Chosen


def gather(host: Host, wanted: Wanted, wheels: str, progress: Progress) -> Tuple[Tuple[Contents, ...], str]:
    """All of it, in a folder; and the name of the wheel of `packaging` for the doctor. Raises BundleError, OSError."""
    releases = Releases(host, wanted, wheels, progress)
    built = [releases.build(project, str(number)) for number, project in enumerate(wanted.projects)]
    asked = [*wanted.requirements, *(f"{_project(wheel)} @ {wheel.url}" for wheel in built)]
    resolved = []
    for target in wanted.targets:
        for wheel in built:
            check_fits(wheel, target)
        resolved.append(_resolved(host, releases, asked, wanted, target, progress))
    _check_sources(wanted, resolved)
    packaging = _for_the_doctor(releases, wanted)
    found = _fetched(host, resolved, packaging, wheels, progress)
    _check_stated(host, wanted, releases, resolved, found)
    asked += [
        each for path in wanted.files if not is_lock(path) for each in stated(path, host.read_text, _beside)
    ]
    return tuple(_contents(one, asked, found) for one in resolved), packaging.file.name


def _resolved(
    host: Host, releases: Releases, asked: Sequence[str], wanted: Wanted, target: Target, progress: Progress
) -> _Resolved:
    """Raises BundleError also where nothing is left for it."""
    label = f"resolving for {target.name}"
    progress.start(label)
    found = resolve_for_line(host, releases, asked, wanted.files, target, progress)
    progress.start(label)  # others may have been told meanwhile
    if not found:
        raise BundleError(
            f"{target.name}: nothing that is asked for is for it: no requirement, or none whose marker holds"
        )
    progress.finish(counted(len(found), "package"))
    return _Resolved(target, tuple(found), releases.resolve(["pip"], (), target)[0])


def _check_sources(wanted: Wanted, resolved: Sequence[_Resolved]) -> None:
    projects = {each.project for one in resolved for each in one.releases}
    for name in wanted.sources:
        if name not in projects:
            raise BundleError(
                f"--source {name}: not among what is needed; that is {', '.join(sorted(projects))}"
            )


def _for_the_doctor(releases: Releases, wanted: Wanted) -> Chosen:
    """`packaging` for the oldest Python that runs the doctor, whatever the targets have: install.sh takes any.

    Where an index has none so old, one for the oldest target.
    """
    oldest = min(wanted.targets, key=lambda target: target.minor)
    with contextlib.suppress(BundleError):
        return releases.resolve(["packaging"], (), Target(_OLDEST, oldest.platform))[0]
    return releases.resolve(["packaging"], (), oldest)[0]


def _fetched(
    host: Host, resolved: Sequence[_Resolved], packaging: Chosen, wheels: str, progress: Progress
) -> Mapping[str, File]:
    """Name -> file, with its checksum, of all that travels."""
    every = {each.file.name: each.file for one in resolved for each in (*one.releases, one.pip, packaging)}
    progress.start(f"fetching {counted(len(every), 'file')}")
    found = fetch(host, tuple(every.values()), wheels, progress)
    progress.finish(sized(sum(file.size or 0 for file in found.values())))
    return found


def _check_stated(
    host: Host,
    wanted: Wanted,
    releases: Releases,
    resolved: Sequence[_Resolved],
    found: Mapping[str, File],
) -> None:
    """Raises BundleError for a file that is none of those that a file of requirements states."""
    for path in wanted.files:
        accepted = checksums(path, host.read_text, _beside)
        for each in (each for one in resolved for each in one.releases):
            sha256 = _sum_of(each, releases, found)
            if sha256 not in accepted.get(each.project, {sha256}):
                raise BundleError(
                    f"{path}: {each.file.name} has the sha256 {sha256}, which is not among those stated"
                )


def _sum_of(one: Chosen, releases: Releases, found: Mapping[str, File]) -> Optional[str]:
    """Of what was fetched: of a wheel that was built here, its source's."""
    if one.sdist and one.wheel and releases.is_built(one.wheel):
        return one.sdist.sha256
    return found[one.file.name].sha256


def _beside(path: str, name: str) -> str:
    """What a file of requirements names."""
    return posixpath.join(posixpath.dirname(path), name)


def _contents(one: _Resolved, asked: Sequence[str], found: Mapping[str, File]) -> Contents:
    packages = tuple(_package(each, found) for each in one.releases)
    return Contents(one.target, _requested(asked, packages), packages, _package(one.pip, found))


def _package(one: Chosen, found: Mapping[str, File]) -> Package:
    """What is given by its place has no version in a lock file: its file name has."""
    file = found[one.file.name]
    assert file.sha256 is not None and file.size is not None
    return Package(one.project, one.version or file.name.split("-")[1], file.name, file.sha256, file.size)


def _requested(asked: Sequence[str], packages: Sequence[Package]) -> Tuple[str, ...]:
    """As it is told: without folders and addresses of the machine that makes it, the version that was there."""
    versions = {each.project: each.version for each in packages}
    return tuple(_without_place(Requirement(text), versions) for text in asked)


def _without_place(requirement: Requirement, versions: Mapping[str, str]) -> str:
    version = versions.get(canonicalize_name(requirement.name))
    if requirement.url and version:
        requirement.url, requirement.specifier = None, SpecifierSet(f"=={version}")
    return str(requirement)


def _project(wheel: File) -> str:
    return wheel.name.partition("-")[0]
