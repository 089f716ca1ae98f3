"""The project's folder: listings and texts, each looked at once, within bounds."""

import fnmatch
import posixpath
import re
from typing import Dict, FrozenSet, Iterator, List, Optional, Tuple

from envdoctor.host import Host

FILE_LIMIT = 1 << 20
TOTAL_LIMIT = 40 << 20
FOLDER_LIMIT = 3000
SKIPPED = frozenset(
    ".git .hg .svn .envdoctor .tox .nox .venv .eggs .mypy_cache .pytest_cache .ruff_cache __pycache__ node_modules"
    " site-packages build _build _skbuild dist".split()
)
SKIPPED_PATTERNS = re.compile(r"cmake-build-.*|.*\.egg-info")
#: A folder with one of these in it is an environment or a build, not a part of the sources.
FOREIGN = frozenset(("pyvenv.cfg", "CMakeCache.txt", "conda-meta"))
VENDORED = frozenset(
    "third_party thirdparty third-party 3rdparty 3rd_party 3rd external externals extern vendor vendored deps"
    " submodules subprojects _deps".split()
)
_SUBMODULE = re.compile(r"^\s*path\s*=\s*(\S+)", re.MULTILINE)
_WILD = re.compile(r"[*?\[]")
_MOST = 500  # folders that one pattern may mean


class Tree:
    """A folder of the host. Paths are relative to it, with "/", except where they begin with "/"."""

    def __init__(self, host: Host, root: str) -> None:
        self.host = host
        self.root = root.rstrip("/") or "/"
        self.unread: List[str] = []
        self._names: Dict[str, FrozenSet[str]] = {}
        self._folders: Dict[str, bool] = {}
        self._texts: Dict[str, Optional[str]] = {}
        self._read = 0
        modules = self.text(".gitmodules") or ""
        self._submodules = tuple(f"{path.strip('/')}/" for path in _SUBMODULE.findall(modules))

    def full(self, path: str) -> str:
        """The absolute path."""
        return posixpath.normpath(posixpath.join(self.root, path))

    def relative(self, path: str) -> Optional[str]:
        """A path as it is called from the root ("." for the root itself); None outside of it."""
        path = self.full(path)
        if path == self.root:
            return "."
        start = self.root.rstrip("/") + "/"
        return path[len(start) :] if path.startswith(start) else None

    def names(self, folder: str) -> FrozenSet[str]:
        """Names in a folder; empty without one."""
        folder = self.full(folder)
        if folder not in self._names:
            self._names[folder] = frozenset(self.host.listdir(folder))
        return self._names[folder]

    def has(self, path: str) -> bool:
        """Whether something of that name is there."""
        folder, name = posixpath.split(self.full(path))
        return not name or name in self.names(folder)

    def is_dir(self, path: str) -> bool:
        """Whether a folder is there, links followed."""
        path = self.full(path)
        if path not in self._folders:
            self._folders[path] = bool(self.names(path)) or (self.has(path) and self.host.is_dir(path))
        return self._folders[path]

    def is_file(self, path: str) -> bool:
        """Whether something that is not a folder is there."""
        return self.has(path) and not self.is_dir(path)

    def text(self, path: str) -> Optional[str]:
        """A file's text; None, and one note, when it is not there or cannot be read."""
        full = self.full(path)
        if full not in self._texts:
            self._texts[full] = self._load(full)
        return self._texts[full]

    def _load(self, full: str) -> Optional[str]:
        if self._read > TOTAL_LIMIT:
            self.note(f"more than {TOTAL_LIMIT >> 20} MB of files: the rest was not read")
            return None
        try:
            text = self.host.read_text(full, FILE_LIMIT)
        except FileNotFoundError:
            return None
        except (OSError, UnicodeError) as error:
            self.note(f"{self.relative(full) or full}: {getattr(error, 'strerror', None) or error}")
            return None
        self._read += len(text)
        return text

    def is_vendored(self, path: str) -> bool:
        """Whether a relative path lies in a submodule or another folder of other people's sources."""
        folders = path.lower().split("/")[:-1]
        return not VENDORED.isdisjoint(folders) or path.startswith(self._submodules)

    def note(self, text: str) -> None:
        """Something that could not be read, once."""
        if text not in self.unread:
            self.unread.append(text)

    def walk(self, start: str = ".", vendored: bool = False) -> Iterator[Tuple[str, Tuple[str, ...]]]:
        """(folder, names) from `start` down, links not followed; vendored trees only when asked for."""
        waiting, seen = [posixpath.normpath(start)], 0
        while waiting:
            folder = waiting.pop()
            names = tuple(sorted(self.names(folder)))
            if folder not in (".", start) and not FOREIGN.isdisjoint(names):
                continue
            seen += 1
            if seen > FOLDER_LIMIT:
                self.note(f"more than {FOLDER_LIMIT} folders: the rest was not looked at")
                return
            yield folder, names
            children = [name for name in names if self._worth(folder, name, vendored)]
            waiting.extend(posixpath.normpath(posixpath.join(folder, name)) for name in reversed(children))

    def _worth(self, folder: str, name: str, vendored: bool) -> bool:
        if name in SKIPPED or SKIPPED_PATTERNS.fullmatch(name):
            return False
        if not vendored and self.is_vendored(posixpath.normpath(posixpath.join(folder, name, "x"))):
            return False
        if looks_like_file(name):
            return False
        found = self.host.lstat(self.full(posixpath.join(folder, name)))
        return found is not None and found.kind == "folder"

    def files(self, start: str = ".", vendored: bool = False) -> Iterator[str]:
        """Every path below `start` whose name has a suffix that files have."""
        for folder, names in self.walk(start, vendored):
            for name in names:
                if looks_like_file(name):
                    yield posixpath.normpath(posixpath.join(folder, name))

    def glob(self, pattern: str, recursive: bool = False) -> List[str]:
        """Files that match a pattern with folders in it, as in CMake and Python (`recursive`: "**" or GLOB_RECURSE)."""
        before, deep, _ = pattern.partition("**")
        folder, _, last = (before if deep else pattern).rpartition("/")
        folders = self._folders_like(folder)
        last = posixpath.basename(pattern)
        if not (deep or recursive):
            found = (posixpath.join(where, name) for where in folders for name in self._named(where, last))
            return [posixpath.normpath(path) for path in found]
        bases = (self.relative(where) for where in folders)
        paths = (path for base in bases if base is not None for path in self.files(base))
        return [path for path in paths if fnmatch.fnmatch(posixpath.basename(path), last)]

    def _folders_like(self, pattern: str) -> List[str]:
        """Folders that match a pattern, piece by piece."""
        found = ["/" if pattern.startswith("/") else "."]
        for piece in (part for part in pattern.split("/") if part):
            if _WILD.search(piece):
                found = [posixpath.join(where, name) for where in found for name in self._named(where, piece)]
            else:
                found = [posixpath.join(where, piece) for where in found]
        return found[:_MOST]

    def _named(self, folder: str, pattern: str) -> List[str]:
        if not _WILD.search(pattern):
            return [pattern] if pattern in self.names(folder) else []
        return fnmatch.filter(sorted(self.names(folder)), pattern)


def looks_like_file(name: str) -> bool:
    """Whether a name has the suffix of a file that builds use: spares asking for what it is."""
    return name.rpartition(".")[2].lower() in FILE_SUFFIXES and not name.startswith(".")


SOURCE_SUFFIXES = frozenset("cu cuh cpp cc cxx c h hpp hh hxx inl inc ipp tpp".split())
FILE_SUFFIXES = SOURCE_SUFFIXES | frozenset(
    "py pyi pyx md rst txt json yml yaml toml cfg ini sh bat cmake in mk so a o png jpg svg ipynb csv npy"
    " npz pt pth bin"
    " safetensors hip s ptx cubin html css js ts lock gz zip whl".split()
)
