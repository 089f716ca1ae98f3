"""A report or a facts file in its parts, none of which is looked into: most parts of most machines were seen before."""

import codecs
import json
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional

from envdoctor.facts.codec import SCHEMA as FACTS
from envdoctor.fleet.scanner import Scanner

REPORT = "envdoctor.report/1"
#: What Windows writes first.
_MARK = codecs.BOM_UTF8
_OPENED = ("report", "facts")
MADE_BY = "make one with: envdoctor check --format json"


class NoReport(ValueError):
    """Why a document is not counted, in one line."""


@dataclass(frozen=True)
class Document:
    """The parts, each as JSON text."""

    #: By the fields of Facts.
    facts: Mapping[str, str]
    #: What rules said; None in a facts file, whose machine nobody has judged yet.
    findings: Optional[str] = None
    notes: str = "[]"
    #: The machine's name, where the document has one: {"machine": ..., "report": ...}.
    machine: Optional[str] = None


def read(text: bytes, scanner: Scanner) -> Document:
    """The parts of a document. Raises NoReport."""
    if not text.strip():
        raise NoReport("empty")
    try:
        start = len(_MARK) if text.startswith(_MARK) else 0
        members = scanner.members(text[start:].decode(), *_OPENED)
    except UnicodeDecodeError:
        raise NoReport("not UTF-8") from None
    except RecursionError:
        raise NoReport("nested too deeply") from None
    except ValueError as error:
        raise NoReport(f"not JSON: {error}") from None
    if isinstance(members.get("report"), dict):
        return _document(members["report"], _unquoted(members.get("machine")))
    return _document(members, None)


def _document(members: Dict[str, Any], machine: Optional[str]) -> Document:
    schema = _unquoted(members.get("schema"))
    if schema == FACTS:
        return Document(_facts(members), machine=machine)
    if schema != REPORT:
        raise NoReport(f"its schema is {schema!r:.60}, wanted {REPORT!r} or {FACTS!r}; {MADE_BY}")
    facts = members.get("facts")
    if not isinstance(facts, dict) or _unquoted(facts.get("schema")) != FACTS:
        raise NoReport(f"a damaged report: it has no facts of schema {FACTS!r}")
    return Document(_facts(facts), members.get("findings", ""), members.get("notes", ""), machine)


def _facts(members: Dict[str, Any]) -> Dict[str, str]:
    return {name: value for name, value in members.items() if name != "schema" and isinstance(value, str)}


def _unquoted(text: Any) -> Optional[str]:
    """A schema's or a machine's name; None for what is no string."""
    if isinstance(text, str) and text.startswith('"'):
        value: str = json.loads(text)
        return value
    return None
