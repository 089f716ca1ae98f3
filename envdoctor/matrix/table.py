"""The table of what is supported (ci/matrix.toml), read strictly: what it says that is not understood is an error."""

import re
from dataclasses import MISSING, dataclass, fields
from typing import Any, Dict, Iterator, Mapping, Optional, Sequence, Tuple, Type, TypeVar

from envdoctor import architectures, compat, toml

_Row = TypeVar("_Row")
_VERSION = re.compile(r"\d+\.\d+")
#: REGISTRY/NAME:TAG, REGISTRY/NAME@DIGEST, or both: what a Dockerfile can say after FROM.
_IMAGE = re.compile(r"[a-z0-9][\w./-]*(?::\d+/[\w./-]+)?(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?")


class TableError(Exception):
    """One line: what is wrong with the table, and where."""


@dataclass(frozen=True)
class Pythons:
    """Versions of Python, as "3.11"."""

    tested: Tuple[str, ...]
    builder: str


@dataclass(frozen=True)
class WheelBuild:
    """How the wheel is built, and what it must do in a new environment. `{archs}` in a setting is the line's list."""

    archs: Tuple[str, ...]
    settings: Tuple[str, ...] = ()
    requires: Tuple[str, ...] = ()
    tests: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Platform:
    """Where wheels are built; `runner` is GitHub's name of a machine."""

    name: str
    runner: str


@dataclass(frozen=True)
class CudaLine:
    """A CUDA release, the platforms on which its compiler runs, and images that have it."""

    version: str
    platforms: Tuple[str, ...]
    components: Tuple[str, ...] = ()  # of its toolkit, beside the compiler: `toolkit create --with`
    image: str = ""
    runtime_image: str = ""

    @property
    def release(self) -> Tuple[int, int]:
        """The version to compare with."""
        found = compat.release(self.version)
        assert found is not None, "read() has looked"
        return found


@dataclass(frozen=True)
class Served:
    """An environment in which one and the same wheel is tried."""

    python: str
    requires: Tuple[str, ...]


@dataclass(frozen=True)
class Github:
    """Commands of the workflows' steps, a line each."""

    test: str  # what must pass, in a checkout
    setup: Tuple[str, ...] = ()  # before `envdoctor` can be run
    envdoctor: str = "envdoctor"
    release: str = ""  # fills dist/release with a platform's wheel; without it there is no such workflow
    sources: str = ""  # fills dist/release with the source distribution
    extra_index: str = ""  # pip's, of the jobs that install what wheels require


@dataclass(frozen=True)
class Docker:
    """What images are made of, and what they start with."""

    base: str  # of a line without images of its own: a small Debian or Ubuntu
    offline_base: str  # has Python, of the builder's version: nothing is downloaded into it
    pip: str  # the version that builds
    entrypoint: Tuple[str, ...]
    packages: Tuple[str, ...] = ()  # of the distribution, for the build, beside Python
    setup: Tuple[str, ...] = ()  # before `toolkit create` can be run
    title: str = ""
    description: str = ""
    licenses: str = ""


@dataclass(frozen=True)
class Table:
    """All of it, CUDA lines from the oldest on."""

    python: Pythons
    wheel: WheelBuild
    platforms: Tuple[Platform, ...]
    cuda: Tuple[CudaLine, ...]
    served: Tuple[Served, ...]
    github: Github
    docker: Optional[Docker] = None

    def line(self, version: str) -> CudaLine:
        """The CUDA line of that version. Raises TableError."""
        for each in self.cuda:
            if each.version == version:
                return each
        known = ", ".join(each.version for each in self.cuda)
        raise TableError(f"CUDA {version} is not in the table; it has {known}")


def read(text: str) -> Table:
    """The table in a file's text. Raises TableError."""
    document = _document(text)
    unknown = sorted(set(document) - {"python", "wheel", "platform", "cuda", "served", "github", "docker"})
    if unknown:
        raise TableError(f"{unknown[0]} is no part of the table")
    lines = _rows(CudaLine, document, "cuda")
    _check_versions([line.version for line in lines])
    table = Table(
        _row(Pythons, document.get("python"), "[python]"),
        _row(WheelBuild, document.get("wheel"), "[wheel]"),
        _rows(Platform, document, "platform"),
        tuple(sorted(lines, key=lambda line: line.release)),
        _rows(Served, document, "served"),
        _row(Github, document.get("github"), "[github]"),
        _row(Docker, document["docker"], "[docker]") if "docker" in document else None,
    )
    _check(table)
    return table


def _document(text: str) -> Dict[str, Any]:
    try:
        return toml.loads(text)
    except ValueError as error:
        raise TableError(f"not TOML: {error}") from None


def _rows(kind: Type[_Row], document: Mapping[str, Any], name: str) -> Tuple[_Row, ...]:
    found = document.get(name, [])
    if not isinstance(found, list):
        raise TableError(f"{name} is a list: write [[{name}]]")
    return tuple(_row(kind, each, f"[[{name}]] number {place}") for place, each in enumerate(found, 1))


def _row(kind: Type[_Row], found: Any, place: str) -> _Row:
    """One dataclass of strings and lists of strings, its fields' names with hyphens."""
    if not isinstance(found, dict):
        raise TableError(f"{place} is missing")
    row = {key.replace("-", "_"): value for key, value in found.items()}
    known = {each.name: each.type for each in fields(kind)}  # type: ignore[arg-type]
    for name, value in row.items():
        if name not in known:
            raise TableError(
                f"{place}: {name.replace('_', '-')} is not one of {', '.join(known).replace('_', '-')}"
            )
        row[name] = _value(value, known[name] is str, f"{place}: {name.replace('_', '-')}")
    for each in fields(kind):  # type: ignore[arg-type]
        if each.name not in row and each.default is MISSING:
            raise TableError(f"{place}: {each.name.replace('_', '-')} is missing")
    return kind(**row)


def _value(value: Any, single: bool, place: str) -> Any:
    if single and isinstance(value, str):
        return value
    if not single and isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(value)
    raise TableError(
        f"{place} is {'a string' if single else 'a list of strings'}, versions in quotes: not {value!r}"
    )


def _check(table: Table) -> None:
    """What one row says of another."""
    _check_versions([*table.python.tested, table.python.builder, *(each.python for each in table.served)])
    _check_known(
        [name for line in table.cuda for name in line.platforms],
        [each.name for each in table.platforms],
        "platform",
    )
    _check_once([line.version for line in table.cuda], "CUDA")
    for arch in table.wheel.archs:
        if "+" in arch or architectures.parse(arch) is None:
            raise TableError(f"[wheel]: {arch!r} is no architecture such as 9.0")
    if not table.cuda:
        raise TableError("there is no [[cuda]] in it")
    if table.docker is not None and not table.docker.entrypoint:
        raise TableError("[docker]: entrypoint is empty; say what an image starts with")
    for image in _images(table):
        if not _IMAGE.fullmatch(image) or not {":", "@"} & set(image):
            raise TableError(
                f"{image!r} is no image such as docker.io/library/debian:12-slim or NAME@sha256:..."
            )


def _images(table: Table) -> Iterator[str]:
    for line in table.cuda:
        yield from filter(None, (line.image, line.runtime_image))
    if table.docker is not None:
        yield from (table.docker.base, table.docker.offline_base)


def _check_versions(versions: Sequence[str]) -> None:
    for version in versions:
        if not _VERSION.fullmatch(version):
            raise TableError(f"{version!r} is no version such as 3.11 or 13.0")


def _check_known(names: Sequence[str], known: Sequence[str], kind: str) -> None:
    for name in names:
        if name not in known:
            raise TableError(f"{name!r} is no {kind} of the table; it has {', '.join(known) or 'none'}")


def _check_once(names: Sequence[str], kind: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise TableError(f"{kind} {name} is there twice")
