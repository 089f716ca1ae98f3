"""The report as SARIF 2.1.0, for code scanning: every result has a place in the project."""

import hashlib
import json
from typing import Any, Dict, List
from urllib.parse import quote

import envdoctor
from envdoctor.catalogue import Diagnosis, Rule, rules
from envdoctor.facts import Facts
from envdoctor.finding import Finding, Severity
from envdoctor.report.places import main_file, project_path
from envdoctor.report.style import Style, clean
from envdoctor.report.text import steps
from envdoctor.scrub import scrub, scrub_text

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def render(facts: Facts, diagnosis: Diagnosis, home: str, style: Style) -> str:
    """One run with one result for each finding."""
    names = list(dict.fromkeys(finding.rule for finding in diagnosis.findings))
    known = {rule.name: rule for rule in rules()}
    seen: Dict[str, int] = {}
    results = []
    for finding in diagnosis.findings:
        result = _result(finding, facts, style.prefix)
        result["ruleIndex"] = names.index(finding.rule)
        result["partialFingerprints"] = {"envdoctor/v1": _fingerprint(finding, home, seen)}
        results.append(result)
    driver = {
        "name": "envdoctor",
        "semanticVersion": envdoctor.__version__,
        "rules": [_rule(known[name]) if name in known else {"id": name} for name in names],
    }
    run = {
        "tool": {"driver": driver},
        "invocations": [
            {"executionSuccessful": True, "toolExecutionNotifications": _notifications(diagnosis)}
        ],
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [scrub(run, home)]}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _rule(rule: Rule) -> Dict[str, Any]:
    return {
        "id": rule.name,
        "shortDescription": {"text": rule.title},
        "help": {"text": rule.page, "markdown": rule.page},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
        "properties": {"tags": [rule.topic]},
    }


def _result(finding: Finding, facts: Facts, prefix: str) -> Dict[str, Any]:
    assert finding.severity is not None
    location = finding.location
    path = project_path(location.file, facts, prefix) if location else None
    physical: Dict[str, Any] = {
        "artifactLocation": {"uri": quote(path or main_file(facts, prefix), errors="replace")}
    }
    if path and location and location.line is not None and location.line > 0:
        physical["region"] = {"startLine": location.line}
    return {
        "ruleId": finding.rule,
        "level": LEVELS[finding.severity],
        "message": {"text": _message(finding)},
        "locations": [{"physicalLocation": physical}],
    }


def _message(finding: Finding) -> str:
    parts: List[str] = [f"{finding.message}\n{finding.consequence}".strip()]
    parts += [f"Seen: {piece.source}: {piece.text}" for piece in finding.evidence]
    if finding.fix:
        parts.append("\n".join([f"Do: {finding.fix.title}", *(f"  {line}" for line in steps(finding.fix))]))
    return "\n\n".join(clean(part) for part in parts)


def _fingerprint(finding: Finding, home: str, seen: Dict[str, int]) -> str:
    """The same for the same finding after lines have moved; equal ones are numbered."""
    file = finding.location.file if finding.location else ""
    text = scrub_text(f"{finding.rule}\0{file}\0{finding.message}", home)
    seen[text] = seen.get(text, 0) + 1
    return hashlib.sha256(f"{text}\0{seen[text]}".encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _notifications(diagnosis: Diagnosis) -> List[Dict[str, Any]]:
    return [
        {"level": "note", "message": {"text": clean(f"Could not be determined: {note.source}: {note.text}")}}
        for note in diagnosis.notes
    ]
