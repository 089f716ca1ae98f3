"""Copies of a header, and what each compilation would include."""

import posixpath
import re
from typing import Iterator, List, Optional, Sequence, Tuple

from envdoctor import compat
from envdoctor.facts import Facts, Project, Python, System, Toolkit, Torch
from envdoctor.find import places
from envdoctor.find.model import Copy, Found, Taken
from envdoctor.find.places import Place
from envdoctor.host import Host

# A project with its submodules stays well below; a home folder does not.
_FOLDERS = 4000
_DEPTH = 10
_SKIPPED = frozenset(
    {".git", ".hg", "node_modules", "__pycache__", ".envdoctor", "build", "dist", ".venv", "venv"}
)


def search(name: str, facts: Facts, host: Host) -> Found:
    """A header as the sources include it: "cutlass/core_io.h", "cusparse.h"."""
    name = name.strip("<>\"'")
    roots = places.existing(host, _roots(facts, host))
    if name.startswith("/"):
        roots = places.existing(host, [*roots, Place(posixpath.dirname(name), "as given")])
        name = _as_included(name, [place.folder for place in roots])
    copies = [_copy(place.folder, name, facts, host) for place in roots if _has(place.folder, name, host)]
    known = {host.realpath(copy.path) for copy in copies}
    trees = [path for path in _below_project(name, facts, host) if host.realpath(path) not in known]
    for path in trees:
        remark = f"on nobody's include path; -I{path[: -len(name) - 1]} would put it there"
        copies.append(
            Copy(path, "header", _version(path, name, host), places.owner(path, facts, host), (), remark)
        )
    taken = tuple(_takers(name, facts, host)) if copies else ()
    looked = tuple(place.folder for place in roots)
    if isinstance(facts.project, Project) and facts.project.builds:
        looked += (f"{facts.project.root} and below",)
    return Found(name, "header", tuple(copies), taken, looked, tuple(_hints(name, facts)))


def _as_included(name: str, folders: Sequence[str]) -> str:
    """A path as the sources would include it: by what follows the highest folder that is searched."""
    above = [folder for folder in folders if name.startswith(folder + "/")]
    return name[len(min(above, key=len)) + 1 :] if above else posixpath.basename(name)


def _roots(facts: Facts, host: Host) -> Iterator[Place]:
    yield from places.project_includes(facts, host)
    yield from places.include_folders(facts, host)
    yield from places.nvcc_folders(facts, host, "-I")
    for toolkit in places.toolkits(facts):
        for folder in toolkit.include_dirs:
            yield Place(folder, f"CUDA {toolkit.version}")
            yield Place(f"{folder}/cccl", f"CUDA {toolkit.version}")
    yield from places.torch_folders(facts, host, "-I")
    yield from places.wheel_folders(facts, host, "include")
    yield from places.header_packages(facts, host)
    if isinstance(facts.python, Python):
        yield Place(facts.python.include, "Python")
    for prefix in places.prefixes(facts, host):
        yield Place(f"{prefix}/include", prefix)
        yield Place(f"{prefix}/targets/x86_64-linux/include", prefix)


def _takers(name: str, facts: Facts, host: Host) -> Iterator[Taken]:
    usual = places.include_folders(facts, host)
    compiler = posixpath.basename(places.compiler(facts, host) or "c++")
    yield _included(compiler, name, usual, host)
    own = places.project_includes(facts, host)
    if own:
        yield _included(f"{compiler}, with the project's own folders", name, [*own, *usual], host)
    nvcc = places.nvcc_folders(facts, host, "-I")
    if isinstance(facts.toolkit, Toolkit) and facts.toolkit.nvcc:
        yield _included("nvcc", name, [*nvcc, *usual], host)
    if isinstance(facts.torch, Torch):
        python = places.python_includes(facts, host)
        extension = [*own, *places.torch_folders(facts, host, "-I"), *python]
        yield _included("torch extension, .cpp files", name, [*extension, *usual], host)
        if nvcc:
            yield _included("torch extension, .cu files", name, [*extension, *nvcc, *usual], host)


def _included(by: str, name: str, folders: Sequence[Place], host: Host) -> Taken:
    for place in folders:
        if _has(place.folder, name, host):
            return Taken(by, posixpath.join(place.folder, name), f"from {place.why}")
    return Taken(by, None, f"in none of the {len(folders)} folders that it searches")


def _has(folder: str, name: str, host: Host) -> bool:
    return host.is_file(posixpath.join(folder, name))


def _copy(folder: str, name: str, facts: Facts, host: Host) -> Copy:
    path = posixpath.join(folder, name)
    return Copy(path, "header", _version(path, name, host), places.owner(path, facts, host))


def _version(path: str, name: str, host: Host) -> Optional[str]:
    """CUTLASS and CUDA say their version in a header of the same folder; others in no common way."""
    root = path[: -len(name) - 1]
    text = host.try_text(f"{root}/cutlass/version.h") if name.startswith(("cutlass/", "cute/")) else None
    found = [
        re.search(rf"#define\s+CUTLASS_{part}\s+(\d+)", text or "") for part in ("MAJOR", "MINOR", "PATCH")
    ]
    if all(found):
        return ".".join(match[1] for match in found if match)
    text = host.try_text(f"{root}/cuda.h") if host.is_file(f"{root}/cuda.h") else None
    number = re.search(r"#define\s+CUDA_VERSION\s+(\d+)", text or "")
    return f"{int(number[1]) // 1000}.{int(number[1]) % 1000 // 10}" if number else None


def _below_project(name: str, facts: Facts, host: Host) -> List[str]:
    """Files below the project whose path ends in the name."""
    if not isinstance(facts.project, Project) or not facts.project.builds:
        return []
    found: List[str] = []
    waiting: List[Tuple[str, int]] = [(facts.project.root, 0)]
    for _ in range(_FOLDERS):
        if not waiting:
            return found
        folder, depth = waiting.pop()
        if _has(folder, name, host):
            found.append(posixpath.join(folder, name))
        for entry in host.listdir(folder):
            path = posixpath.join(folder, entry)
            status = host.lstat(path) if entry not in _SKIPPED and depth < _DEPTH else None
            if status and status.kind == "folder":
                waiting.append((path, depth + 1))
    host.note(facts.project.root, f"only {_FOLDERS} folders below it were searched for {name}")
    return found


def _hints(name: str, facts: Facts) -> Iterator[str]:
    """What brings a header; only where that is known."""
    toolkit = facts.toolkit if isinstance(facts.toolkit, Toolkit) else None
    major = toolkit.release[0] if toolkit and toolkit.release[0] else 13
    for start, library in compat.CUDA_HEADERS:
        wheel = compat.cuda_wheel(library, major) if _begins(name, start) else None
        if wheel:
            yield f"For CUDA {major} the wheel {wheel} brings it:\n  python -m pip install {wheel}"
            return
    for start, package, _ in compat.HEADER_PACKAGES:
        if _begins(name, start):
            yield f"The package {package} brings headers of this kind:\n  python -m pip install {package}"
            return
    manager = facts.system.package_manager if isinstance(facts.system, System) else None
    column = {"apt-get": 1, "dnf": 2, "yum": 2, "apk": 3}.get(manager or "")
    for row in compat.DEV_PACKAGES:
        if _begins(name, row[0]) and column:
            verb = "add" if manager == "apk" else "install"
            yield f"The system package {row[column]} brings it:\n  {manager} {verb} {row[column]}"
            return


def _begins(name: str, start: str) -> bool:
    return name.startswith(start) if start.endswith("/") else name == start
