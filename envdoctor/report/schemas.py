"""The published JSON Schemas, made from the dataclasses: facts and, with them, the report.

After a fact has changed, `python ci/schemas.py` writes the files anew.
"""

import dataclasses
import inspect
import json
from typing import Any, Dict, Tuple, Union, get_type_hints

from envdoctor.explanation import CONFIDENCE, VERDICTS
from envdoctor.facts import Facts, Note, NotExamined, Unknown
from envdoctor.facts.codec import SCHEMA as FACTS
from envdoctor.finding import ANSWERS, Edit, Evidence, Location, Run, Safety, SetEnv, Severity, Shim
from envdoctor.report.explanation import SCHEMA as EXPLANATION
from envdoctor.report.fleet_json import SCHEMA as FLEET
from envdoctor.report.json_ import SCHEMA as REPORT

DRAFT = "https://json-schema.org/draft/2020-12/schema"
SIMPLE = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
Schema = Dict[str, Any]


def facts_schema() -> Schema:
    """envdoctor.facts/1. Fields may be missing (an older file): they were not examined."""
    definitions: Schema = {}
    root = _object(Facts, definitions, required=False)
    root["properties"] = {"schema": {"const": FACTS}, **root["properties"]}
    root["required"] = ["schema"]
    return {"$schema": DRAFT, "title": FACTS, **root, "$defs": _sorted(definitions)}


def report_schema() -> Schema:
    """envdoctor.report/1; `facts` follows the facts schema, which is part of it."""
    definitions: Schema = {}
    note = _schema(Note, definitions)
    facts = facts_schema()
    definitions.update(facts.pop("$defs"))
    del facts["$schema"]
    properties = {
        "schema": {"const": REPORT},
        "status": {"enum": ["clean", "undetermined", "findings"]},
        "findings": {"type": "array", "items": _finding(definitions)},
        "facts": facts,
        "notes": {"type": "array", "items": note},
    }
    return {"$schema": DRAFT, "title": REPORT, **_closed(properties), "$defs": _sorted(definitions)}


def explanation_schema() -> Schema:
    """envdoctor.explanation/1; `line` is null where no line is known, `here` where the machine was not asked."""
    definitions: Schema = {}
    line = _closed({"line": {"anyOf": [{"type": "integer"}, {"type": "null"}]}, "text": {"type": "string"}})
    lines = {"type": "array", "items": line}
    here = _closed({"answer": {"enum": list(ANSWERS)}, "text": {"type": "string"}})
    finding = {
        "rule": {"type": "string"},
        "rank": {"type": "integer", "minimum": 1},
        "confidence": {"enum": list(CONFIDENCE)},
        "message": {"type": "string"},
        "consequence": {"type": "string"},
        "evidence": lines,
        "follows": lines,
        "fix": _fix(definitions),
        "here": {"anyOf": [{"type": "null"}, here]},
    }
    properties = {
        "schema": {"const": EXPLANATION},
        "log": {"type": "string"},
        "verdict": {"enum": list(VERDICTS)},
        "findings": {"type": "array", "items": _closed(finding)},
        "signs": lines,
        "more": {"type": "string"},
        "notes": {"type": "array", "items": _schema(Note, definitions)},
    }
    return {"$schema": DRAFT, "title": EXPLANATION, **_closed(properties), "$defs": _sorted(definitions)}


def fleet_schema() -> Schema:
    """envdoctor.fleet/1; of a difference `a` is the norm, `b` the machines of the group.

    Of very many groups only the first have `differences`; `differs` names the facts in which they are.
    """
    text, number, names = (
        {"type": "string"},
        {"type": "integer"},
        {"type": "array", "items": {"type": "string"}},
    )
    found_via = {"anyOf": [{"type": "null"}, text]}
    place = {"component": {**names, "minItems": 1}, "field": text}
    difference = {
        "kind": {"enum": ["changed", "only in A", "only in B", "not comparable"]},
        **place,
        "a": {},
        "b": {},
        "found_via_a": found_via,
        "found_via_b": found_via,
    }
    group = {
        "norm": {"type": "boolean"},
        "machines": names,
        "description": text,
        "differs": names,
        "differences": {"anyOf": [{"type": "null"}, _list(difference)]},
    }
    shared = {"rule": text, "machines": names, "messages": _list({"text": text, "machines": number})}
    severity = {"enum": [severity.value for severity in Severity]}
    bundle = {"bundle": text, "fits": {"type": "boolean"}, "targets": names, "against": names, "known": names}
    properties = {
        "schema": {"const": FLEET},
        "machines": number,
        "same": {"type": "boolean"},
        "groups": _list(group),
        "not_comparable": _list({**place, "machines": number}),
        "findings": _list({"severity": severity, **shared}),
        "undetermined": _list(shared),
        "bundles": _list({**bundle, "machines": names}),
        "unread": _list({"report": text, "reason": text}),
    }
    return {"$schema": DRAFT, "title": FLEET, **_closed(properties)}


def files() -> Dict[str, str]:
    """Name and contents of each published file."""
    made = {
        "envdoctor.facts-1.json": facts_schema(),
        "envdoctor.report-1.json": report_schema(),
        "envdoctor.explanation-1.json": explanation_schema(),
        "envdoctor.fleet-1.json": fleet_schema(),
    }
    return {name: json.dumps(schema, indent=1, ensure_ascii=False) + "\n" for name, schema in made.items()}


def _fix(definitions: Schema) -> Schema:
    steps = [_step(kind, definitions) for kind in (SetEnv, Shim, Run, Edit)]
    fix = {
        "title": {"type": "string"},
        "safety": {"enum": [safety.value for safety in Safety]},
        "steps": {"type": "array", "items": {"oneOf": steps}},
        "lasting": {"type": "array", "items": {"oneOf": steps}},
    }
    return {"anyOf": [{"type": "null"}, _closed(fix)]}


def _finding(definitions: Schema) -> Schema:
    return _closed(
        {
            "rule": {"type": "string"},
            "severity": {"enum": [severity.value for severity in Severity]},
            "message": {"type": "string"},
            "consequence": {"type": "string"},
            "evidence": {"type": "array", "items": _schema(Evidence, definitions)},
            "fix": _fix(definitions),
            "location": {"anyOf": [{"type": "null"}, _schema(Location, definitions)]},
        }
    )


def _step(kind: type, definitions: Schema) -> Schema:
    described = _object(kind, definitions)
    properties = {"step": {"const": kind.__name__}, **described["properties"]}
    return {**_closed(properties), "description": described["description"]}


def _schema(hint: Any, definitions: Schema) -> Schema:
    origin = getattr(hint, "__origin__", None)
    if origin is Union:
        return {"anyOf": [_schema(part, definitions) for part in hint.__args__]}
    if origin is tuple:
        return _array(hint.__args__, definitions)
    if hint is Safety:
        return {"enum": [safety.value for safety in Safety]}
    if hint is Unknown:
        return _closed({"unknown": {"type": "string"}})
    if hint is NotExamined:
        return _closed({"not_examined": {"const": True}})
    if hint in SIMPLE:
        return {"type": SIMPLE[hint]}
    name = hint.__name__
    if name not in definitions:
        definitions[name] = {}  # a place holder for types that contain themselves
        definitions[name] = _object(hint, definitions)
    return {"$ref": f"#/$defs/{name}"}


def _array(parts: Tuple[Any, ...], definitions: Schema) -> Schema:
    if parts[-1] is Ellipsis:
        return {"type": "array", "items": _schema(parts[0], definitions)}
    return {
        "type": "array",
        "prefixItems": [_schema(part, definitions) for part in parts],
        "minItems": len(parts),
        "maxItems": len(parts),
    }


def _object(kind: Any, definitions: Schema, required: bool = True) -> Schema:
    hints = get_type_hints(kind)
    fields = dataclasses.fields(kind)
    schema = _closed({field.name: _schema(hints[field.name], definitions) for field in fields})
    schema["description"] = inspect.cleandoc(kind.__doc__ or "")
    if not required:
        del schema["required"]
    else:
        # What has a default may be missing in a file that an older version wrote.
        schema["required"] = [field.name for field in fields if field.default is dataclasses.MISSING]
    return schema


def _list(properties: Schema) -> Schema:
    return {"type": "array", "items": _closed(properties)}


def _closed(properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _sorted(definitions: Schema) -> Schema:
    return {name: definitions[name] for name in sorted(definitions)}
