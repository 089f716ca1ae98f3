"""Lock files (PEP 751): what a resolver has chosen, and the file that travels. Pure."""

import posixpath
import re
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence
from urllib.parse import quote, unquote, urlsplit

from packaging.markers import InvalidMarker, UndefinedEnvironmentName
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from envdoctor import toml
from envdoctor.bundle.target import BundleError, Target

_NAME = re.compile(r"pylock(?:\.[^.]+)?\.toml")


@dataclass(frozen=True)
class File:
    """Of an index or a folder."""

    url: str  # https: or file:
    sha256: Optional[str]
    size: Optional[int]

    @property
    def is_folder(self) -> bool:
        """Of a project, which is no file yet."""
        return self.url.endswith("/")

    @property
    def name(self) -> str:
        """Its file name."""
        return posixpath.basename(unquote(urlsplit(self.url).path))


@dataclass(frozen=True)
class Chosen:
    """A release of a project; without a wheel for the target it has to be built from source."""

    project: str
    version: str
    wheel: Optional[File]
    sdist: Optional[File]

    @property
    def file(self) -> File:
        """What travels."""
        found = self.wheel or self.sdist
        assert found
        return found


def is_lock(path: str) -> bool:
    """Whether a file's name is that of a lock file."""
    return bool(_NAME.fullmatch(posixpath.basename(path)))


def chosen(text: str, target: Target, folder: str = "/") -> List[Chosen]:
    """Of a lock file in a folder, what the target gets: markers read for it, and the best wheel that it takes.

    Raises BundleError, also for a lock file that is for other Pythons, or has what is neither a wheel nor source.
    """
    document = parsed(text)
    try:
        python = document.get("requires-python", "")
        if not SpecifierSet(python).contains(target.full):
            raise BundleError(f"the lock file is for Python {python}, and {target.name} is asked for")
        rank = {tag: place for place, tag in enumerate(target.tags())}
        packages = [each for each in document.get("packages", ()) if target.holds(each.get("marker", ""))]
        return [_chosen(each, rank, folder) for each in packages]
    except BundleError:
        raise
    except (
        KeyError,
        TypeError,
        AttributeError,
        ValueError,
        InvalidMarker,
        InvalidSpecifier,
        UndefinedEnvironmentName,
    ) as error:
        raise BundleError(f"not a lock file as PEP 751 has it: {type(error).__name__}: {error}") from None


def _chosen(package: Mapping[str, Any], rank: Mapping[Tag, int], folder: str) -> Chosen:
    archive = package.get("archive")
    files = [_file(each, folder) for each in (*package.get("wheels", ()), *((archive,) if archive else ()))]
    source = package.get("sdist") or archive  # a requirement may name either by its place
    project = package.get("directory")  # of a file of requirements, as `-e .`
    sdist, wheel = _file(source, folder) if source else _project(project, folder), _best(files, rank)
    if wheel is None and sdist is None:
        where = (
            ": it is given by a repository; build a wheel of it, and give that" if "vcs" in package else ""
        )
        raise BundleError(f"{package['name']}: there is no wheel for the target, and no source{where}")
    return Chosen(canonicalize_name(package["name"]), package.get("version", ""), wheel, sdist)


def parsed(text: str) -> Dict[str, Any]:
    """A TOML file. Raises BundleError."""
    try:
        return toml.loads(text)
    except ValueError as error:
        raise BundleError(f"not a lock file: {error}") from None


def _file(entry: Mapping[str, Any], folder: str) -> File:
    """Its path, where it has one, is relative to the lock file, and counts more than its address."""
    url = f"file://{quote(posixpath.join(folder, entry['path']))}" if "path" in entry else str(entry["url"])
    file = File(url, entry.get("hashes", {}).get("sha256"), entry.get("size"))
    if file.name in ("", ".", ".."):
        raise BundleError(f"not a lock file as PEP 751 has it: {url!r} names no file")
    return file


def _project(entry: Optional[Mapping[str, Any]], folder: str) -> Optional[File]:
    """A folder, whose address ends so: it is built here."""
    if entry is None:
        return None
    return File(f"file://{quote(posixpath.normpath(posixpath.join(folder, entry['path'])))}/", None, None)


def _best(files: Sequence[File], rank: Mapping[Tag, int]) -> Optional[File]:
    ranked = [(min(places), file) for file in files for places in [_places(file.name, rank)] if places]
    return min(ranked, key=lambda pair: pair[0])[1] if ranked else None


def _places(name: str, rank: Mapping[Tag, int]) -> List[int]:
    return [rank[tag] for tag in tags_of(name) if tag in rank]


def tags_of(name: str) -> Sequence[Tag]:
    """Of a wheel, by its file name; none where that is not a wheel's."""
    try:
        return tuple(parse_wheel_filename(name)[3])
    except InvalidWheelFilename:
        return ()
