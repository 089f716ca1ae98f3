"""Facts as JSON and back: driven by the dataclasses themselves, so that a new fact needs nothing here."""

import dataclasses
import functools
from typing import Any, Dict, Mapping, Tuple, Type, TypeVar, Union, get_type_hints

from envdoctor.facts import ROLES, Facts, NotExamined, Unknown

SCHEMA = "envdoctor.facts/1"
T = TypeVar("T")


class FactsError(ValueError):
    """A facts file that cannot be read; the message says where and why."""


def encode(value: Any) -> Any:
    """A fact as JSON values; Unknown and NotExamined stay distinct from null."""
    if isinstance(value, Unknown):
        return {"unknown": value.reason}
    if isinstance(value, NotExamined):
        return {"not_examined": True}
    if dataclasses.is_dataclass(value):
        return {field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    return value


def facts_to_json(facts: Facts) -> Dict[str, Any]:
    """The whole document, with its schema name first."""
    return {"schema": SCHEMA, **encode(facts)}


def facts_from_json(document: Any) -> Facts:
    """The facts of a document that `facts_to_json` made; raises FactsError.

    Fields that the document lacks (an older file) are NotExamined; fields that we do not know are refused.
    """
    if not isinstance(document, Mapping) or document.get("schema") != SCHEMA:
        found = document.get("schema") if isinstance(document, Mapping) else type(document).__name__
        raise FactsError(f"not a facts file: its schema is {found!r}, wanted {SCHEMA!r}")
    known = {name: value for name, value in document.items() if name != "schema"}
    facts = _decode_dataclass(Facts, known, "facts")
    if facts.request.role not in ROLES:  # no rule would be asked, and silence would look like a pass
        raise FactsError(f"facts.request.role: {facts.request.role!r:.60} is not one of {', '.join(ROLES)}")
    return facts


def _decode(hint: Any, value: Any, where: str) -> Any:
    origin = getattr(hint, "__origin__", None)
    if origin is Union:
        return _decode_union(hint.__args__, value, where)
    if origin is tuple:
        return _decode_tuple(hint.__args__, value, where)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _decode_dataclass(hint, value, where)
    wanted = (int, float) if hint is float else (hint,)
    if not isinstance(value, wanted) or (hint is int and isinstance(value, bool)):
        raise FactsError(f"{where}: {value!r:.60} is not {getattr(hint, '__name__', hint)}")
    return value


def _decode_union(hints: Tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in hints:
        return None
    if isinstance(value, Mapping) and Unknown in hints and set(value) == {"unknown"}:
        return Unknown(str(value["unknown"]))
    if isinstance(value, Mapping) and NotExamined in hints and set(value) == {"not_examined"}:
        return NotExamined()
    inner = [hint for hint in hints if hint not in (type(None), Unknown, NotExamined)]
    return _decode(inner[0], value, where)


def _decode_tuple(hints: Tuple[Any, ...], value: Any, where: str) -> Any:
    if not isinstance(value, list):
        raise FactsError(f"{where}: {value!r:.60} is not a list")
    if hints[-1] is Ellipsis:
        hints = (hints[0],) * len(value)
    if len(hints) != len(value):
        raise FactsError(f"{where}: {len(value)} values instead of {len(hints)}")
    return tuple(_decode(hint, item, f"{where}[{i}]") for i, (hint, item) in enumerate(zip(hints, value)))


@functools.lru_cache(maxsize=None)
def _hints(kind: Any) -> Dict[str, Any]:
    """Thousands of values have a few dozen types, whose hints are text until they are asked for."""
    return get_type_hints(kind)


def _decode_dataclass(kind: Type[T], value: Any, where: str) -> T:
    if not isinstance(value, Mapping):
        raise FactsError(f"{where}: {value!r:.60} is not an object")
    hints = _hints(kind)  # type: ignore[arg-type] # classes can be hashed, whatever their instances are
    strange = sorted(set(value) - set(hints))
    if strange:
        raise FactsError(f"{where}: unknown field {strange[0]!r}; was the file made by a newer envdoctor?")
    try:
        return kind(**{name: _decode(hints[name], item, f"{where}.{name}") for name, item in value.items()})
    except TypeError as error:
        raise FactsError(f"{where}: {str(error).replace('__init__() ', '')}") from None
