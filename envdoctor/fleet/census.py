"""Counting machines one at a time: of each only numbers stay, which stand for facts and findings that were seen."""

import json
from dataclasses import dataclass
from itertools import chain, count
from typing import Dict, Iterable, List, Optional, Set, Tuple

from envdoctor.catalogue import diagnose
from envdoctor.facts.codec import SCHEMA, facts_from_json
from envdoctor.finding import Severity
from envdoctor.fleet.documents import Document, NoReport, read
from envdoctor.fleet.parts import NAMES, Parts, felt
from envdoctor.fleet.reading import ABSENT
from envdoctor.fleet.scanner import Scanner

#: What says nothing of a machine: it has a place of its own in the result.
NOT_COMPARED = ("notes",)
#: Of a machine's facts, in the order of NAMES.
Numbers = Tuple[int, ...]


@dataclass(frozen=True)
class Said:
    """What a rule said of a machine; `severity` None: what could not be determined there, and by whom."""

    severity: Optional[Severity]
    rule: str
    message: str


class Census:
    """All machines so far."""

    def __init__(self) -> None:
        self.parts = Parts()
        #: The machines that have facts with these numbers.
        self.groups: Dict[Numbers, List[str]] = {}
        self.said: Dict[Said, List[str]] = {}
        self.unread: List[Tuple[str, str]] = []
        self._names: Set[str] = set()
        #: Those of machines whose report came, whether or not it could be read.
        self._came: Set[str] = set()
        self._judged: Dict[Tuple[object, ...], Tuple[Said, ...]] = {}
        self._scanner = Scanner()

    def add(self, name: str, origin: str, text: bytes) -> None:
        """Count the machine that a document is about; one that cannot be read is counted as such."""
        self._came.add(name)
        try:
            machine, numbers, said = self._read(text)
        except ValueError as error:  # NoReport, FactsError, and what is no JSON
            self.refuse(name, origin, str(error))
            return
        self._came.add(machine or name)
        name = self._named(machine or name, origin)
        self.groups.setdefault(numbers, []).append(name)
        for one in said:
            self.said.setdefault(one, []).append(name)

    def refuse(self, name: str, origin: str, reason: str) -> None:
        """Count a report that cannot be read; of that machine something has come."""
        self._came.add(name)
        self.unread.append((origin, reason))

    def expect(self, names: Iterable[str]) -> None:
        """Count the machines of which nothing has come."""
        for name in dict.fromkeys(names):
            if name not in self._came:
                self.unread.append((name, "no report, and one is expected"))

    def _read(self, text: bytes) -> Tuple[Optional[str], Numbers, Tuple[Said, ...]]:
        """A machine's name, where its report says one, the numbers of its facts, and what rules say."""
        document = read(text, self._scanner)
        texts = {name: document.facts.get(name, ABSENT) for name in (*NAMES, *document.facts)}
        taken = {name: self.parts.take(name, text) for name, text in texts.items()}
        key: Tuple[object, ...] = (document.findings, document.notes)
        if document.findings is None:
            key = tuple((stands, felt(name, texts[name])) for name, (_, stands) in taken.items())
        if key not in self._judged:
            self._judged[key] = _judged(texts) if document.findings is None else _told(document)
        return document.machine, tuple(taken[name][0] for name in NAMES), self._judged[key]

    def _named(self, name: str, origin: str) -> str:
        """A name of its own: where two reports have one, the later is known by where it is from."""
        numbered = (f"{origin} ({number})" for number in count(2))
        name = next(each for each in chain((name, origin), numbered) if each not in self._names)
        self._names.add(name)
        return name


def _judged(texts: Dict[str, str]) -> Tuple[Said, ...]:
    """What the rules say of a facts file."""
    document = {name: json.loads(text) for name, text in texts.items() if text != ABSENT}
    diagnosis = diagnose(facts_from_json({"schema": SCHEMA, **document}))
    said = [Said(each.severity, each.rule, each.message) for each in diagnosis.findings]
    return _once(said + [Said(None, note.source, note.text) for note in diagnosis.notes])


def _told(document: Document) -> Tuple[Said, ...]:
    """What a report says that the rules have said."""
    try:
        findings, notes = (list(json.loads(text)[:]) for text in (document.findings or "", document.notes))
        said = [Said(Severity(each["severity"]), each["rule"], each["message"]) for each in findings]
        said += [Said(None, each["source"], each["text"]) for each in notes]
    except (TypeError, KeyError, ValueError):
        raise NoReport("a damaged report: its findings are not what envdoctor writes") from None
    if not all(isinstance(text, str) for each in said for text in (each.rule, each.message)):
        raise NoReport("a damaged report: a finding without words")
    return _once(said)


def _once(said: List[Said]) -> Tuple[Said, ...]:
    return tuple(dict.fromkeys(said))
