"""The copies of libstdc++.so.6 that a build or a load may meet, and the one that the loader takes."""

import posixpath
import re
import shlex
from typing import Dict, Iterator, List, Optional, Tuple

from envdoctor import elf
from envdoctor.facts import Python, RuntimeLibrary
from envdoctor.host import Host
from envdoctor.probes import _ldcache

SONAME = "libstdc++.so.6"

_RUN_PATH = re.compile(r"-(?:Wl,|Xlinker )-?-?(?:rpath|R)[=, ]?(?:-Wl,|-Xlinker )?([^\s,]+)")


def libraries(host: Host, machine: str, libc: str, python: Optional[Python]) -> Tuple[RuntimeLibrary, ...]:
    """In the order in which the loader would look, then those that it does not look at; each file once."""
    searched = list(_searched(host, machine, libc, python))
    others = list(_others(host, python))
    found: Dict[str, RuntimeLibrary] = {}
    taken = False
    for index, (path, origin) in enumerate([*searched, *others]):
        real = host.realpath(path)
        if real not in found and host.is_file(real):
            program = _parsed(host, path)
            # The loader passes over files for other machines, and stops at broken ones.
            fits = program is None or program.machine == machine
            takes = fits and not taken and index < len(searched)
            taken = taken or takes
            versions = program.version_definitions if program else ()
            glibcxx, cxxabi = _newest(versions, "GLIBCXX"), _newest(versions, "CXXABI")
            found[real] = RuntimeLibrary(path, glibcxx, cxxabi, origin, takes)
    return tuple(found.values())


def _parsed(host: Host, path: str) -> Optional[elf.Elf]:
    try:
        return elf.parse(lambda offset, size: host.read_range(path, offset, size))
    except (OSError, elf.ElfError) as error:
        host.note(path, str(error))
        return None


def _newest(versions: Tuple[str, ...], prefix: str) -> Optional[str]:
    found = elf.newest(versions, prefix)
    return found[len(prefix) + 1 :] if found else None


def _searched(
    host: Host,
    machine: str,
    libc: str,
    python: Optional[Python],
) -> Iterator[Tuple[str, str]]:
    """Candidates in the loader's order (ld.so(8)) for a module that brings no search path of its own."""
    for path in host.env.get("LD_PRELOAD", "").replace(":", " ").split():
        if posixpath.basename(path).startswith("libstdc++.so"):
            yield path, "LD_PRELOAD"
    # An old-style run path of the program counts for everything that it loads (conda's Python has one).
    for folder in _run_path(host, python):
        yield (
            f"{folder}/{SONAME}",
            "conda" if _is_conda(host, posixpath.dirname(folder)) else "run path of python",
        )
    for entry in host.env.get("LD_LIBRARY_PATH", "").replace(";", ":").split(":"):
        if entry:
            yield posixpath.join(host.cwd, entry, SONAME), "LD_LIBRARY_PATH"
    for path in _ldcache.libraries(host, machine).get(SONAME, ()):
        yield path, "system"
    for folder in _ldcache.default_folders(machine, libc):
        yield f"{folder}/{SONAME}", "system"


def _run_path(host: Host, python: Optional[Python]) -> Tuple[str, ...]:
    if python is None:
        return ()
    try:
        program = elf.parse(lambda offset, size: host.read_range(python.real, offset, size))
    except (OSError, elf.ElfError):
        return ()  # a script that starts the interpreter: its own loader decides, and we cannot know
    origin = posixpath.dirname(python.real)
    # The loader ignores an old-style path beside a new-style one, which counts for the program's own needs alone.
    entries: Tuple[str, ...] = () if program.runpath else program.rpath
    named = (entry.replace("${ORIGIN}", origin).replace("$ORIGIN", origin) for entry in entries)
    return tuple(posixpath.normpath(entry) for entry in named if entry.startswith("/"))


def _others(host: Host, python: Optional[Python]) -> Iterator[Tuple[str, str]]:
    """Copies of the environment and the compiler, which get in by a run path of a module or by activation."""
    prefixes: List[str] = [host.env.get("CONDA_PREFIX", "")]
    prefixes += [python.prefix, python.base_prefix] if python else []
    for prefix in prefixes:
        if prefix and _is_conda(host, prefix):
            yield f"{prefix}/lib/{SONAME}", "conda"
    path = _of_compiler(host)
    if path:
        yield path, "compiler"
    for variable in ("LDFLAGS", "LD_RUN_PATH"):
        for folder in _linked_in(host.env.get(variable, "")):
            yield posixpath.join(host.cwd, folder, SONAME), variable


def _linked_in(value: str) -> Iterator[str]:
    """Folders that a link writes into the run path of what it makes: those after -rpath, or the bare list."""
    listed = _RUN_PATH.findall(value) if "-" in value.partition("/")[0] else [value]
    yield from (folder for text in listed for folder in text.split(":") if folder and "$" not in folder)


def _is_conda(host: Host, prefix: str) -> bool:
    return host.is_dir(f"{prefix}/conda-meta")


def _of_compiler(host: Host) -> Optional[str]:
    """What the C++ compiler links: CXX, else g++."""
    try:
        command = shlex.split(host.env.get("CXX", "")) or ["g++"]
    except ValueError:  # an open quote: no build can use it either
        return None
    program = host.which(command[0])
    if program is None:
        return None
    answer = host.run(program, *command[1:], f"-print-file-name={SONAME}")
    path = answer.stdout.strip()
    return posixpath.normpath(path) if answer.ok and path.startswith("/") else None
