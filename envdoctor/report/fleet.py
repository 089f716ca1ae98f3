"""Many machines for a terminal: the norm and what differs, findings with their machines, bundles, what was not read."""

from typing import Dict, Iterator, List, Sequence, Tuple

from envdoctor.facts import Driver, System
from envdoctor.fleet.names import some
from envdoctor.fleet.result import Fleet, Group, Judged, Shared, Unknown
from envdoctor.report import difference_words, summary
from envdoctor.report.style import Style, clean, counted, shorten

# Of a long list the beginning; --verbose has all.
GROUPS, NAMES, DIFFERENCES, MESSAGES, LINES = 12, 6, 4, 2, 12
_ALL = 1 << 30
# Facts that differ where another one does: how finders answer, say, where there is another toolkit.
ASIDE = ("interpreters", "modules", "tools", "nvccs", "loader", "resolution", "wheelhouse", "folders")


def as_text(fleet: Fleet, style: Style) -> str:
    """The answer, the sum of it last."""
    lines = [*_groups(fleet, style), *_unknown(fleet, style), *_findings(fleet, style)]
    lines += [*_undetermined(fleet, style), *_bundles(fleet, style), *_unread(fleet, style)]
    lines += [style.paint("strong", line) for line in style.wrap(ending(fleet))]
    return "\n".join(lines) + "\n"


def ending(fleet: Fleet) -> str:
    """How many machines, how many differ, how many have findings."""
    differ = sum(len(group.machines) for group in fleet.groups if not group.norm)
    groups = sum(not group.norm for group in fleet.groups)
    parts = [counted(fleet.machines, "machine")]
    if differ:
        verb = "differs" if differ == 1 else "differ"
        parts.append(f"{differ} {verb} from the norm, in {counted(groups, 'group')}")
    elif fleet.machines > 1:
        parts.append("all equal" + (" in what is known" if fleet.unknown else ""))
    for severity in ("error", "warning"):
        have = {name for each in fleet.findings if _is(each, severity) for name in each.machines}
        parts += [f"{len(have)} with {severity}s"] if have else []
    if fleet.unread:
        parts.append(f"{counted(len(fleet.unread), 'report')} could not be read")
    return "; ".join(parts) + "."


def description(group: Group) -> str:
    """The machine in one line, with what is asked of many machines and not of one."""
    parts = [summary.in_one_line(group.facts)]
    if isinstance(group.facts.driver, Driver):
        parts.append(
            f"driver {group.facts.driver.kernel_module or group.facts.driver.libcuda_version or '?'}"
        )
    if isinstance(group.facts.system, System):
        parts.append(f"{group.facts.system.libc} {group.facts.system.libc_version or '?'}")
    return ", ".join(parts)


def _is(shared: Shared, severity: str) -> bool:
    return shared.severity is not None and shared.severity.value == severity


def _machines(names: Sequence[str], style: Style) -> str:
    return clean(some(names, _ALL if style.verbose else NAMES))


def _groups(fleet: Fleet, style: Style) -> Iterator[str]:
    most = _ALL if style.verbose else GROUPS
    for group in fleet.groups[:most]:
        title = "norm" if group.norm else "differs" if len(group.machines) == 1 else "differ"
        yield style.paint("strong", f"{title}  {counted(len(group.machines), 'machine')}")
        yield from style.wrap(_machines(group.machines, style), "  ", "  ")
        if group.norm or style.verbose or _is_of_another_kind(group):
            yield from style.wrap(clean(description(group)), "  ", "  ")
        yield from _differences(group, style)
        yield ""
    rest = fleet.groups[most:]
    if rest:
        machines = counted(sum(len(group.machines) for group in rest), "machine")
        yield from (f"and {counted(len(rest), 'more group')} of {machines}; --verbose has all", "")


def _is_of_another_kind(group: Group) -> bool:
    """Where even the system differs, what the machine is says more than a list of differences."""
    return "system" in group.differs


def _differences(group: Group, style: Style) -> Iterator[str]:
    """What people ask about first; what mostly follows from that only by its number."""
    facts = difference_words.by_fact(group.differences)
    aside = [] if style.verbose else [name for name in facts if name in ASIDE]
    aside = aside if len(aside) < len(facts) else []
    width = max((len(name) for name in facts if name not in aside), default=0)
    for name in sorted(facts, key=lambda name: name in ASIDE):
        if name not in aside:
            words = _some_words(facts[name], style)
            yield from style.wrap(clean(words), f"  {name:{width}}  ", " " * (width + 4))
    if aside:
        told = ", ".join(f"{name} ({len(facts[name])})" for name in aside)
        yield from style.wrap(clean(f"and in {told}"), "  ", "    ")


def _some_words(words: List[str], style: Style) -> str:
    most = len(words) if style.verbose else DIFFERENCES
    more = [f"and {len(words) - most} more"] if len(words) > most else []
    return "; ".join([*words[:most], *more])


def _unknown(fleet: Fleet, style: Style) -> Iterator[str]:
    """Of each fact what is not known of the most machines, and how much more there is."""
    if not fleet.unknown:
        return
    yield style.paint("strong", "not comparable: what is not known equals nothing")
    by_fact: Dict[str, List[Unknown]] = {}
    for each in fleet.unknown:
        by_fact.setdefault(each.component[0], []).append(each)
    for first, *more in by_fact.values():
        for each in (first, *more) if style.verbose else (first,):
            where = clean(", ".join([*each.component, *([each.field] if each.field else [])]))
            yield from style.wrap(f"{where}: not known of {counted(each.machines, 'machine')}", "  ", "    ")
        if more and not style.verbose:
            yield f"    and {len(more)} more of this fact"
    yield ""


def _findings(fleet: Fleet, style: Style) -> Iterator[str]:
    for shared in fleet.findings:
        assert shared.severity is not None
        severity = shared.severity.value
        yield f"{style.paint(severity, severity)}  {clean(shared.rule)}  on {_of(shared, fleet)}"
        yield from _shared(shared, style)
        yield ""


def _of(shared: Shared, fleet: Fleet) -> str:
    if len(shared.machines) == fleet.machines:
        return "every machine"
    return f"{len(shared.machines)} of {counted(fleet.machines, 'machine')}"


def _shared(shared: Shared, style: Style) -> Iterator[str]:
    most = _ALL if style.verbose else MESSAGES
    yield from style.wrap(_machines(shared.machines, style), "  ", "  ")
    for text, number in shared.messages[:most]:
        many = f" ({number})" if len(shared.messages) > 1 else ""
        yield from style.wrap(shorten(clean(text), 3) + many, "  - ", "    ")
    if len(shared.messages) > most:
        yield f"  - and {counted(len(shared.messages) - most, 'more message')} of this rule"


def _undetermined(fleet: Fleet, style: Style) -> Iterator[str]:
    if not fleet.undetermined:
        return
    yield style.paint("strong", "could not be determined")
    for shared in _first(fleet.undetermined, style):
        text = shorten(shared.messages[0][0], 1, 160)
        more = f" and {counted(len(shared.messages) - 1, 'more reason')}" if len(shared.messages) > 1 else ""
        yield from style.wrap(clean(f"{shared.rule} on {_of(shared, fleet)}: {text}{more}"), "  ", "    ")
    yield from _more(fleet.undetermined, style)


def _bundles(fleet: Fleet, style: Style) -> Iterator[str]:
    named = ""
    for judged in fleet.bundles:
        if judged.verdict.bundle != named:
            named = judged.verdict.bundle
            yield style.paint("strong", f"bundle  {clean(named)}")
        yield from _judged(judged, style)
    yield from [""] if named else []


def _judged(judged: Judged, style: Style) -> Iterator[str]:
    verdict, number = judged.verdict, len(judged.machines)
    word = "fits" if verdict.targets else "does not fit"
    with_what = f": {', '.join(verdict.targets)}" if verdict.targets else ""
    yield from style.wrap(clean(f"{word} {counted(number, 'machine')}{with_what}"), "  ", "    ")
    yield from style.wrap(_machines(judged.machines, style), "    ", "    ")
    for text in (*verdict.known, *(() if verdict.targets and not style.verbose else verdict.against)):
        yield from style.wrap(clean(text), "    - ", "      ")


def _unread(fleet: Fleet, style: Style) -> Iterator[str]:
    if not fleet.unread:
        return
    yield style.paint("strong", f"{counted(len(fleet.unread), 'report')} could not be read")
    for origin, reason in _first(fleet.unread, style):
        yield from style.wrap(clean(f"{origin}: {shorten(reason, 1, 200)}"), "  ", "    ")
    yield from _more(fleet.unread, style)


def _first(things: Tuple, style: Style) -> Tuple:  # type: ignore[type-arg]
    return things if style.verbose else things[:LINES]


def _more(things: Sequence[object], style: Style) -> Iterator[str]:
    if len(things) > LINES and not style.verbose:
        yield f"  and {len(things) - LINES} more; --verbose has all"
    yield ""
