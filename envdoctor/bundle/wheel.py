"""A wheel read from its file alone: what is compiled in it, what that needs, and where its name or RECORD is wrong."""

import posixpath
import re
from dataclasses import dataclass
from typing import Dict, Iterator, List, Tuple

from envdoctor.bundle.compiled import Compiled, beyond
from envdoctor.bundle.lock import tags_of
from envdoctor.bundle.reading import read_compiled
from envdoctor.bundle.target import BundleError
from envdoctor.host import Host, archives
from envdoctor.requirements import LEGACY_MANYLINUX

_LEGACY = {name: (2, minor) for minor, name in LEGACY_MANYLINUX.items()}
#: Where toolkits are installed, on any machine.
_INSTALLED = ("/usr/local/cuda", "/opt/rocm")
_PLATFORM = re.compile(
    r"(?:manylinux_(?P<major>\d+)_(?P<minor>\d+)|(?P<legacy>manylinux\d+)|linux)_(?P<machine>\w+)"
)


@dataclass(frozen=True)
class Checked:
    """What is in a wheel, and what is wrong with it, a line each."""

    name: str
    compiled: Tuple[Compiled, ...]
    wrong: Tuple[str, ...]


def check_wheel(host: Host, path: str, work: str) -> Checked:
    """Read it, with room for its largest file below `work`. Raises BundleError for what is no wheel, OSError."""
    name = posixpath.basename(path)
    try:
        wrong = list(archives.check_record(path))
        members = archives.members(path)
    except archives.BrokenArchive as error:
        raise BundleError(f"{name}: {error}") from None
    found = read_compiled(host, path, work)
    wrong += _names(name, members, found)
    wrong += _paths(found)
    return Checked(name, found, tuple(wrong))


def _names(name: str, members: List[str], found: Tuple[Compiled, ...]) -> Iterator[str]:
    """Where the tags of a file name promise what the files do not hold."""
    tags = tags_of(name)
    if not tags:
        yield "its name is not that of a wheel: NAME-VERSION-PYTHON-ABI-PLATFORM.whl"
        return
    if any(tag.platform == "any" for tag in tags):
        if found:
            yield f"its name says any platform, and {found[0].member} is for {found[0].machine}"
        return
    if not found:
        yield "its name says a platform, and nothing in it is compiled: the extension was left out"
    if any(tag.abi not in ("none", "abi3") for tag in tags) and not any(
        _is_extension(each) for each in members
    ):
        yield "its name says one Python's ABI, and no extension module is in it: the extension was left out"
    yield from _floors({tag.platform for tag in tags}, found)


def _paths(found: Tuple[Compiled, ...]) -> Iterator[str]:
    for each in found:
        for path in each.rpath:
            if path.startswith("/") and not path.startswith(_INSTALLED):
                yield f"{each.member}: looks for libraries in {path}, a folder of the machine that built it"


def _is_extension(member: str) -> bool:
    return bool(re.search(r"\.(?:cpython-[\w-]+|abi3)?\.?so$", member))


def _floors(platforms: "set[str]", found: Tuple[Compiled, ...]) -> Iterator[str]:
    promised: Dict[str, Tuple[int, int]] = {}
    machines = set()
    for match in filter(None, map(_PLATFORM.fullmatch, sorted(platforms))):
        machines.add(match["machine"])
        if match["legacy"] in _LEGACY:
            promised[match[0]] = _LEGACY[match["legacy"]]
        elif match["major"]:
            promised[match[0]] = int(match["major"]), int(match["minor"])
    for each in found:
        if machines and each.machine not in machines:
            yield f"{each.member}: is for {each.machine}, and its name says {', '.join(sorted(machines))}"
        for platform, glibc in promised.items():
            lacks = beyond(each, glibc)
            if lacks:
                yield f"{each.member}: needs {lacks}, and its name says {platform}"
                break
