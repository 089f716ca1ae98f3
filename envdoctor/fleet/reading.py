"""Facts from their texts; a package or a module that many machines have is read once, however much else they differ."""

import json
import marshal
from dataclasses import replace
from typing import Any, Dict, Tuple

from envdoctor.facts import Facts
from envdoctor.facts.codec import SCHEMA, FactsError, facts_from_json
from envdoctor.fleet.likeness import steady

#: The text of a field that a document lacks: an older envdoctor did not look.
ABSENT = ""
#: Members of lists that are kept.
_KEPT = 20_000


class Reader:
    """Reads facts, and remembers the members of their lists."""

    def __init__(self) -> None:
        self._members: Dict[Tuple[str, bytes], Any] = {}

    def fact(self, name: str, text: str) -> Any:
        """As machines are compared by it. Raises ValueError for what is no such fact."""
        if text == ABSENT:
            return getattr(Facts(), name)
        try:
            value = json.loads(text)
        except RecursionError:
            raise FactsError(f"facts.{name}: nested too deeply") from None
        if isinstance(value, dict) and isinstance(value.get("items"), list) and value["items"]:
            return steady(self._with_items(name, value))
        return steady(_decoded(name, value))

    def _with_items(self, name: str, value: Dict[str, Any]) -> Any:
        whole = _decoded(name, {**value, "items": []})
        try:
            items = tuple(self._member(name, value, item) for item in value["items"])
        except ValueError:
            return _decoded(name, value)  # which says where it is wrong
        return replace(whole, items=items)

    def _member(self, name: str, value: Dict[str, Any], item: Any) -> Any:
        key = (name, marshal.dumps(item, 2))
        if key not in self._members:
            if len(self._members) >= _KEPT:
                self._members.clear()
            (self._members[key],) = _decoded(name, {**value, "items": [item]}).items
        return self._members[key]


def _decoded(name: str, value: Any) -> Any:
    return getattr(facts_from_json({"schema": SCHEMA, name: value}), name)
