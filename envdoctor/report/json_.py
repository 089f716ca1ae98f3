"""The report as JSON, schema envdoctor.report/1."""

import json
from typing import Any, Dict, Optional

from envdoctor.catalogue import Diagnosis
from envdoctor.facts import Facts
from envdoctor.facts.codec import encode, facts_to_json
from envdoctor.finding import Finding, Fix, Step
from envdoctor.report.style import Style
from envdoctor.scrub import scrub

SCHEMA = "envdoctor.report/1"


def render(facts: Facts, diagnosis: Diagnosis, home: str, style: Style) -> str:
    """One JSON document and nothing else."""
    del style
    return json.dumps(document(facts, diagnosis, home), indent=2, ensure_ascii=False) + "\n"


def document(facts: Facts, diagnosis: Diagnosis, home: str) -> Dict[str, Any]:
    """The report as JSON values, scrubbed."""
    report = {
        "schema": SCHEMA,
        "status": diagnosis.status,
        "findings": [finding_to_json(finding) for finding in diagnosis.findings],
        "facts": facts_to_json(facts),
        "notes": [encode(note) for note in diagnosis.notes],
    }
    scrubbed: Dict[str, Any] = scrub(report, home)
    return scrubbed


def finding_to_json(finding: Finding) -> Dict[str, Any]:
    """One finding."""
    assert finding.severity is not None
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "message": finding.message,
        "consequence": finding.consequence,
        "evidence": [encode(evidence) for evidence in finding.evidence],
        "fix": fix_to_json(finding.fix),
        "location": encode(finding.location) if finding.location else None,
    }


def fix_to_json(fix: Optional[Fix]) -> Optional[Dict[str, Any]]:
    """A plan; None for none."""
    if fix is None:
        return None
    return {
        "title": fix.title,
        "safety": fix.safety.value,
        "steps": [_step(step) for step in fix.steps],
        "lasting": [_step(step) for step in fix.lasting],
    }


def _step(step: Step) -> Dict[str, Any]:
    values = dict(vars(step))
    if "safety" in values:
        values["safety"] = values["safety"].value
    return {"step": type(step).__name__, **values}
