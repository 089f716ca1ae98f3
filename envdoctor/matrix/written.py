"""Files that are made from the table: written whole, or compared with what is there."""

import posixpath
from typing import Mapping, Tuple

from envdoctor.host import Host, make_folder, write_whole


def stale(host: Host, folder: str, files: Mapping[str, str]) -> Tuple[str, ...]:
    """Names of those that are not there, or are others."""
    return tuple(name for name, text in files.items() if host.try_text(posixpath.join(folder, name)) != text)


def write(folder: str, files: Mapping[str, str]) -> None:
    """Each whole or not at all. Raises OSError."""
    for name, text in files.items():
        path = posixpath.join(folder, name)
        make_folder(posixpath.dirname(path))
        write_whole(path, text)
