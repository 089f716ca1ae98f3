"""A report or a facts file, taken apart without reading what is in it: most parts of most machines were seen before."""

import json
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional

from envdoctor.facts.codec import SCHEMA as FACTS

REPORT = "envdoctor.report/1"
SCHEMAS = (REPORT, FACTS)
MADE_BY = "make one with: envdoctor check --format json"


class NoReport(ValueError):
    """Why a document is not counted, in one line."""


@dataclass(frozen=True)
class Document:
    """The parts of a report, each as JSON text."""

    #: The schema's name, then the fields of Facts.
    facts: Mapping[str, bytes]
    #: What rules said; None in a facts file, whose machine nobody has judged yet.
    findings: Optional[bytes] = None
    notes: bytes = b"[]"
    #: The machine's name, where the document has one: {"machine": ..., "report": ...}.
    machine: Optional[str] = None


def as_written(text: bytes) -> Optional[Document]:
    """A document that looks as envdoctor writes it. The parts may still be broken: nobody has read them."""
    members = _members(text.rstrip(), b"")
    if members is None:
        return None
    if members.get("schema") == json.dumps(FACTS).encode():
        return Document(members)
    facts = _members(members.get("facts", b""), b"  ")
    if facts is None or members.get("schema") != json.dumps(REPORT).encode():
        return None
    return _report(facts, members)


def parsed(text: bytes) -> Document:
    """Any document. Raises NoReport."""
    try:
        value = json.loads(text.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise NoReport("not UTF-8") from None
    except RecursionError:
        raise NoReport("nested too deeply") from None
    except ValueError as error:
        raise NoReport(f"not JSON: {error}" if text.strip() else "empty") from None
    if isinstance(value, dict) and set(value) == {"machine", "report"} and isinstance(value["machine"], str):
        return _of(value["report"], value["machine"])
    return _of(value, None)


def _of(value: Any, machine: Optional[str]) -> Document:
    schema = value.get("schema") if isinstance(value, dict) else None
    if schema not in SCHEMAS:
        found = f"its schema is {schema!r:.60}" if isinstance(value, dict) else "it is no object"
        raise NoReport(f"not a report: {found}, wanted {' or '.join(SCHEMAS)}; {MADE_BY}")
    if schema == FACTS:
        return Document(_texts(value), machine=machine)
    if not isinstance(value.get("facts"), dict):
        raise NoReport("not a report: it has no facts")
    return _report(_texts(value["facts"]), _texts(value), machine)


def _report(
    facts: Mapping[str, bytes], members: Mapping[str, bytes], machine: Optional[str] = None
) -> Document:
    return Document(facts, members.get("findings", b"null"), members.get("notes", b"null"), machine)


def _texts(value: Mapping[str, Any]) -> Dict[str, bytes]:
    return {name: json.dumps(part).encode() for name, part in value.items()}


def _members(text: bytes, indent: bytes) -> Optional[Dict[str, bytes]]:
    """Name -> text of an object that is written with one member a line, two spaces deeper than `indent`.

    No line break is inside of a JSON string, so that a line's beginning is no text of somebody's.
    """
    opening, *lines = text.split(b"\n" + indent + b'  "')
    end = b"\n" + indent + b"}"
    if opening != b"{" or not lines or not lines[-1].endswith(end):
        return None
    lines[-1] = lines[-1][: -len(end)] + b","
    found: Dict[str, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b'": ')
        if not colon or not value.endswith(b",") or not name.replace(b"_", b"").isalnum():
            return None
        found[name.decode("ascii", "replace")] = value[:-1]
    return found
