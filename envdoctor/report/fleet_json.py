"""Many machines as JSON, schema envdoctor.fleet/1."""

from typing import Any, Dict, Sequence

from envdoctor.diff import to_json
from envdoctor.fleet.result import Fleet, Group, Shared
from envdoctor.report.fleet import description

SCHEMA = "envdoctor.fleet/1"
#: Where no two machines are equal, the differences of all of them would be gigabytes.
TOLD = 500


def document(fleet: Fleet, told: int = TOLD) -> Dict[str, Any]:
    """Everything, every machine by its name; what differs in detail for the first `told` groups."""
    return {
        "schema": SCHEMA,
        "machines": fleet.machines,
        "same": fleet.same,
        "groups": [_group(group, number < told) for number, group in enumerate(fleet.groups)],
        "not_comparable": [
            {"component": list(each.component), "field": each.field, "machines": each.machines}
            for each in fleet.unknown
        ],
        "findings": [_shared(each) for each in fleet.findings],
        "undetermined": [_shared(each) for each in fleet.undetermined],
        "bundles": [
            {
                "bundle": each.verdict.bundle,
                "fits": bool(each.verdict.targets),
                "targets": list(each.verdict.targets),
                "against": list(each.verdict.against),
                "known": list(each.verdict.known),
                "machines": list(each.machines),
            }
            for each in fleet.bundles
        ],
        "unread": [{"report": origin, "reason": reason} for origin, reason in fleet.unread],
    }


def _group(group: Group, told: bool) -> Dict[str, Any]:
    return {
        "norm": group.norm,
        "machines": list(group.machines),
        "description": description(group),
        "differs": list(group.differs),
        "differences": to_json(group.differences)["differences"] if told else None,
    }


def _shared(shared: Shared) -> Dict[str, Any]:
    counts: Sequence[Dict[str, Any]] = [{"text": text, "machines": n} for text, n in shared.messages]
    severity = {"severity": shared.severity.value} if shared.severity else {}
    return {**severity, "rule": shared.rule, "machines": list(shared.machines), "messages": counts}
