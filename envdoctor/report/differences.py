"""The differences of two machines for a terminal."""

import json
from typing import Any, Dict, Iterator, List, Tuple

from envdoctor.diff import Difference
from envdoctor.report.style import Style, clean, counted

# Two environments differ in hundreds of packages and modules: nobody reads them in a terminal.
MOST = 20


def as_text(differences: Tuple[Difference, ...], names: Tuple[str, str], style: Style) -> str:
    """By component; what cannot be compared comes last and says why."""
    known = [d for d in differences if d.kind != "not comparable"]
    unknown = [d for d in differences if d.kind == "not comparable"]
    lines = [f"A is {names[0]}, B is {names[1]}.", ""]
    lines += _listed(_by_component(known), style)
    lines.append("")
    if unknown:
        lines.append(style.paint("strong", "Not comparable: what is not known equals nothing"))
        lines += [line for d in unknown for line in style.wrap(clean(_unknown(d)), "  ", "    ")]
        lines.append("")
    lines.append(_ending(len(known), len(unknown)))
    return "\n".join(line for line, before in zip(lines, ["", *lines]) if line or before) + "\n"


def _ending(known: int, unknown: int) -> str:
    if not known and not unknown:
        return "The same."
    told = counted(known, "difference") if known else "No difference in what is known"
    return told + (f"; {counted(unknown, 'thing')} could not be compared." if unknown else ".")


def _by_component(differences: List[Difference]) -> Dict[Tuple[str, ...], List[Difference]]:
    grouped: Dict[Tuple[str, ...], List[Difference]] = {}
    for difference in differences:
        grouped.setdefault(difference.component, []).append(difference)
    return grouped


def _listed(components: Dict[Tuple[str, ...], List[Difference]], style: Style) -> Iterator[str]:
    """The first components of each fact; how many more there are."""
    shown: Dict[str, int] = {}
    for component, members in components.items():
        shown[component[0]] = shown.get(component[0], 0) + 1
        if shown[component[0]] <= MOST:
            yield from _component(component, members, style)
        last = sum(other[0] == component[0] for other in components) == shown[component[0]]
        if last and shown[component[0]] > MOST:
            more = shown[component[0]] - MOST
            yield from ("", f"{clean(component[0])}: and {more} more; --format json has all", "")


def _component(component: Tuple[str, ...], members: List[Difference], style: Style) -> Iterator[str]:
    title = clean(", ".join(component))
    whole = next((d for d in members if not d.field and d.kind.startswith("only")), None)
    if whole:
        side = whole.kind[-1]
        via = whole.found_via_a if side == "A" else whole.found_via_b
        found = f" ({clean(via)})" if via else ""
        yield from style.wrap(f"{title}: {whole.kind}{_version(whole)}{found}", "", "    ")
        return
    yield ""
    yield style.paint("strong", title)
    for d in members:
        yield f"  {d.field or 'value'}"
        yield from _sides(d, style)
    yield from _provenance(members[0], style)
    yield ""


def _sides(d: Difference, style: Style) -> Iterator[str]:
    """Both values; of lists only what the other one lacks, or that the order differs."""
    a, b = d.a, d.b
    if isinstance(a, list) and isinstance(b, list):
        more, less = [item for item in a if item not in b], [item for item in b if item not in a]
        if not more and not less:
            yield "    the same entries in another order"
            return
        a, b = more, less
    for side, value in (("A", a), ("B", b)):
        yield from style.wrap(clean(_shown(value)), f"    {side}  ", "       ")


def _provenance(d: Difference, style: Style) -> Iterator[str]:
    sides = [(side, via) for side, via in (("A", d.found_via_a), ("B", d.found_via_b)) if via]
    if sides:
        text = "found: " + "; ".join(f"{side} by {via}" for side, via in sides)
        yield from (style.paint("dim", line) for line in style.wrap(clean(text), "  ", "    "))


def _unknown(d: Difference) -> str:
    where = ", ".join(d.component) + (f", {d.field}" if d.field else "")
    a, b = _known(d.a), _known(d.b)
    return f"{where}: {a} on either side" if a == b else f"{where}: A {a}, B {b}"


def _known(value: Any) -> str:
    if isinstance(value, dict) and "unknown" in value:
        return f"not determined ({value['unknown']})"
    if isinstance(value, dict) and "not_examined" in value:
        return "not examined"
    if value is None:
        return "not known"
    return "known" if isinstance(value, (dict, list)) else str(value)


def _version(d: Difference) -> str:
    value = d.a if d.kind == "only in A" else d.b
    version = value.get("version", value.get("value")) if isinstance(value, dict) else value
    return f", {version}" if isinstance(version, str) else ""


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return " ".join(value) or "nothing more"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
