"""TOML by the standard library, and by tomli on Pythons that have none; with line numbers: probes/_project/toml.py."""

import sys
from typing import Any, Dict


def loads(text: str) -> Dict[str, Any]:
    """The tables of a file. Raises ValueError for what is none, ImportError where nothing here reads it."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]
    document: Dict[str, Any] = tomllib.loads(text)
    return document
