"""What files of requirements state: projects, and checksums, on which pip insists and uv, resolving, does not. Pure."""

import re
from typing import Callable, Dict, Iterator, List, Set

from packaging.utils import canonicalize_name

from envdoctor.bundle.target import BundleError
from envdoctor.requirements import parse

_HASH = re.compile(r"\s--hash[= ](?P<kind>\w+):(?P<digest>[0-9a-fA-F]+)")
_PROJECT = re.compile(r"\s*(?P<name>[A-Za-z0-9][\w.-]*)")
_INCLUDED = re.compile(r"\s*(?:-r|--requirement)[= ]?\s*(?P<path>\S+)")

#: The text of a file, by its path; and the path of one that another names.
Read = Callable[[str], str]
Beside = Callable[[str, str], str]


def checksums(path: str, read: Read, beside: Beside) -> Dict[str, Set[str]]:
    """Project -> sha256 of the files that may be taken for it. Raises BundleError for checksums of another kind."""
    found: Dict[str, Set[str]] = {}
    for line in _lines(path, read, beside, set()):
        project, hashes = _PROJECT.match(line), list(_HASH.finditer(line))
        if project and hashes:
            accepted = {each["digest"].lower() for each in hashes if each["kind"] == "sha256"}
            if not accepted:
                raise BundleError(f"{path}: {project['name']} has no sha256 among its checksums; add it")
            found.setdefault(canonicalize_name(project["name"]), set()).update(accepted)
    return found


def stated(path: str, read: Read, beside: Beside) -> List[str]:
    """Its requirements, without options and places."""
    lines = (line.partition(" --hash")[0] for line in _lines(path, read, beside, set()))
    return [str(requirement) for requirement in map(parse, lines) if requirement]


def _lines(path: str, read: Read, beside: Beside, seen: Set[str]) -> Iterator[str]:
    """Of a file and of those that it includes; lines that go on after a backslash as one."""
    if path in seen:
        return
    seen.add(path)
    for line in read(path).replace("\\\r\n", " ").replace("\\\n", " ").splitlines():
        included = _INCLUDED.match(line)
        if included:
            yield from _lines(beside(path, included["path"]), read, beside, seen)
        else:
            yield line
