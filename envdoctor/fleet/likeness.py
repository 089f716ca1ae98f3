"""What two facts have in common where `envdoctor diff` finds nothing between them, and numbers that only wobble."""

import functools
import json
import posixpath
from dataclasses import fields, is_dataclass, replace
from typing import Any, Iterator, Tuple

from envdoctor import diff
from envdoctor.facts import CompiledModule, Folders, Located, NotExamined, Request, System, Unknown

#: Machines that were bought as equal differ by some MiB: of that, so many binary digits are looked at.
_DIGITS = 5
#: In place of what nobody knows; which `diff` compares with nothing.
_NOT_KNOWN = {"not known": True}


def steady(fact: Any) -> Any:
    """The fact without differences that are none between machines.

    Of memory that is the size that it was sold by. In which folder envdoctor was run is no property of a machine.
    """
    if isinstance(fact, System):
        memory = replace(fact.memory, total=about(fact.memory.total), swap=about(fact.memory.swap))
        return replace(fact, memory=memory)
    if isinstance(fact, Request):
        return replace(fact, project=None)
    if isinstance(fact, Folders):
        items = tuple(replace(item, path="") if item.role == "build" else item for item in fact.items)
        return replace(fact, items=items)
    return fact


def about(number: int) -> int:
    """The number rounded to five binary digits, which is to 3 percent."""
    unit = 1 << max(number.bit_length() - _DIGITS, 0)
    return (number + unit // 2) // unit * unit


def likeness(name: str, fact: Any) -> str:
    """Text that is the same for two facts of that name just where they do not differ, as far as they are known."""
    return json.dumps(_like(fact, name), sort_keys=True)


def _like(value: Any, name: str) -> Any:
    if isinstance(value, (Unknown, NotExamined)):
        return _NOT_KNOWN
    if isinstance(value, Located):
        return value.text
    if isinstance(value, tuple):
        return _list(value)
    if isinstance(value, CompiledModule):
        return [diff.identity(value, "path"), dict(_fields(diff.placeless(value), name))]
    if is_dataclass(value):
        return dict(_fields(value, name))
    return value


def _list(value: Tuple[Any, ...]) -> Any:
    """The order counts where members are plain values, as folders on a path are."""
    if any(is_dataclass(item) for item in value):
        return sorted(map(_member, value))
    return list(value)


@functools.lru_cache(maxsize=20_000)
def _member(item: Any) -> str:
    """Most members of a list are those of another machine's."""
    return likeness("", item)


def _fields(value: Any, name: str) -> Iterator[Tuple[str, Any]]:
    kind, wanted = type(value).__name__, diff.CHOSEN.get(name)
    for field in fields(value):
        key = (kind, field.name)
        if key in diff.VOLATILE or field.name in diff.PROVENANCE or (wanted and field.name not in wanted):
            continue
        item = getattr(value, field.name)
        yield field.name, posixpath.basename(item) if item and key in diff.BASENAMES else _like(item, "")
