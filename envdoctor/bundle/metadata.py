"""What METADATA of a wheel says, read from its file."""

import posixpath
from typing import List

from packaging.requirements import Requirement

from envdoctor.bundle.target import BundleError
from envdoctor.host import archives
from envdoctor.requirements import parse


def field(wheel: str, name: str) -> List[str]:
    """The values of a field, "Requires-Dist". Raises BundleError."""
    try:
        metadata = archives.read_member(wheel, ".dist-info/METADATA")
    except archives.BrokenArchive as error:
        raise BundleError(f"{posixpath.basename(wheel)}: {error}") from None
    head = metadata.replace("\r\n", "\n").partition("\n\n")[0]
    lines = (line.partition(":") for line in head.splitlines())
    return [value.strip() for key, _, value in lines if key.lower() == name.lower()]


def requirements(wheel: str) -> List[Requirement]:
    """What it asks for, on any machine."""
    return [found for found in map(parse, field(wheel, "Requires-Dist")) if found is not None]
