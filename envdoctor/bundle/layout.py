"""The files of a bundle beside its wheels: locks, index, checksums, what it says of itself. Pure."""

import html
import json
from dataclasses import dataclass
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Sequence, Tuple
from urllib.parse import quote

from envdoctor.bundle.target import BundleError, Target

SCHEMA = 1
CHECKSUMS, ABOUT, PROOF, WHEELS, SOURCES = "SHA256SUMS", "bundle.json", "proof.json", "wheels", "sources"


@dataclass(frozen=True)
class Package:
    """A wheel in the bundle, or the source of one that is built at the target."""

    project: str
    version: str
    file: str
    sha256: str
    size: int

    @property
    def is_source(self) -> bool:
        """Whether it has to be built."""
        return not self.file.endswith(".whl")

    @property
    def path(self) -> str:
        """In the bundle."""
        return f"{SOURCES if self.is_source else WHEELS}/{self.file}"


@dataclass(frozen=True)
class Contents:
    """What one target installs."""

    target: Target
    requested: Tuple[str, ...]
    packages: Tuple[Package, ...]
    #: The pip that installs them there, whatever pip is there.
    pip: Package

    @property
    def wheels(self) -> Tuple[Package, ...]:
        """What is installed as it is."""
        return tuple(each for each in self.packages if not each.is_source)

    @property
    def sources(self) -> Tuple[Package, ...]:
        """What is built, when all wheels are there: what the builds need is among them."""
        return tuple(each for each in self.packages if each.is_source)

    @property
    def requirements(self) -> str:
        """The file that pip is given."""
        return f"requirements/{self.target.name}.txt"

    @property
    def requirements_of_sources(self) -> str:
        """And then this one."""
        return f"requirements/{self.target.name}-sources.txt"

    @property
    def lock(self) -> str:
        """The file of PEP 751."""
        return f"pylock.{self.target.name}.toml"


def texts(contents: Sequence[Contents]) -> Dict[str, str]:
    """Path in the bundle -> text, of all that is not about the machine that makes it.

    `verify` compares each byte: who changes what is written here gives SCHEMA another number.
    """
    every = sorted({each for one in contents for each in (*one.packages, one.pip)}, key=lambda p: p.file)
    found = {one.requirements: _requirements(one.wheels) for one in contents}
    found.update((one.requirements_of_sources, _requirements(one.sources)) for one in contents if one.sources)
    found.update((one.lock, _lock(one)) for one in contents)
    found.update(_index(every))
    return found


def about(contents: Sequence[Contents], made_by: str) -> Dict[str, Any]:
    """bundle.json."""
    return {
        "schema": SCHEMA,
        "made_by": made_by,
        "targets": [
            {
                **one.target.document(),
                "requested": list(one.requested),
                "requirements": one.requirements,
                "lock": one.lock,
                "pip": vars(one.pip),
                "packages": [vars(each) for each in one.packages],
            }
            for one in contents
        ],
    }


def read_about(text: str) -> Tuple[Contents, ...]:
    """The other way round. Raises BundleError."""
    try:
        document = json.loads(text)
        if document["schema"] != SCHEMA:
            raise BundleError(
                f"{ABOUT}: schema {document['schema']!r}, and this envdoctor reads {SCHEMA}; use another envdoctor"
            )
        return tuple(_contents(each) for each in document["targets"])
    except BundleError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise BundleError(
            f"{ABOUT}: not what a bundle says of itself ({type(error).__name__}: {error})"
        ) from None


def _contents(entry: Mapping[str, Any]) -> Contents:
    packages = tuple(_package(each) for each in entry["packages"])
    gpus = tuple(map(str, entry.get("gpus", ())))
    target = Target(str(entry["python"]), str(entry["platform"]), entry.get("cuda"), gpus)
    return Contents(target, tuple(map(str, entry["requested"])), packages, _package(entry["pip"]))


def _package(entry: Mapping[str, Any]) -> Package:
    words = [str(entry[name]) for name in ("project", "version", "file", "sha256")]
    if "/" in words[2] or words[2].startswith("."):
        raise BundleError(f"{ABOUT}: {words[2]!r} is not the name of a file")
    return Package(words[0], words[1], words[2], words[3], int(entry["size"]))


def _requirements(packages: Iterable[Package]) -> str:
    lines = (f"{one.project}=={one.version} --hash=sha256:{one.sha256}\n" for one in packages)
    return "".join(sorted(lines))


def _lock(one: Contents) -> str:
    """PEP 751, with paths relative to the file."""
    lines = ['lock-version = "1.0"', 'created-by = "envdoctor"']
    lines.append(f"requires-python = {json.dumps('=={}.{}.*'.format(*one.target.minor))}")
    for each in one.packages:
        lines += [
            "",
            "[[packages]]",
            f"name = {json.dumps(each.project)}",
            f"version = {json.dumps(each.version)}",
        ]
        lines.append("[packages.sdist]" if each.is_source else "[[packages.wheels]]")
        lines += [f"name = {json.dumps(each.file)}", f"path = {json.dumps(each.path)}", f"size = {each.size}"]
        lines.append(f"hashes = {{ sha256 = {json.dumps(each.sha256)} }}")
    return "\n".join(lines) + "\n"


def _index(packages: Sequence[Package]) -> Iterator[Tuple[str, str]]:
    """PEP 503: pip and uv take it from the folder, or from any server of files."""
    of: Dict[str, List[Package]] = {}
    for each in packages:
        of.setdefault(each.project, []).append(each)
    for project, files in of.items():
        links = ((f"../../{quote(each.path)}#sha256={each.sha256}", each.file) for each in files)
        yield f"simple/{project}/index.html", _page(links)
    yield "simple/index.html", _page((f"{project}/", project) for project in of)


def _page(links: Iterable[Tuple[str, str]]) -> str:
    lines = (f'<a href="{html.escape(place)}">{html.escape(text)}</a><br>\n' for place, text in links)
    return "<!DOCTYPE html>\n<html><body>\n" + "".join(lines) + "</body></html>\n"


def checksums(sums: Mapping[str, str]) -> str:
    """As `sha256sum --check` reads them."""
    return "".join(f"{sums[path]}  {path}\n" for path in sorted(sums))
