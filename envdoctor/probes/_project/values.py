"""Values of a setup.py that is read and not run: what is known, what is partly known, and what is not."""

import posixpath
from typing import Any, Dict, List, Optional, Tuple


class _Unknown:
    """What cannot be known without running the script."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = _Unknown()


class Text(str):
    """A string with its line; `partial` when a part of it is not known and stands in it as {name}.

    `branch` are the conditions that could not be decided, outermost first, behind which it is written.
    """

    line: Optional[int]
    partial: bool
    branch: Tuple[int, ...]
    __slots__ = ("branch", "line", "partial")

    def __new__(
        cls,
        text: str,
        line: Optional[int] = None,
        partial: bool = False,
        branch: Tuple[int, ...] = (),
    ) -> "Text":
        made = super().__new__(cls, text)
        made.line, made.partial, made.branch = line, partial, branch
        return made


class Ref:
    """Something imported, by its dotted name: torch.utils.cpp_extension.CUDAExtension."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"Ref({self.name})"


class Function:
    """A function of the script; `node` is its ast.FunctionDef or ast.Lambda, `names` the globals of its module.

    `names` and `file` are None for the script's own.
    """

    def __init__(
        self,
        node: Any,
        names: Optional[Dict[str, Any]] = None,
        file: Optional[str] = None,
    ) -> None:
        self.node = node
        self.names = names
        self.file = file


class Class:
    """A class of the script with the dotted names of its bases."""

    def __init__(self, node: Any, bases: Tuple[str, ...]) -> None:
        self.node = node
        self.bases = bases


class Built:
    """An extension object that the script made."""

    def __init__(self, kind: str, line: int, arguments: Dict[str, Any], branch: Tuple[int, ...]) -> None:
        self.kind = kind
        self.line = line
        self.arguments = arguments
        self.branch = branch

    def certain(self, text: str) -> bool:
        """Whether a string is used whenever the extension is: no further open condition stands before it."""
        branch = text.branch if isinstance(text, Text) else ()
        return branch == self.branch[: len(branch)]


#: Deeper than this no value is looked into (a list may hold itself), longer than this none is made.
DEPTH = 20
SIZE = 4000


def known(value: Any, depth: int = DEPTH) -> bool:
    """Whether a value is known through and through."""
    if isinstance(value, Text):
        return not value.partial
    if isinstance(value, dict):
        value = (*value, *value.values())
    if isinstance(value, (list, tuple, set)):
        return depth > 0 and all(known(item, depth - 1) for item in value)
    return not isinstance(value, (_Unknown, Ref, Function, Class, Built))


def texts(value: Any, depth: int = DEPTH) -> List[str]:
    """Every string in a value of lists and dictionaries, in order."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)) and depth > 0:
        return [text for item in value for text in texts(item, depth - 1)]
    return []


def line_of(value: Any, otherwise: int) -> int:
    """The line of a string that knows it."""
    line = value.line if isinstance(value, Text) else None
    return otherwise if line is None else line


def join_paths(parts: Any) -> Any:
    """os.path.join of what is known of the parts."""
    if not all(isinstance(part, str) for part in parts):
        parts = [part if isinstance(part, str) else Text("{}", partial=True) for part in parts]
    line = next((part.line for part in reversed(parts) if isinstance(part, Text) and part.line), None)
    partial = any(isinstance(part, Text) and part.partial for part in parts)
    return Text(posixpath.join(*parts) if parts else "", line, partial)
