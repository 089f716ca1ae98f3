"""Debian's packages in a root: their files, a profile for folders as they are there, and the host compiler's names."""

import posixpath
from typing import Iterable, Sequence, Tuple

from envdoctor.host import Host, debs, install, write_whole
from envdoctor.toolkit_root import debian, glibc
from envdoctor.toolkit_root.packages import Package
from envdoctor.toolkit_root.plan import PlanError
from envdoctor.toolkit_root.pool import Deb, Part

_PROFILE = "bin/nvcc.profile"


def unpack(host: Host, package: Package, root: str) -> None:
    """Put the files of one where they belong. Raises PlanError for a broken one, OSError."""
    item = package.item
    if isinstance(item, Part):
        data = host.read_range(package.path, 0, package.size)
        install.write_chunks(f"{root}/lib/{item.file}", [data])
        return
    place = debian.gcc_place if _is_gcc(item) else debian.place
    try:
        links = debs.unpack(package.path, root, place)
    except debs.BrokenDeb as error:
        raise PlanError(f"{package.path} is broken: {error}; remove it and fetch it again") from None
    _link(root, links)


def mend(host: Host, packages: Iterable[Package], root: str) -> None:
    """What makes one toolkit of them. Raises OSError."""
    items = [package.item for package in packages]
    if any(isinstance(item, Deb) and not _is_gcc(item) for item in items):
        write_whole(f"{root}/{_PROFILE}", debian.PROFILE)
        for header in glibc.HEADERS:
            write_whole(f"{root}/{header}", glibc.mended(host.read_text(f"{root}/{header}")))
    if any(_is_gcc(item) for item in items):
        profile = host.read_text(f"{root}/{_PROFILE}").rstrip("\n")
        write_whole(f"{root}/{_PROFILE}", f"{profile}\n\n{debian.PROFILE_BINDIR}")
        triplet = debian.triplet(host.machine().architecture)
        for name in debian.DRIVERS:
            script = debian.DRIVER.format(triplet=triplet, name=name)
            path = f"{root}/{debian.HOST_COMPILER}/bin/{name}"
            install.write_chunks(path, [script.encode()], executable=True)


def _link(root: str, links: Sequence[Tuple[str, str]]) -> None:
    """Those to a neighbour as they are; a library elsewhere is the system's, which the linker finds by its name."""
    for place, leads_to in links:
        if posixpath.basename(leads_to) == leads_to:
            install.link(f"{root}/{place}", leads_to)
        else:
            install.write_chunks(f"{root}/{place}", [debian.link_script(leads_to).encode()])


def _is_gcc(item: object) -> bool:
    return isinstance(item, Deb) and item.component == "main"
