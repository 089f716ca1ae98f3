"""The oldest glibc that a wheel's compiled files run on, read from the files alone: a wheel's tag is only a promise."""

import posixpath
import re
from typing import Dict, Iterator, List, Optional, Tuple

from envdoctor.bundle.target import BundleError, Target
from envdoctor.elf import ElfError, newest, parse
from envdoctor.host import Host, archives, make_folder, remove

_COMPILED = re.compile(r".*\.so(\.[\d.]+)?|[^/]+\.data/scripts/.+|.*/bin/[^/.]+")
_MAGIC = b"\x7fELF"

#: The machine that a file is for, and the glibc that it needs (None: none).
Floor = Tuple[str, Optional[Tuple[int, int]]]


def check(host: Host, wheel: str, target: Target, work: str) -> List[str]:
    """Compiled files in a wheel that do not run on a target, each with the reason.

    Raises BundleError where none does: of several (one for each CUDA, say) the right one may be among the others.
    """
    floors = floors_of(host, wheel, work)
    bad = [f"{member} {why}" for member, floor in floors.items() for why in [_too_new(floor, target)] if why]
    if bad and len(bad) == len(floors):
        raise BundleError(
            f"{posixpath.basename(wheel)}: {bad[0]}, and {target.name} is asked for; build it on such a machine "
            "(in a container of manylinux, say), and give the wheel"
        )
    return bad


def _too_new(floor: Floor, target: Target) -> Optional[str]:
    machine, glibc = floor
    if machine != target.machine:
        return f"is for {machine}"
    return "needs glibc {}.{}".format(*glibc) if glibc and glibc > target.glibc else None


def floors_of(host: Host, wheel: str, work: str) -> Dict[str, Floor]:
    """Of each compiled file, by its name in the wheel."""
    try:
        return {member: _floor(host, path) for member, path in compiled(host, wheel, work)}
    except archives.BrokenArchive as error:
        raise BundleError(f"{posixpath.basename(wheel)}: {error}") from None


def compiled(host: Host, wheel: str, work: str) -> Iterator[Tuple[str, str]]:
    """ELF files by their names in a wheel, each unpacked below `work` until the next one. Raises BrokenArchive."""
    folder = posixpath.join(work, "compiled")
    try:
        for member in archives.members(wheel):
            if _COMPILED.fullmatch(member):
                make_folder(folder)
                path = archives.extract(wheel, member, folder)
                if host.read_range(path, 0, 4) == _MAGIC:
                    yield member, path
                remove(path)
    finally:
        remove(folder)


def _floor(host: Host, path: str) -> Floor:
    def read(offset: int, size: int) -> bytes:
        return host.read_range(path, offset, size)

    try:
        elf = parse(read)
    except ElfError as error:
        raise archives.BrokenArchive(f"{posixpath.basename(path)}: {error}") from None
    version = newest(elf.versions_needed, "GLIBC")
    numbers = version.partition("_")[2].split(".")[:2] if version else []
    return elf.machine, (int(numbers[0]), int(numbers[1])) if len(numbers) == 2 else None
