"""Lock files (PEP 751): what a resolver has chosen, and the file that travels. Pure."""

import posixpath
import sys
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence
from urllib.parse import unquote, urlsplit

from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from envdoctor.bundle.target import BundleError, Target


@dataclass(frozen=True)
class File:
    """Of an index or a folder."""

    url: str  # https: or file:
    sha256: Optional[str]
    size: Optional[int]

    @property
    def name(self) -> str:
        """Its file name."""
        return unquote(posixpath.basename(urlsplit(self.url).path))


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


def chosen(text: str, target: Target) -> List[Chosen]:
    """Of a pylock.toml, what the target gets: markers read for it, and the best wheel that it takes."""
    document = parsed(text)
    rank = {tag: place for place, tag in enumerate(target.tags())}
    return [
        Chosen(
            canonicalize_name(package["name"]),
            package.get("version", ""),
            _best([_file(each) for each in (*package.get("wheels", ()), *_archive(package))], rank),
            _file(package["sdist"]) if "sdist" in package else None,
        )
        for package in document.get("packages", ())
        if target.holds(package.get("marker", ""))
    ]


def parsed(text: str) -> Dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]
    try:
        document: Dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BundleError(f"not a lock file: {error}") from None
    return document


def _archive(package: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """A wheel that a requirement names by its place."""
    archive = package.get("archive")
    return (archive,) if archive and str(_url(archive)).endswith(".whl") else ()


def _file(entry: Mapping[str, Any]) -> File:
    return File(_url(entry), entry.get("hashes", {}).get("sha256"), entry.get("size"))


def _url(entry: Mapping[str, Any]) -> str:
    if "url" in entry:
        return str(entry["url"])
    return f"file://{entry['path']}"


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
