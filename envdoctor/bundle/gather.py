"""What each target gets: resolved for it, fetched, and built here where there is only source and a wheel of it fits."""

import contextlib
import posixpath
from dataclasses import dataclass, replace
from typing import Dict, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import quote

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from envdoctor.bundle.build import build, check_fits
from envdoctor.bundle.cuda_lines import candidates, line, other, words
from envdoctor.bundle.fetch import fetch
from envdoctor.bundle.layout import Contents, Package
from envdoctor.bundle.lock import Chosen, File, chosen, is_lock
from envdoctor.bundle.resolve import find_uv, pip_settings, resolve
from envdoctor.bundle.settings import for_builds
from envdoctor.bundle.source import build_requirements
from envdoctor.bundle.stated import checksums, stated
from envdoctor.bundle.target import BundleError, Target
from envdoctor.host import Host, tarballs, write_whole
from envdoctor.progress import Progress

#: Versions of torch that are tried for a CUDA, and seconds for their list.
_TRIES, _PATIENCE = 8, 120
#: Python that runs the doctor.
_OLDEST = "3.8"


@dataclass(frozen=True)
class Wanted:
    """What is asked for; paths are absolute."""

    requirements: Tuple[str, ...]
    projects: Tuple[str, ...]
    files: Tuple[str, ...]
    targets: Tuple[Target, ...]
    out: str
    #: Projects that are built at the target, by their normal names.
    sources: Tuple[str, ...] = ()

    @property
    def part(self) -> str:
        """The folder of what is unfinished; fetched wheels stay in it after a failure."""
        return f"{self.out}.part"

    @property
    def packed(self) -> bool:
        """Whether it is to be one file."""
        return self.out.endswith(tarballs.SUFFIXES)


class _Gatherer:
    """The programs that do it, and where what they bring is kept."""

    def __init__(self, host: Host, wanted: Wanted, wheels: str, progress: Progress) -> None:
        if not host.own_python:
            raise BundleError("this Python does not know its own path, so that pip cannot be run")
        self.host, self.wanted, self.wheels, self.progress = host, wanted, wheels, progress
        self.python = host.own_python
        self._tried: Dict[Tuple[str, str, str], Chosen] = {}
        config = posixpath.join(wanted.part, "uv.toml")
        write_whole(config, for_builds(wanted.sources, wanted.requirements))
        self.uv = find_uv(host)
        self.options = ("--config-file", config, *pip_settings(host, host.own_python))

    def built(self, what: str, name: str) -> File:
        """The wheel of a project or a release."""
        folder = posixpath.join(self.wanted.part, "built", name)
        return build(self.host, self.python, what, folder, self.progress)

    def resolved(self, asked: Sequence[str], files: Sequence[str], target: Target) -> List[Chosen]:
        """Releases; what is built at the target brings what its build needs."""
        more: List[str] = []
        if any(map(is_lock, files)):
            return self._locked(asked, files, target)
        while True:
            releases = resolve(self.host, self.uv, self.options, [*asked, *more], files, target)
            found = [one if one.wheel else self._once(one, target) for one in releases]
            needed = [each for one in found if one.wheel is None for each in self._needed(one)]
            if set(needed) <= set(more):
                return found
            more += [each for each in needed if each not in more]

    def for_line(self, asked: Sequence[str], files: Sequence[str], target: Target) -> List[Chosen]:
        """The same, with a torch for the CUDA that the target states, where an index has one. Raises BundleError."""
        found = self.resolved(asked, files, target)
        made_for, says = _line(found)
        if target.cuda is None or made_for in (None, target.cuda):
            return found
        for version in (
            self._candidates(target) if says.startswith("torch ") and not any(map(is_lock, files)) else ()
        ):
            self.progress.start(f"resolving for {target.name} with torch {version}")
            with contextlib.suppress(BundleError):
                found = self.resolved([*asked, f"torch=={version}"], files, target)
                if _line(found)[0] == target.cuda:
                    self.progress.note(f"{says} is made for {words(made_for)}: torch {version} is taken")
                    return found
        so, follows, cure = other(str(made_for), says, target.cuda)
        raise BundleError(f"{target.name}: {so}. {follows} Do: {cure}")

    def _candidates(self, target: Target) -> List[str]:
        """Versions of torch to try; pip knows them, from all indexes and folders that it is set up with."""
        platforms = [
            part
            for tag in dict.fromkeys(tag.platform for tag in target.tags())
            for part in ("--platform", tag)
        ]
        options = ("--python-version", target.python, "--only-binary=:all:", *platforms)
        argv = (
            self.python,
            "-m",
            "pip",
            "index",
            "versions",
            "torch",
            "--disable-pip-version-check",
            *options,
        )
        return list(candidates(self.host.run(*argv, timeout=_PATIENCE).stdout, str(target.cuda)))[:_TRIES]

    def _locked(self, asked: Sequence[str], files: Sequence[str], target: Target) -> List[Chosen]:
        """What a lock file has for the target."""
        if asked or len(files) > 1:
            raise BundleError("a lock file is resolved already, with nothing to add: give it alone")
        found = chosen(self.host.read_text(files[0]), target, posixpath.dirname(files[0]))
        found = [one if one.wheel else self._once(one, target) for one in found]
        for one in found:
            if one.wheel is None:
                raise BundleError(
                    f"{one.project}: a lock file does not say what its build needs at the target"
                )
        return found

    def _once(self, one: Chosen, target: Target) -> Chosen:
        key = (one.project, one.version, target.name)
        if key not in self._tried:
            self._tried[key] = self._with_wheel(one, target)
        return self._tried[key]

    def _with_wheel(self, one: Chosen, target: Target) -> Chosen:
        """A release that has only source, built here; without a wheel where that is for the target to do."""
        if one.project in self.wanted.sources and not one.file.is_folder:
            return one
        one, source = self._fetched(one)
        try:
            wheel = self.built(source, f"{target.name}-{one.project}")
            check_fits(wheel, target)
        except BundleError as error:
            if one.file.is_folder:
                raise
            self.progress.note(f"{one.project} {one.version} is built at the target: {error}")
            return one
        return replace(one, wheel=wheel)

    def _fetched(self, one: Chosen) -> Tuple[Chosen, str]:
        """It, with the checksum of its source, and what pip builds: that file, or the folder of a project."""
        if one.file.is_folder:
            return one, one.file.url
        found = fetch([one.file], self.wheels, Progress())
        return replace(one, sdist=found[one.file.name]), posixpath.join(self.wheels, one.file.name)

    def _needed(self, one: Chosen) -> List[str]:
        if one.sdist is None:
            raise BundleError(f"{one.project} {one.version} has neither a wheel nor source")
        fetch([one.sdist], self.wheels, Progress())
        return build_requirements(posixpath.join(self.wheels, one.sdist.name))


def gather(host: Host, wanted: Wanted, wheels: str, progress: Progress) -> Tuple[Tuple[Contents, ...], str]:
    """All of it, in a folder; and the name of the wheel of `packaging` for the doctor. Raises BundleError, OSError."""
    gatherer = _Gatherer(host, wanted, wheels, progress)
    built = [gatherer.built(project, str(number)) for number, project in enumerate(wanted.projects)]
    asked = [*wanted.requirements, *(f"{_project(file)} @ {file.url}" for file in built)]
    resolved: List[Tuple[Target, List[Chosen], Chosen]] = []
    for target in wanted.targets:
        for wheel in built:
            check_fits(wheel, target)
        progress.start(f"resolving for {target.name}")
        releases = gatherer.for_line(asked, wanted.files, target)
        progress.start(f"resolving for {target.name}")
        if not releases:
            raise BundleError(
                f"{target.name}: nothing that is asked for is for it: no requirement, or none whose marker holds"
            )
        progress.finish(f"{len(releases)} packages")
        resolved.append((target, releases, gatherer.resolved(["pip"], (), target)[0]))
    _check_sources(wanted, [one.project for _, some, _ in resolved for one in some])
    packaging = _for_the_doctor(gatherer, wanted)
    every = {one.file.name: one.file for _, some, pip in resolved for one in (*some, pip, packaging)}
    progress.start(f"fetching {len(every)} files")
    found = fetch(tuple(every.values()), wheels, progress)
    progress.finish(f"{sum(file.size or 0 for file in found.values()) / 1e6:.1f} MB")
    _check_stated(host, wanted, resolved, found)
    listed = [
        text for path in wanted.files if not is_lock(path) for text in stated(path, host.read_text, _beside)
    ]
    asked = [*asked, *listed]
    contents = tuple(
        Contents(
            target, _requested(asked, some), tuple(_package(one, found) for one in some), _package(pip, found)
        )
        for target, some, pip in resolved
    )
    return contents, packaging.file.name


def _for_the_doctor(gatherer: _Gatherer, wanted: Wanted) -> Chosen:
    """`packaging` for the oldest Python that runs the doctor, whatever the targets have: install.sh takes any.

    Where an index has none so old, one for the oldest target.
    """
    oldest = min(wanted.targets, key=lambda target: target.minor)
    with contextlib.suppress(BundleError):
        return gatherer.resolved(["packaging"], (), Target(_OLDEST, oldest.platform))[0]
    return gatherer.resolved(["packaging"], (), oldest)[0]


def _check_sources(wanted: Wanted, projects: Sequence[str]) -> None:
    for name in wanted.sources:
        if name not in projects:
            raise BundleError(
                f"--source {name}: not among what is needed; that is {', '.join(sorted({*projects}))}"
            )


def _requested(asked: Sequence[str], some: Sequence[Chosen]) -> Tuple[str, ...]:
    """As it is told: without folders and addresses of the machine that makes it, the version that was there."""
    versions = {one.project: _version(one) for one in some}
    return tuple(_without_place(Requirement(text), versions) for text in asked)


def _without_place(requirement: Requirement, versions: Mapping[str, str]) -> str:
    version = versions.get(canonicalize_name(requirement.name))
    if requirement.url and version:
        requirement.url, requirement.specifier = None, SpecifierSet(f"=={version}")
    return str(requirement)


def _check_stated(
    host: Host,
    wanted: Wanted,
    resolved: Sequence[Tuple[Target, List[Chosen], Chosen]],
    found: Dict[str, File],
) -> None:
    """Raises BundleError for a file that is none of those that a file of requirements states."""
    for path in wanted.files:
        accepted = checksums(path, host.read_text, _beside)
        for one in (each for _, some, _ in resolved for each in some):
            sha256 = _sum_of(one, found, wanted.part)
            if sha256 not in accepted.get(one.project, {sha256}):
                raise BundleError(
                    f"{path}: {one.file.name} has the sha256 {sha256}, which is not among those stated"
                )


def _sum_of(one: Chosen, found: Mapping[str, File], part: str) -> Optional[str]:
    """Of what was fetched: of a wheel that was built here, its source's."""
    if one.sdist and one.wheel and one.wheel.url.startswith(f"file://{quote(part)}/built/"):
        return one.sdist.sha256
    return found[one.file.name].sha256


def _beside(path: str, name: str) -> str:
    """What a file of requirements names."""
    return posixpath.join(posixpath.dirname(path), name)


def _line(found: Sequence[Chosen]) -> Tuple[Optional[str], str]:
    return line((one.project, one.version) for one in found)


def _project(wheel: File) -> str:
    return wheel.name.partition("-")[0]


def _version(one: Chosen) -> str:
    """What is given by its place has none in the lock file."""
    return one.version or one.file.name.split("-")[1]


def _package(one: Chosen, found: Dict[str, File]) -> Package:
    file = found[one.file.name]
    assert file.sha256 is not None and file.size is not None
    return Package(one.project, _version(one), file.name, file.sha256, file.size)
