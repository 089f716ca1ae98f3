"""Differences from a norm in few words: "kernel_module 535.104.05, not 580.159.04"."""

import json
from typing import Any, Dict, Iterable, List

from envdoctor.diff import Difference, rank

#: Fields that need no name of their own beside the thing's.
_PLAIN = ("", "version", "value")
#: Fields that tell what a thing is.
_TELLING = ("version", "value", "kernel_module")
_LONG = 60


def by_fact(differences: Iterable[Difference]) -> Dict[str, List[str]]:
    """Fact -> what differs in it; A is the norm."""
    found: Dict[str, List[str]] = {}
    for each in sorted(differences, key=lambda each: rank(each.component[0])):
        found.setdefault(each.component[0], []).append(_words(each))
    return found


def _words(d: Difference) -> str:
    name = " ".join([*d.component[1:], *([d.field] if d.field not in _PLAIN else [])])
    if d.kind == "changed":
        return _changed(name, d)
    if d.kind == "not comparable":
        return f"{name or 'as a whole'} {_why(d)}".strip()
    without = d.kind == "only in A"
    value = _value(d.a if without else d.b)
    if not name:
        return "none, and the norm has one" if without else f"{value or 'there'}, and the norm has none"
    return f"{'no' if without else 'has'} {name}" + (f" ({value})" if value else "")


def _changed(name: str, d: Difference) -> str:
    """Of lists only what the other one lacks, or that the order differs."""
    a, b = d.a, d.b
    if isinstance(a, list) and isinstance(b, list):
        more, less = [item for item in b if item not in a], [item for item in a if item not in b]
        if not more and not less:
            return f"{name} in another order"
        words = [f"+{_text(item)}" for item in more] + [f"-{_text(item)}" for item in less]
        return _short(f"{name} {' '.join(words)}".strip())
    return f"{name} {_short(_text(b))}, not {_short(_text(a))}".strip()


def _why(d: Difference) -> str:
    for value, whose in ((d.b, ""), (d.a, " of the norm")):
        if isinstance(value, dict) and "unknown" in value:
            return f"not known{whose} ({_short(str(value['unknown']))})"
        if isinstance(value, dict) and "not_examined" in value:
            return f"not examined{whose}"
        if value is None:
            return f"not known{whose}"
    return "not known"


def _value(value: Any) -> str:
    """What there is, as far as one word says it."""
    if isinstance(value, dict):
        value = next((value[name] for name in _TELLING if value.get(name)), None)
    return _short(value) if isinstance(value, str) else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _short(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[:_LONG]}..."
