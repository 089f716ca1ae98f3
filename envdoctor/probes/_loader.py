"""Replay of the dynamic loader's search (ld.so(8); musl's ldso/dynlink.c) for what the examined interpreter loads."""

import functools
import posixpath
from typing import Callable, Dict, FrozenSet, List, NamedTuple, Optional, Sequence, Tuple

from envdoctor import elf
from envdoctor.facts import Python
from envdoctor.host import Host
from envdoctor.probes import _ldcache

_MOST_LOADED = 400


class Found(NamedTuple):
    """A file that the loader takes, and what led it there."""

    path: str
    via: str  # "rpath" | "LD_LIBRARY_PATH" | "ld.so.cache" | "default"


class Object(NamedTuple):
    """A loaded file: its own search path counts for what it needs."""

    path: str
    elf: elf.Elf


class Search:
    """The search in a new process of the interpreter; each file and folder is read once.

    Copies for newer processors (glibc-hwcaps) are not looked at: wherever one lies there is a plain one too.
    """

    def __init__(self, host: Host, python: Optional[Python]) -> None:
        self.host = host
        self._objects: Dict[str, Optional[elf.Elf]] = {}
        self._names: Dict[str, FrozenSet[str]] = {}
        self._known: Dict[str, Optional[Found]] = {}
        self._run_path: Dict[Tuple[str, Tuple[str, ...]], Tuple[str, ...]] = {}
        program = self.object(python.real) if python else None
        #: The interpreter and its libpython, nearest first: a module's ancestors.
        self.ancestors: Tuple[Object, ...] = ()
        self.machine = program.machine if program else host.machine().architecture
        self.musl = bool(program and "ld-musl" in (program.interp or ""))
        self.library_path = _library_path(host, self.musl)
        self.cache = {} if self.musl else _ldcache.libraries(host, self.machine)
        self.default_folders = self._default_folders()
        if python and program:
            self.ancestors = self._with_libpython(Object(python.real, program))

    def object(self, path: str) -> Optional[elf.Elf]:
        """What a file says to the loader; None, with a note, when it is damaged or no ELF file."""
        if path not in self._objects:
            try:
                self._objects[path] = elf.parse(functools.partial(self.host.read_range, path))
            except (OSError, elf.ElfError) as error:
                self._objects[path] = None
                # A program may be a script that starts the real one; a missing file is no news either.
                if not isinstance(error, FileNotFoundError) and not str(error).endswith("text file"):
                    self.host.note(path, getattr(error, "strerror", None) or str(error))
        return self._objects[path]

    def find(self, name: str, by: Sequence[Object] = ()) -> Optional[Found]:
        """The file for a soname; `by`: the object that needs it and those that loaded that one, nearest first."""
        chain = (*by, *self.ancestors)
        folders, late = self._run_paths(chain)
        path = None if self.musl else self._in(folders, name)
        if path:
            return Found(path, "rpath")
        path = self._in(self.library_path, name)
        if path:
            return Found(path, "LD_LIBRARY_PATH")
        path = self._in(folders if self.musl else late, name)
        return Found(path, "rpath") if path else self._by_system(name)

    def loaded_with(self, paths: Sequence[str]) -> Dict[str, Found]:
        """By soname, everything that is in the process after these files were loaded one after the other."""
        loaded: Dict[str, Found] = {}
        for path in paths:
            if any(found.path == path for found in loaded.values()):
                continue
            queue: List[Tuple[Object, ...]] = []
            self._enter(Found(path, "rpath"), (), loaded, queue)
            for chain in queue:
                for name in chain[0].elf.needed:
                    found = None if name in loaded else self.find(name, chain)
                    if found and len(loaded) < _MOST_LOADED:
                        loaded[name] = found
                        self._enter(found, chain, loaded, queue)
        return loaded

    def _enter(
        self,
        found: Found,
        chain: Tuple[Object, ...],
        loaded: Dict[str, Found],
        queue: List[Tuple[Object, ...]],
    ) -> None:
        program = self.object(found.path)
        if program is not None:
            loaded.setdefault(program.soname or posixpath.basename(found.path), found)
            queue.append((Object(found.path, program), *chain))

    def _with_libpython(self, program: Object) -> Tuple[Object, ...]:
        """A module is opened by the code of the interpreter, which may be a library."""
        name = next((name for name in program.elf.needed if name.startswith("libpython")), None)
        self.ancestors = (program,)
        found = self.find(name) if name else None
        library = self.object(found.path) if found else None
        return (Object(found.path, library), program) if found and library else (program,)

    def _run_paths(self, chain: Tuple[Object, ...]) -> Tuple[Tuple[str, ...], Tuple[str, ...]]:
        """Folders of DT_RPATH, searched first, and of DT_RUNPATH, searched after LD_LIBRARY_PATH.

        glibc takes no DT_RPATH, an ancestor's neither, for an object that has a DT_RUNPATH; musl makes no difference.
        """
        if self.musl:
            return self._folders(chain, lambda one: one.runpath or one.rpath), ()
        if chain and chain[0].elf.runpath:
            return (), self._folders(chain[:1], lambda one: one.runpath)
        return self._folders(chain, lambda one: () if one.runpath else one.rpath), ()

    def _folders(
        self,
        chain: Sequence[Object],
        entries: Callable[[elf.Elf], Tuple[str, ...]],
    ) -> Tuple[str, ...]:
        return tuple(folder for one in chain for folder in self._expanded(one.path, entries(one.elf)))

    def _expanded(self, path: str, entries: Tuple[str, ...]) -> Tuple[str, ...]:
        """Folders of a run path; an entry that counts on $LIB or $PLATFORM differs between loaders and is left out."""
        key = (path, entries)
        if key not in self._run_path:
            origin = posixpath.dirname(path)
            named = (entry.replace("${ORIGIN}", origin).replace("$ORIGIN", origin) for entry in entries)
            self._run_path[key] = tuple(self._shortened(folder) for folder in named if "$" not in folder)
        return self._run_path[key]

    def _shortened(self, folder: str) -> str:
        """Without "..", where a link on the way does not lead elsewhere."""
        folder = posixpath.join(self.host.cwd, folder)
        short = posixpath.normpath(folder)
        same = ".." not in folder or self.host.realpath(short) == self.host.realpath(folder)
        return short if same else self.host.realpath(folder)

    def _by_system(self, name: str) -> Optional[Found]:
        if name not in self._known:
            cached = next((path for path in self.cache.get(name, ()) if self._fits(path)), None)
            path = None if cached else self._in(self.default_folders, name)
            self._known[name] = (
                Found(cached, "ld.so.cache") if cached else Found(path, "default") if path else None
            )
        return self._known[name]

    def _in(self, folders: Sequence[str], name: str) -> Optional[str]:
        for folder in folders:
            if folder not in self._names:
                self._names[folder] = frozenset(self.host.listdir(folder))
            if name in self._names[folder] and self._fits(posixpath.join(folder, name)):
                return posixpath.join(folder, name)
        return None

    def _fits(self, path: str) -> bool:
        """Whether the loader stops at this file: it passes over those for other machines, not over damaged ones."""
        if path not in self._objects and not self.host.is_file(path):
            return False
        program = self.object(path)
        return program is None or program.machine == self.machine

    def _default_folders(self) -> Tuple[str, ...]:
        own = self.host.try_text(f"/etc/ld-musl-{self.machine}.path", 1 << 14) if self.musl else None
        if own is not None:
            return tuple(folder for folder in own.replace("\n", ":").split(":") if folder)
        return _ldcache.default_folders(self.machine, "musl" if self.musl else "glibc")


def _library_path(host: Host, musl: bool) -> Tuple[str, ...]:
    """Folders of LD_LIBRARY_PATH; an empty entry is the working folder."""
    value = host.env.get("LD_LIBRARY_PATH", "")
    entries = value.replace("\n" if musl else ";", ":").split(":") if value else []
    return tuple(dict.fromkeys(posixpath.normpath(posixpath.join(host.cwd, entry)) for entry in entries))
