"""What a census comes to: groups of equal machines beside the norm, findings by how many machines have them."""

from dataclasses import dataclass
from functools import partial
from typing import Callable, Collection, Dict, Iterator, List, Optional, Sequence, Tuple

from envdoctor.diff import Difference
from envdoctor.facts import Facts
from envdoctor.finding import Severity
from envdoctor.fleet.census import NOT_COMPARED, Census, Numbers, Said
from envdoctor.fleet.names import in_order
from envdoctor.fleet.parts import NAMES

#: The facts that describe a machine in one line, and those that decide whether a bundle runs on it.
DESCRIBING = ("request", "system", "python", "torch", "toolkit", "driver")
DECIDING = ("system", "python", "driver")


@dataclass(frozen=True)
class Verdict:
    """Of one bundle on a kind of machine."""

    bundle: str
    #: What of it is for such a machine; empty when nothing is.
    targets: Tuple[str, ...]
    #: Why the rest is not.
    against: Tuple[str, ...] = ()
    #: What is to be known all the same.
    known: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Judged:
    """A verdict, and the machines that it is about."""

    verdict: Verdict
    machines: Tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """Machines between which nothing differs."""

    machines: Tuple[str, ...]
    #: Whether they are as most are in everything.
    norm: bool
    #: DESCRIBING alone, of the first of them.
    facts: Facts
    #: The facts that are not as the norm has them.
    differs: Tuple[str, ...]
    #: What differs in each, in thousands of groups only for those that are asked.
    tell: Tuple[Callable[[], Tuple[Difference, ...]], ...]

    @property
    def differences(self) -> Tuple[Difference, ...]:
        """A is the norm, B are these machines."""
        return tuple(each for tell in self.tell for each in tell())


@dataclass(frozen=True)
class Shared:
    """What one rule says, with the machines of which it says it; each message with how many have it, most first."""

    severity: Optional[Severity]
    rule: str
    machines: Tuple[str, ...]
    messages: Tuple[Tuple[str, int], ...]


@dataclass(frozen=True)
class Unknown:
    """What is not known of some machines: nothing equals it, so that they may differ there."""

    component: Tuple[str, ...]
    field: str
    machines: int


@dataclass(frozen=True)
class Fleet:
    """The answer."""

    machines: int
    #: Those that are as the norm first, then by size.
    groups: Tuple[Group, ...]
    unknown: Tuple[Unknown, ...]
    findings: Tuple[Shared, ...]
    undetermined: Tuple[Shared, ...]
    #: By bundle, in the order in which they were given, then by how many machines there are.
    bundles: Tuple[Judged, ...]
    #: Where from, and why it could not be read.
    unread: Tuple[Tuple[str, str], ...]

    @property
    def same(self) -> bool:
        """Whether all machines are known to be equal; of what could not be read nobody knows."""
        return len(self.groups) < 2 and not self.unknown and not self.unread

    def worst(self) -> Optional[Severity]:
        """The worst severity, None without findings."""
        severities = (shared.severity for shared in self.findings if shared.severity)
        return min(severities, key=lambda severity: severity.rank, default=None)


Judge = Callable[[Facts], Tuple[Verdict, ...]]


def fleet(census: Census, ignored: Collection[str] = (), judge: Optional[Judge] = None) -> Fleet:
    """Put together; `ignored` are fields of Facts in which machines may differ."""
    groups = _groups(census, [name for name in NAMES if name not in NOT_COMPARED and name not in ignored])
    return Fleet(
        machines=sum(len(group.machines) for group in groups),
        groups=tuple(groups),
        unknown=tuple(_unknown(census, ignored)),
        findings=_shared({one: names for one, names in census.said.items() if one.severity}),
        undetermined=_shared({one: names for one, names in census.said.items() if not one.severity}),
        bundles=tuple(_bundles(census, judge)) if judge else (),
        unread=tuple(census.unread),
    )


def _groups(census: Census, names: Sequence[str]) -> List[Group]:
    found = _by(census, names)
    first: Dict[Numbers, Numbers] = {}
    for numbers in census.groups:
        first.setdefault(_picked(numbers, names), numbers)
    norm, made = _norm(found), []
    for numbers, names_of in found.items():
        places = [place for place, usual in enumerate(norm) if usual != numbers[place]]
        tell = tuple(partial(census.parts.differences, norm[place], numbers[place]) for place in places)
        differs = tuple(names[place] for place in places)
        facts = _facts(census, first[numbers], DESCRIBING)
        made.append(Group(tuple(in_order(names_of)), numbers == norm, facts, differs, tell))
    return sorted(made, key=lambda group: (not group.norm, -len(group.machines), group.machines[0]))


def _by(census: Census, names: Sequence[str]) -> Dict[Numbers, List[str]]:
    """Machines by some of their facts alone."""
    found: Dict[Numbers, List[str]] = {}
    for numbers, machines in census.groups.items():
        found.setdefault(_picked(numbers, names), []).extend(machines)
    return found


def _picked(numbers: Numbers, names: Sequence[str]) -> Numbers:
    return tuple(numbers[NAMES.index(name)] for name in names)


def _facts(census: Census, numbers: Numbers, names: Sequence[str]) -> Facts:
    return Facts(**{name: census.parts.fact(numbers[NAMES.index(name)]) for name in names})


def _norm(groups: Dict[Numbers, List[str]]) -> Numbers:
    """What most machines have, fact by fact: that one odd variable sets a machine apart makes its driver no exception.

    Where as many have one as another, the larger group decides.
    """
    by_size = sorted(groups, key=lambda numbers: (-len(groups[numbers]), min(groups[numbers])))
    counted: List[Dict[int, int]] = [{} for _ in (by_size or [()])[0]]
    for numbers in by_size:
        for counter, number in zip(counted, numbers):
            counter[number] = counter.get(number, 0) + len(groups[numbers])
    return tuple(max(counter, key=lambda number: counter[number]) for counter in counted)


def _unknown(census: Census, ignored: Collection[str]) -> Iterator[Unknown]:
    """A fact beside itself: what `diff` then cannot compare."""
    counted: Dict[Tuple[Tuple[str, ...], str], int] = {}
    for name in NAMES:
        if name in ignored or name in NOT_COMPARED:
            continue
        for (number,), machines in _by(census, [name]).items():
            for place in census.parts.unknown(number):
                counted[place] = counted.get(place, 0) + len(machines)
    for (component, field), number in sorted(counted.items(), key=lambda item: (-item[1], item[0])):
        yield Unknown(component, field, number)


def _shared(said: Dict[Said, List[str]]) -> Tuple[Shared, ...]:
    """By severity and rule, worst and most frequent first."""
    together: Dict[Tuple[Optional[Severity], str], Dict[str, List[str]]] = {}
    for one, machines in said.items():
        together.setdefault((one.severity, one.rule), {})[one.message] = machines
    shared = [_one(severity, rule, messages) for (severity, rule), messages in together.items()]
    return tuple(sorted(shared, key=_urgency))


def _one(severity: Optional[Severity], rule: str, messages: Dict[str, List[str]]) -> Shared:
    machines = {name for names in messages.values() for name in names}
    counts = sorted(
        ((text, len(names)) for text, names in messages.items()), key=lambda pair: (-pair[1], pair[0])
    )
    return Shared(severity, rule, tuple(in_order(machines)), tuple(counts))


def _urgency(shared: Shared) -> Tuple[int, int, str]:
    return (shared.severity.rank if shared.severity else 0, -len(shared.machines), shared.rule)


def _bundles(census: Census, judge: Judge) -> Iterator[Judged]:
    """By verdict: many kinds of machines share one."""
    found: Dict[Verdict, List[str]] = {}
    for numbers, machines in _by(census, DECIDING).items():
        facts = Facts(**{name: census.parts.fact(each) for name, each in zip(DECIDING, numbers)})
        for verdict in judge(facts):
            found.setdefault(verdict, []).extend(machines)
    order = list(dict.fromkeys(verdict.bundle for verdict in found))
    for verdict in sorted(found, key=lambda one: (order.index(one.bundle), -len(found[one]))):
        yield Judged(verdict, tuple(in_order(found[verdict])))
