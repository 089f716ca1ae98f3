"""Copies of a library, and what linkers and the loader would take."""

import posixpath
import re
from dataclasses import replace
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

from envdoctor import compat
from envdoctor.facts import Facts, Loader, System, Toolkit, Torch
from envdoctor.find import places
from envdoctor.find.model import Copy, Found, Taken
from envdoctor.find.places import Place
from envdoctor.host import Host
from envdoctor.probes import _ldcache

_ARCHIVE = (b"!<arch>\n", b"!<thin>\n")


def search(name: str, facts: Facts, host: Host) -> Found:
    """A library by its link name ("cublas"), its file ("libcublas.so.12") or a link flag ("-lcublas")."""
    stem, exact = _names(name)
    folders = places.existing(host, _folders(stem, facts, host))
    copies = [copy for place in folders for copy in _copies(stem, exact, place.folder, facts, host)]
    packages = places.system_package([copy.path for copy in copies if copy.owner == "system"], host)
    copies = [
        replace(c, owner=f"system package {packages[c.path]}") if c.path in packages else c for c in copies
    ]
    copies = [_without_remark(copy, copies, host) for copy in copies]
    sonames = _sonames(copies)
    takers = (*_linkers(stem, facts, host), *_loader(sonames, facts, host), *_torch(stem, facts))
    taken = takers if copies else ()
    looked = tuple(place.folder for place in folders)
    return Found(name, "library", tuple(copies), taken, looked, tuple(_hints(stem, exact, facts)))


def _names(name: str) -> Tuple[str, Optional[str]]:
    """The link name, and the file name where one was given."""
    base = posixpath.basename(name)
    base = base[2:] if base.startswith("-l") else base
    match = re.fullmatch(r"lib(.+?)\.(?:so|a)(?:\..*)?", base)
    return (match[1], base) if match else (base, None)


def _folders(stem: str, facts: Facts, host: Host) -> Iterator[Place]:
    yield from places.linker_folders(facts, host)
    yield from places.variable(facts, host, "LD_LIBRARY_PATH")
    for toolkit in places.toolkits(facts):
        for folder in toolkit.library_dirs:
            yield Place(folder, f"CUDA {toolkit.version}")
            yield Place(f"{folder}/stubs", f"CUDA {toolkit.version}")
    yield from places.nvcc_folders(facts, host, "-L")
    yield from places.torch_folders(facts, host, "-L")
    yield from places.wheel_folders(facts, host, "lib")
    for prefix in places.prefixes(facts, host):
        yield Place(f"{prefix}/lib", prefix)
        yield Place(f"{prefix}/targets/x86_64-linux/lib", prefix)
    for soname, paths in _cache(facts, host).items():
        if soname.startswith(f"lib{stem}."):
            yield from (Place(posixpath.dirname(path), "ld.so.cache") for path in paths)
    for folder in _default_folders(facts):
        yield Place(folder, "the loader's folders")
    yield Place("/usr/lib/wsl/lib", "WSL")


def _copies(stem: str, exact: Optional[str], folder: str, facts: Facts, host: Host) -> Iterator[Copy]:
    """The files of one folder; links inside it are told with the file that they lead to."""
    pattern = re.compile(rf"lib{re.escape(stem)}(?:_static)?(?:\.so(?:\.[0-9.]+)?|\.a)")
    names = [name for name in host.listdir(folder) if pattern.fullmatch(name)]
    if exact:
        names = [name for name in names if name == exact or name.startswith(f"{exact}.")]
    chains = {name: _chain(folder, name, host) for name in names}
    led_to = {link for links in chains.values() for link in links}
    for name in sorted(names, key=len):
        if name not in led_to:
            yield _copy(folder, name, chains[name], facts, host)


def _without_remark(copy: Copy, copies: Sequence[Copy], host: Host) -> Copy:
    """A file to which a link of another folder leads is found through that link."""
    real = host.realpath(copy.path)
    reached = any(other is not copy and other.links and host.realpath(other.path) == real for other in copies)
    return replace(copy, remark="") if reached else copy


def _chain(folder: str, name: str, host: Host) -> Tuple[str, ...]:
    """Where a link leads, step by step: names in the same folder, full paths elsewhere."""
    links: List[str] = []
    path = posixpath.join(folder, name)
    while host.is_link(path) and len(links) < 10:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), host.readlink(path)))
        links.append(posixpath.basename(target) if posixpath.dirname(target) == folder else target)
        path = target
    return tuple(links)


def _copy(folder: str, name: str, links: Tuple[str, ...], facts: Facts, host: Host) -> Copy:
    path = posixpath.join(folder, name)
    owner = places.owner(path, facts, host)
    if not host.is_file(path):
        return Copy(path, "broken link", None, owner, links, "leads to no file")
    kind = _kind(path, host)
    remark = ""
    if kind == "shared" and ".so." in name:
        plain = name.split(".so", maxsplit=1)[0] + ".so"
        if not host.is_file(posixpath.join(folder, plain)):  # the pattern may have left it out of the names
            remark = f"there is no {plain} beside it: -l{plain[3:-3]} does not find it"
    return Copy(path, kind, _version([name, *links], path, owner, facts), owner, links, remark)


def _kind(path: str, host: Host) -> str:
    try:
        head = host.read_range(path, 0, 8)
    except OSError:
        return "unreadable"
    if posixpath.basename(posixpath.dirname(path)) == "stubs":
        return "stub"
    if head.startswith(b"\x7fELF"):
        return "shared"
    return "static" if head in _ARCHIVE else "linker script"


def _version(names: Sequence[str], path: str, owner: str, facts: Facts) -> Optional[str]:
    """The longest version that the names carry; else what the facts say of the library or of its package."""
    found = [match[1] for name in names for match in [re.search(r"\.so\.([0-9.]+)$", name)] if match]
    longest = max(found, key=len, default=None)
    if longest and "." in longest:
        return longest
    told = _told(path, facts)
    if told:
        return told
    package = re.fullmatch(r"package \S+ (\S+)", owner)
    return package[1] if package else longest


def _told(path: str, facts: Facts) -> Optional[str]:
    """What the toolkit that has this file says of its version."""
    for toolkit in places.toolkits(facts):
        for library in toolkit.libraries:
            if path in (library.shared, library.dev_link, library.static):
                part = toolkit.component(library.name)
                return (part and part.version) or library.version
    return None


def _sonames(copies: Sequence[Copy]) -> List[str]:
    """The names that programs built against these copies would ask the loader for.

    The first name with a number in a chain of links: libcudart.so -> libcudart.so.11.0 -> libcudart.so.11.8.89.
    """
    found = set()
    for copy in copies:
        names = (
            [posixpath.basename(name) for name in (copy.path, *copy.links)] if copy.kind == "shared" else []
        )
        found.update([name for name in names if ".so." in name][:1])
    return sorted(found)


def _linkers(stem: str, facts: Facts, host: Host) -> Iterator[Taken]:
    usual = places.linker_folders(facts, host)
    compiler = posixpath.basename(places.compiler(facts, host) or "c++")
    yield _linked(f"{compiler} -l{stem}", stem, usual, host)
    if isinstance(facts.toolkit, Toolkit) and facts.toolkit.nvcc:
        yield _linked(f"nvcc -l{stem}", stem, [*places.nvcc_folders(facts, host, "-L"), *usual], host)
    if isinstance(facts.torch, Torch):
        yield _linked(
            f"torch extension, -l{stem}", stem, [*places.torch_folders(facts, host, "-L"), *usual], host
        )


def _linked(by: str, stem: str, folders: Sequence[Place], host: Host) -> Taken:
    """ld takes the first folder that has libNAME.so or libNAME.a, and the .so where a folder has both."""
    for place in folders:
        for ending in ("so", "a"):
            path = posixpath.join(place.folder, f"lib{stem}.{ending}")
            if host.is_file(path):
                return Taken(by, path, f"from {place.why}")
    return Taken(
        by, None, f"no lib{stem}.so or lib{stem}.a in any of the {len(folders)} folders that it searches"
    )


def _loader(sonames: Sequence[str], facts: Facts, host: Host) -> Iterator[Taken]:
    known = (
        {entry.soname: entry for entry in facts.loader.libraries} if isinstance(facts.loader, Loader) else {}
    )
    for soname in sonames:
        entry = known.get(soname)
        if entry and entry.taken:
            yield Taken(f"loader, {soname}", entry.taken.path, entry.taken.via)
        elif entry:
            yield Taken(f"loader, {soname}", None, "in none of its folders")
        else:
            yield _loaded(soname, facts, host)


def _torch(stem: str, facts: Facts) -> Iterator[Taken]:
    """torch's own modules name their libraries by run path, so that nothing of the above counts for them."""
    for part in facts.torch.libraries if isinstance(facts.torch, Torch) else ():
        if part.name == stem:
            yield Taken("torch's own modules", part.path, part.found_via)


def _loaded(soname: str, facts: Facts, host: Host) -> Taken:
    """LD_LIBRARY_PATH, then the cache, then the default folders: for a program without a run path of its own."""
    by = f"loader, {soname}"
    for place in places.variable(facts, host, "LD_LIBRARY_PATH"):
        path = posixpath.join(place.folder, soname)
        if host.is_file(path):
            return Taken(by, path, "LD_LIBRARY_PATH")
    for path in _cache(facts, host).get(soname, ()):
        return Taken(by, path, "ld.so.cache")
    for folder in _default_folders(facts):
        path = posixpath.join(folder, soname)
        if host.is_file(path):
            return Taken(by, path, "the loader's folders")
    return Taken(
        by, None, "not in LD_LIBRARY_PATH, ld.so.cache or the default folders; a run path may still find it"
    )


def _cache(facts: Facts, host: Host) -> Dict[str, Tuple[str, ...]]:
    return _ldcache.libraries(host, _machine(facts))


def _default_folders(facts: Facts) -> Tuple[str, ...]:
    libc = facts.system.libc if isinstance(facts.system, System) else "glibc"
    return _ldcache.default_folders(_machine(facts), libc)


def _machine(facts: Facts) -> str:
    return facts.system.machine if isinstance(facts.system, System) else "x86_64"


def _hints(stem: str, exact: Optional[str], facts: Facts) -> Iterator[str]:
    """What brings a CUDA library; only where that is known."""
    base = stem[: -len("_static")] if stem.endswith("_static") else stem
    if base not in compat.CUDA_LIBRARIES and base not in compat.CUDA_WHEELS:
        return
    asked = re.search(r"\.so\.(\d+)", exact or "")
    toolkit = facts.toolkit if isinstance(facts.toolkit, Toolkit) else None
    major = toolkit.release[0] if toolkit and toolkit.release[0] else 13
    if asked and base in compat.CUDA_MAJOR_SONAMES:
        major = int(asked[1])
    wheel = compat.cuda_wheel(base, major)
    if stem.endswith("_static") and base != "cudart":
        yield f"It is part of a whole CUDA {major} toolkit from NVIDIA; no wheel brings it."
    elif wheel:
        yield f"For CUDA {major} the wheel {wheel} brings it:\n  python -m pip install {wheel}"
    else:
        yield f"It is part of a whole CUDA {major} toolkit from NVIDIA."
