"""Releases for a target: resolved for it, and built here where there is only source and a wheel of it fits."""

import posixpath
from dataclasses import replace
from typing import Dict, List, Sequence, Tuple
from urllib.parse import quote

from envdoctor.bundle.build import build, check_fits
from envdoctor.bundle.fetch import fetch
from envdoctor.bundle.lock import Chosen, File, chosen, is_lock
from envdoctor.bundle.resolve import find_uv, pip_settings, resolve
from envdoctor.bundle.settings import for_builds
from envdoctor.bundle.source import build_requirements
from envdoctor.bundle.target import BundleError, Target
from envdoctor.bundle.wanted import Wanted
from envdoctor.host import Host, write_whole
from envdoctor.progress import Progress


class Releases:
    """The programs that find and build them, and where what they bring is kept."""

    def __init__(self, host: Host, wanted: Wanted, wheels: str, progress: Progress) -> None:
        if not host.own_python:
            raise BundleError("this Python does not know its own path, so that pip cannot be run")
        self.python = host.own_python
        self._host, self._wanted, self._wheels, self._progress = host, wanted, wheels, progress
        self._tried: Dict[Tuple[str, str, str], Chosen] = {}
        self._built = posixpath.join(wanted.part, "built")
        config = posixpath.join(wanted.part, "uv.toml")
        write_whole(config, for_builds(wanted.sources, wanted.requirements))
        self._uv = find_uv(host)
        self._options = ("--config-file", config, *pip_settings(host, host.own_python))

    def build(self, what: str, name: str) -> File:
        """The wheel of a project or a release, in a folder of that name."""
        return build(self._host, self.python, what, posixpath.join(self._built, name), self._progress)

    def is_built(self, file: File) -> bool:
        """Whether it comes from here, not from an index or a folder of somebody's."""
        return file.url.startswith(f"file://{quote(self._built)}/")

    def resolve(self, asked: Sequence[str], files: Sequence[str], target: Target) -> List[Chosen]:
        """All that is asked for and that this needs; what is built at the target brings what its build needs."""
        if any(map(is_lock, files)):
            return self._locked(asked, files, target)
        more: List[str] = []
        while True:
            releases = resolve(self._host, self._uv, self._options, [*asked, *more], files, target)
            found = [self._with_wheel(one, target) for one in releases]
            needed = [each for one in found if one.wheel is None for each in self._for_its_build(one)]
            if set(needed) <= set(more):
                return found
            more += [each for each in needed if each not in more]

    def _locked(self, asked: Sequence[str], files: Sequence[str], target: Target) -> List[Chosen]:
        """What a lock file has for the target."""
        if asked or len(files) > 1:
            raise BundleError("a lock file is resolved already, with nothing to add: give it alone")
        releases = chosen(self._host.read_text(files[0]), target, posixpath.dirname(files[0]))
        found = [self._with_wheel(one, target) for one in releases]
        for one in found:
            if one.wheel is None:
                raise BundleError(
                    f"{one.project}: a lock file does not say what its build needs at the target"
                )
        return found

    def _with_wheel(self, one: Chosen, target: Target) -> Chosen:
        """A release with its wheel, built here, once, where it has only source and that is not for the target to do."""
        if one.wheel or (one.project in self._wanted.sources and not one.file.is_folder):
            return one
        key = (one.project, one.version, target.name)
        if key not in self._tried:
            self._tried[key] = self._built_here(one, target)
        return self._tried[key]

    def _built_here(self, one: Chosen, target: Target) -> Chosen:
        """Without a wheel where it does not build, or the target does not take what is built."""
        one, source = self._fetched(one)
        try:
            wheel = self.build(source, f"{target.name}-{one.project}")
            check_fits(wheel, target)
        except BundleError as error:
            if one.file.is_folder:
                raise
            self._progress.note(f"{one.project} {one.version} is built at the target: {error}")
            return one
        return replace(one, wheel=wheel)

    def _fetched(self, one: Chosen) -> Tuple[Chosen, str]:
        """It, with the checksum of its source, and what pip builds: that file, or the folder of a project."""
        if one.file.is_folder:
            return one, one.file.url
        found = fetch(self._host, [one.file], self._wheels, Progress())
        return replace(one, sdist=found[one.file.name]), posixpath.join(self._wheels, one.file.name)

    def _for_its_build(self, one: Chosen) -> List[str]:
        """What it wants to be built with; its source is fetched for that."""
        if one.sdist is None:
            raise BundleError(f"{one.project} {one.version} has neither a wheel nor source")
        fetch(self._host, [one.sdist], self._wheels, Progress())
        return build_requirements(posixpath.join(self._wheels, one.sdist.name))
