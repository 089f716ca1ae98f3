"""What a CUDA line compiles for, and which of them the release is built with."""

from typing import Tuple

from envdoctor import architectures, compat
from envdoctor.architectures import Architecture
from envdoctor.matrix.table import CudaLine, Table, TableError


def targets(table: Table, line: CudaLine) -> Tuple[str, ...]:
    """Of the table's architectures those that the line's compiler knows, with PTX of the newest that is for all GPUs.

    Raises TableError where it knows none.
    """
    known = sorted((arch for arch in table.wheel.archs if _knows(line, arch)), key=_number)
    if not known:
        raise TableError(f"CUDA {line.version} knows none of {', '.join(table.wheel.archs)}")
    newest = next((arch for arch in reversed(known) if arch[-1].isdigit()), None)
    return tuple(f"{arch}+PTX" if arch == newest else arch for arch in known)


def release_line(table: Table) -> CudaLine:
    """The oldest line whose compiler knows all architectures. Raises TableError where none does."""
    for line in table.cuda:
        if all(_knows(line, arch) for arch in table.wheel.archs):
            return line
    raise TableError("no CUDA line of it knows all architectures, so none can build the release")


def _number(arch: str) -> int:
    found = architectures.parse(arch)
    assert found is not None, "read() has looked"
    return found.number


def _knows(line: CudaLine, arch: str) -> bool:
    wanted = architectures.parse(arch)
    assert wanted is not None, "read() has looked"
    oldest = compat.at_least(compat.OLDEST_ARCHITECTURE, line.release)
    return _known_since(wanted) <= line.release and wanted.number >= oldest


def _known_since(wanted: Architecture) -> Tuple[int, int]:
    """An architecture without a row is newer than the table of compat."""
    first = compat.ARCHITECTURE_SINCE.get(wanted.number, (999, 0))
    return max(first, compat.SUFFIX_SINCE.get(wanted.suffix, (0, 0)))
