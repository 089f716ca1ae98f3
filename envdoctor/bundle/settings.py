"""Where pip looks for packages, as the user has set it up, in the words of uv. Pure."""

import ast
import json
import re
from typing import Dict, Iterator, List, Sequence, Tuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_LINE = re.compile(r"(?P<section>[^=\s]+?)\.(?P<name>[a-z][a-z-]*)=(?P<value>'.*'|\".*\")")
#: pip's options that say where packages come from -> uv's; those of lists may be given more than once.
_OPTIONS = {
    "index-url": "--default-index",
    "extra-index-url": "--index",
    "find-links": "--find-links",
    "constraint": "--constraints",
    "trusted-host": "--allow-insecure-host",
}
#: What overrides what, last: `pip config list` names a section for each setting.
_SECTIONS = ("global", "install", "download", ":env:")


def read(listed: str) -> Dict[str, List[str]]:
    """Option -> values, of what `pip config list` prints."""
    found: Dict[str, Tuple[int, List[str]]] = {}
    for match in map(_LINE.fullmatch, listed.splitlines()):
        if match is None or match["section"] not in _SECTIONS:
            continue
        rank, values = _SECTIONS.index(match["section"]), str(ast.literal_eval(match["value"])).split()
        if rank >= found.get(match["name"], (-1, []))[0]:
            found[match["name"]] = (rank, values)
    return {name: values for name, (_, values) in found.items()}


def for_builds(sources: Sequence[str], requirements: Sequence[str]) -> str:
    """uv.toml: what is asked for is there when a project is asked for its metadata, as it will be when it is built.

    Extensions of torch import it in setup.py, and few say so.
    """
    lines = ["[extra-build-dependencies]"]
    for project in sources:
        others = [text for text in requirements if canonicalize_name(Requirement(text).name) != project]
        lines.append(f"{json.dumps(project)} = {json.dumps([*others, 'setuptools', 'wheel'])}")
    return "\n".join(lines) + "\n"


def for_uv(settings: Dict[str, List[str]]) -> Iterator[str]:
    """Arguments of `uv pip compile`. All indexes count alike, as they do for pip: the best version is taken."""
    yield from ("--index-strategy", "unsafe-best-match")
    if settings.get("no-index", ["0"])[0].lower() in ("1", "true", "yes", "on"):
        yield "--no-index"
    for name, option in _OPTIONS.items():
        for value in settings.get(name, ()):
            yield from (option, value)
