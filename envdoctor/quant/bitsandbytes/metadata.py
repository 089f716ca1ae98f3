"""What `importlib.metadata` says of bitsandbytes while these names are installed: transformers 4 asks nothing else."""

import importlib.metadata
import sys
from pathlib import PurePosixPath
from typing import Any, Iterator, Optional

_Context = importlib.metadata.DistributionFinder.Context
_ANY = _Context()
_TEXT = "Metadata-Version: 2.1\nName: bitsandbytes\nVersion: {}\n"


class _Distribution(importlib.metadata.Distribution):
    def __init__(self, version: str) -> None:
        self._text = _TEXT.format(version)

    def read_text(self, filename: str) -> Optional[str]:
        return self._text if filename == "METADATA" else None

    def locate_file(self, path: Any) -> Any:
        return PurePosixPath(path)


class _Finder(importlib.metadata.DistributionFinder):
    def __init__(self, version: str) -> None:
        self._version = version

    def find_spec(self, *_: Any) -> None:
        """No module: those are in sys.modules."""

    def find_distributions(self, context: _Context = _ANY) -> Iterator[importlib.metadata.Distribution]:
        if context.name == "bitsandbytes":
            yield _Distribution(self._version)


def say_installed(version: str) -> None:
    """Once; a bitsandbytes that pip has installed is found before."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder(version))
