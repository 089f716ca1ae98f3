"""pyproject.toml, setup.cfg and requirement files."""

import re
from typing import Any, Dict, Iterator, List, Optional, Tuple

from envdoctor.facts import Located
from envdoctor.probes._project import toml
from envdoctor.probes._project.tree import Tree

PYPROJECT = "pyproject.toml"
_SECTION = re.compile(r"\[([^\]]+)\]")
_OPTION = re.compile(r"([\w.-]+)\s*[=:]\s*(.*)")
_INCLUDED = re.compile(r"(?:-r|--requirement)[\s=]+(\S+)")


class Pyproject:
    """pyproject.toml as the probe needs it; empty when there is none or it cannot be read."""

    def __init__(self, document: Optional[toml.Document]) -> None:
        self.document = document

    def get(self, *path: str) -> Any:
        return self.document.get(*path) if self.document else None

    def located(self, *path: str) -> Optional[Located]:
        """A string with its line."""
        value = self.get(*path)
        if self.document is None or not isinstance(value, str):
            return None
        return Located(value, PYPROJECT, self.document.line(*path))

    def strings(self, *path: str) -> Tuple[Located, ...]:
        """The strings of a list with their lines."""
        values = self.get(*path)
        if self.document is None or not isinstance(values, list):
            return ()
        pairs = enumerate(values)
        return tuple(
            Located(v, PYPROJECT, self.document.line(*path, i)) for i, v in pairs if isinstance(v, str)
        )

    @property
    def builds(self) -> bool:
        """Whether it describes something to build, and not tools alone."""
        return (
            isinstance(self.get("build-system"), dict)
            or isinstance(self.get("project"), dict)
            or bool(self.get("tool", "poetry"))
        )


def pyproject(tree: Tree) -> Pyproject:
    """Read pyproject.toml."""
    text = tree.text(PYPROJECT)
    if text is None:
        return Pyproject(None)
    try:
        return Pyproject(toml.parse(text))
    except (toml.TomlError, RecursionError) as error:
        tree.note(f"{PYPROJECT}: not TOML: {error}")
        return Pyproject(None)


def setup_cfg(tree: Tree) -> Dict[str, List[Located]]:
    """ "section.option" to its lines of setup.cfg."""
    found: Dict[str, List[Located]] = {}
    section, option = "", ""
    for number, line in enumerate((tree.text("setup.cfg") or "").splitlines(), 1):
        text = line.strip()
        if not text or text.startswith(("#", ";")):
            continue
        header, entry = _SECTION.fullmatch(text), _OPTION.fullmatch(text)
        if header and not line[0].isspace():
            section, option = header.group(1).strip(), ""
        elif entry and not line[0].isspace():
            option = f"{section}.{entry.group(1).replace('-', '_')}"
            found[option] = [Located(entry.group(2), "setup.cfg", number)] if entry.group(2) else []
        elif option and line[0].isspace():
            found[option].append(Located(text, "setup.cfg", number))
    return found


def requirement_files(tree: Tree) -> Tuple[Located, ...]:
    """Lines of requirements.txt (else of the requirements*.txt that are not for tests and the like), -r followed.

    Options (-f, -i, --extra-index-url) stay as written.
    """
    names = sorted(name for name in tree.names(".") if re.fullmatch(r"requirements?([-_.]\w+)*\.txt", name))
    names = [name for name in names if not re.search(r"dev|test|doc|lint|example|bench|ci|opt|extra", name)]
    if "requirements.txt" in names:
        names = ["requirements.txt"]
    found: List[Located] = []
    seen: List[str] = []
    for name in names:
        found.extend(_requirements(tree, name, seen, 0))
    return tuple(found)


def _requirements(tree: Tree, file: str, seen: List[str], depth: int) -> Iterator[Located]:
    if file in seen:
        return
    seen.append(file)
    for number, line in enumerate((tree.text(file) or "").replace("\\\n", " ").splitlines(), 1):
        text = re.sub(r"(^|\s)#.*", "", line).strip()
        included = _INCLUDED.match(text)
        if included and depth < 2:
            inner = tree.relative(included.group(1)) if "/" not in file else None
            yield from _requirements(tree, inner, seen, depth + 1) if inner else ()
        elif text:
            yield Located(re.sub(r"\s+--hash=\S+", "", text), file, number)
