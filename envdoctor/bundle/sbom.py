"""The bill of materials of a bundle (CycloneDX 1.6): files, checksums, and the targets that they are for. Pure."""

import json
from typing import Any, Dict, List, Sequence
from urllib.parse import quote

from envdoctor.bundle.layout import Contents, Package


def sbom(contents: Sequence[Contents], made_by: str) -> str:
    """One component for each file; nothing in it depends on when and where it is made."""
    files = {each.file: each for one in contents for each in (*one.packages, one.pip)}
    name, _, version = made_by.partition(" ")
    document: Dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "tools": {"components": [{"type": "application", "name": name, "version": version}]},
            "properties": [{"name": "envdoctor:target", "value": one.target.name} for one in contents],
        },
        "components": [_component(files[file], _targets(file, contents)) for file in sorted(files)],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _component(each: Package, targets: List[str]) -> Dict[str, Any]:
    version, file = (quote(text, safe="") for text in (each.version, each.file))
    return {
        "type": "library",
        "bom-ref": each.file,
        "name": each.project,
        "version": each.version,
        "purl": f"pkg:pypi/{each.project}@{version}?file_name={file}",
        "hashes": [{"alg": "SHA-256", "content": each.sha256}],
        "properties": [{"name": "envdoctor:target", "value": target} for target in targets],
    }


def _targets(file: str, contents: Sequence[Contents]) -> List[str]:
    """Of those that install it."""
    return [one.target.name for one in contents if file in {each.file for each in (*one.packages, one.pip)}]
