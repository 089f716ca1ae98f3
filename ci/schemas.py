#!/usr/bin/env python3
"""Bring the published JSON Schemas up to date with the facts: envdoctor/report/schema/*.json."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Write the files that have changed and name them."""
    sys.path.insert(0, str(ROOT))
    from envdoctor.report import schemas

    for name, text in schemas.files().items():
        path = ROOT / "envdoctor" / "report" / "schema" / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
