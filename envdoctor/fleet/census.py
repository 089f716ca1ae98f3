"""Counting machines one at a time: of each only numbers stay, which stand for facts and findings that were seen."""

import json
from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple

from envdoctor.catalogue import diagnose
from envdoctor.facts.codec import SCHEMA, facts_from_json
from envdoctor.finding import Severity
from envdoctor.fleet.documents import Document, NoReport, as_written, parsed
from envdoctor.fleet.parts import ABSENT, NAMES, Parts, digest, felt

#: What says nothing of a machine: it has a place of its own in the result.
NOT_COMPARED = ("notes",)


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
        #: The numbers of a machine's facts, in the order of NAMES -> the machines that have them.
        self.groups: Dict[Tuple[int, ...], List[str]] = {}
        self.said: Dict[Said, List[str]] = {}
        self.unread: List[Tuple[str, str]] = []
        self._names: Dict[str, str] = {}
        self._judged: Dict[bytes, Tuple[Said, ...]] = {}

    def add(self, name: str, origin: str, text: bytes) -> None:
        """Count the machine that a document is about; one that cannot be read is counted as such."""
        try:
            document, numbers, said = self._read(text)
        except ValueError as error:  # NoReport, FactsError, and what is no JSON
            self.refuse(origin, str(error))
            return
        name = self._named(document.machine or name, origin)
        self.groups.setdefault(tuple(numbers[each] for each in NAMES), []).append(name)
        for one in said:
            self.said.setdefault(one, []).append(name)

    def refuse(self, origin: str, reason: str) -> None:
        """Count a report that cannot be read."""
        self.unread.append((origin, reason))

    def _read(self, text: bytes) -> Tuple[Document, Dict[str, int], Tuple[Said, ...]]:
        document = as_written(text)
        if document is not None:
            try:
                return (document, *self._taken(document))
            except ValueError:  # it only looked so; what is wrong is said of the whole
                pass
        document = parsed(text)
        return (document, *self._taken(document))

    def _taken(self, document: Document) -> Tuple[Dict[str, int], Tuple[Said, ...]]:
        texts = {name: document.facts.get(name, ABSENT) for name in (*NAMES, *document.facts)}
        del texts["schema"]
        numbers = {name: self.parts.number(name, text) for name, text in texts.items()}
        if document.findings is None:
            key = digest(b"".join(felt(name, text) for name, text in texts.items()))
        else:
            key = digest(document.findings + b"\n" + document.notes)
        if key not in self._judged:
            self._judged[key] = _told(document) if document.findings is not None else _judged(texts)
        return numbers, self._judged[key]

    def _named(self, name: str, origin: str) -> str:
        """A name of its own: where two reports have one, the later is known by where it is from."""
        name = origin if name in self._names else name
        self._names[name] = origin
        return name


def _judged(texts: Dict[str, bytes]) -> Tuple[Said, ...]:
    """What the rules say of a facts file."""
    document = {name: json.loads(text) for name, text in texts.items() if text != ABSENT}
    diagnosis = diagnose(facts_from_json({"schema": SCHEMA, **document}))
    said = [Said(each.severity, each.rule, each.message) for each in diagnosis.findings]
    return _once(said + [Said(None, note.source, note.text) for note in diagnosis.notes])


def _told(document: Document) -> Tuple[Said, ...]:
    """What a report says that the rules have said."""
    findings, notes = json.loads(document.findings or b""), json.loads(document.notes)
    try:
        said = [Said(Severity(each["severity"]), each["rule"], each["message"]) for each in findings]
        said += [Said(None, each["source"], each["text"]) for each in notes]
    except (TypeError, KeyError, ValueError):
        raise NoReport("a damaged report: its findings are not what envdoctor writes") from None
    if not all(isinstance(text, str) for each in said for text in (each.rule, each.message)):
        raise NoReport("a damaged report: a finding without words")
    return _once(said)


def _once(said: List[Said]) -> Tuple[Said, ...]:
    return tuple(dict.fromkeys(said))
