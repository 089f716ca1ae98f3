"""What a machine can be asked: a few primitives that a host provides, and everything that follows from them."""

import errno
import fnmatch
import json
import posixpath
import threading
from abc import ABC, abstractmethod
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, ContextManager, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

TEXT_LIMIT = 2 << 20
TIMEOUT = 5.0


@dataclass(frozen=True)
class Completed:
    """How a program ended. `error` is None when it ended by itself; otherwise why it has no exit status."""

    status: Optional[int]
    stdout: str
    stderr: str
    error: Optional[str] = None

    @property
    def ok(self) -> bool:
        """Whether it ended by itself with exit status 0."""
        return self.status == 0

    @property
    def complaint(self) -> str:
        """Why it failed, in one line: the last that speaks of an error, else the last."""
        if self.error:
            return self.error
        lines = [line.strip() for line in (self.stderr or self.stdout).splitlines() if line.strip()]
        telling = [line for line in lines if "error" in line.lower()] or lines
        return f"exit status {self.status}" + (f": {telling[-1][:200]}" if telling else "")


@dataclass(frozen=True)
class FileStat:
    """What lstat says of a path."""

    kind: str  # "file" | "folder" | "link" | "other"
    size: int
    mode: int
    mtime: float


@dataclass(frozen=True)
class Space:
    """Free space of the file system under a path."""

    free_bytes: int
    free_inodes: Optional[int]
    noexec: bool


@dataclass(frozen=True)
class Machine:
    """What the kernel says of itself and of this process."""

    kernel: str  # its release: "6.1.0-18-amd64"
    architecture: str  # "x86_64"
    cores: int  # that this process may run on
    is_root: bool
    clock: int  # seconds since the epoch


class Host(ABC):
    """A machine, seen through a few primitives; everything else is derived from them.

    Paths are absolute. Reading raises OSError; looking (`exists`, `listdir`, `which`) never does.
    """

    def __init__(self, env: Mapping[str, str], cwd: str) -> None:
        self.env = dict(env)
        self.cwd = cwd
        #: The interpreter that runs envdoctor.
        self.own_python: Optional[str] = None
        self._notes: List[Tuple[str, str]] = []
        self._outputs: Dict[Tuple[Any, ...], Future[Completed]] = {}
        self._listings: Dict[str, Tuple[str, ...]] = {}
        self._lock = threading.Lock()

    @abstractmethod
    def execute(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: str,
        stdin: str,
        timeout: float,
    ) -> Completed:
        """Run a program to its end and never raise."""

    @abstractmethod
    def read_range(self, path: str, offset: int, size: int) -> bytes:
        """Up to `size` bytes of a regular file from `offset`."""

    @abstractmethod
    def lstat(self, path: str) -> Optional[FileStat]:
        """What is at a path, links not followed; None when nothing is or nothing can be seen."""

    @abstractmethod
    def scan(self, path: str) -> Sequence[str]:
        """Names in a folder; raises OSError."""

    @abstractmethod
    def readlink(self, path: str) -> str:
        """Where a symbolic link points; raises OSError."""

    @abstractmethod
    def access(self, path: str, mode: str) -> bool:
        """Whether this process may read ("r"), write ("w") or execute ("x") a path, links followed."""

    @abstractmethod
    def space(self, path: str) -> Optional[Space]:
        """Free space under an existing path; None when it cannot be told."""

    @abstractmethod
    def machine(self) -> Machine:
        """The kernel, the processor's architecture, cores and the clock."""

    @abstractmethod
    def connects(self, name: str, port: int) -> bool:
        """Whether something on this machine (a loopback address) listens on a TCP port."""

    @abstractmethod
    def scratch(self, files: Mapping[str, str]) -> ContextManager[str]:
        """A new temporary folder with these text files, gone afterwards; raises OSError."""

    @abstractmethod
    def stop(self) -> None:
        """End the programs that run, and run no more: the examination was interrupted."""

    @property
    def home(self) -> str:
        """The user's home folder, "" without one."""
        return self.env.get("HOME", "")

    def user_folder(self, variable: str, default: str) -> Optional[str]:
        """A folder of XDG's base directory specification, by which a relative value counts as none.

        None where there is no home for it.
        """
        stated = self.env.get(variable, "")
        if stated.startswith("/"):
            return stated
        return posixpath.join(self.home, default) if self.home.startswith("/") else None

    @property
    def notes(self) -> Tuple[Tuple[str, str], ...]:
        """(source, text) of everything that could not be done, sorted."""
        return tuple(sorted(set(self._notes)))

    def note(self, source: str, text: str) -> None:
        """Record something that could not be read or determined."""
        with self._lock:
            self._notes.append((source, text))

    def run(
        self,
        *argv: str,
        env: Optional[Mapping[str, str]] = None,
        cwd: Optional[str] = None,
        stdin: str = "",
        timeout: float = TIMEOUT,
    ) -> Completed:
        """Run a program in the examined environment (messages in English); same call, same answer.

        `env` is added to the examined environment. A program that hangs or floods is killed and noted.
        """
        key = (argv, tuple(sorted((env or {}).items())), cwd, stdin)
        with self._lock:
            known = self._outputs.get(key)
            answer = self._outputs.setdefault(key, Future())
        if known is None:
            full = {**self.env, "LC_ALL": "C", "LANGUAGE": "", **(env or {})}
            try:
                answer.set_result(self.execute(argv, full, cwd or self.cwd, stdin, timeout))
            except BaseException as error:  # whoever waits for the same answer must not wait for ever
                answer.set_exception(error)
            result = answer.result()
            if result.status is None:
                self.note(" ".join(argv[:2])[:120], result.error or "no exit status")
        return answer.result()

    def ask_python(
        self,
        python: str,
        script: str,
        *arguments: str,
        isolated: bool = True,
        timeout: float = TIMEOUT,
    ) -> Any:
        """Run a script in an interpreter and return the JSON value that it prints last; raises ValueError."""
        flags = ["-I"] if isolated else []
        answer = self.run(python, *flags, "-c", script, *arguments, timeout=timeout)
        lines = answer.stdout.strip().splitlines()
        if not answer.ok or not lines:
            raise ValueError(f"{python}: {answer.complaint}")
        return json.loads(lines[-1])

    def read_text(self, path: str, limit: int = TEXT_LIMIT) -> str:
        """A text file's beginning; broken bytes are replaced. Raises OSError."""
        data = self.read_range(path, 0, limit)
        encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        return data.decode(encoding, errors="replace")

    def try_text(self, path: str, limit: int = TEXT_LIMIT) -> Optional[str]:
        """As `read_text`; None when the file is not there, None and a note when it cannot be read."""
        try:
            return self.read_text(path, limit)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno != errno.ENOTDIR:
                self.note(path, error.strerror or str(error))
            return None

    def stat(self, path: str) -> Optional[FileStat]:
        """As `lstat`, links followed."""
        return self.lstat(self.realpath(path))

    def exists(self, path: str) -> bool:
        """Whether something is there, links followed."""
        return self.stat(path) is not None

    def is_file(self, path: str) -> bool:
        """Whether a regular file is there, links followed."""
        found = self.stat(path)
        return found is not None and found.kind == "file"

    def is_dir(self, path: str) -> bool:
        """Whether a folder is there, links followed."""
        found = self.stat(path)
        return found is not None and found.kind == "folder"

    def is_link(self, path: str) -> bool:
        """Whether the path itself is a symbolic link."""
        found = self.lstat(path)
        return found is not None and found.kind == "link"

    def listdir(self, path: str) -> Tuple[str, ...]:
        """Sorted names in a folder; empty when there is none, with a note when it cannot be read."""
        if path not in self._listings:
            try:
                self._listings[path] = tuple(sorted(self.scan(path)))
            except (FileNotFoundError, NotADirectoryError):
                self._listings[path] = ()
            except OSError as error:
                self.note(path, error.strerror or str(error))
                self._listings[path] = ()
        return self._listings[path]

    def glob(self, folder: str, pattern: str) -> Tuple[str, ...]:
        """Full paths of the names in `folder` that match a pattern of one path component."""
        return tuple(posixpath.join(folder, name) for name in fnmatch.filter(self.listdir(folder), pattern))

    def realpath(self, path: str) -> str:
        """The path without links; a loop or a dangling end stays as it is."""
        parts, resolved, hops = path.strip("/").split("/")[::-1], "/", 0
        while parts:
            part = parts.pop()
            if part in ("", "."):
                continue
            if part == "..":
                resolved = posixpath.dirname(resolved)
                continue
            here = posixpath.join(resolved, part)
            found = self.lstat(here)
            if found is None or found.kind != "link" or hops >= 40:
                resolved = here
                continue
            hops += 1
            target = self.readlink(here)
            if target.startswith("/"):
                resolved = "/"
            parts.extend(target.strip("/").split("/")[::-1])
        return resolved

    def search_path(self) -> Tuple[str, ...]:
        """PATH's folders, absolute, each once, in order."""
        folders = (posixpath.join(self.cwd, entry) for entry in self.env.get("PATH", "").split(":") if entry)
        return tuple(dict.fromkeys(folder.rstrip("/") or "/" for folder in folders))

    def which_all(self, name: str) -> Iterator[str]:
        """Every executable file of that name on PATH, in order."""
        for folder in self.search_path():
            if name in self.listdir(folder):
                path = posixpath.join(folder, name)
                if self.is_file(path) and self.access(path, "x"):
                    yield path

    def which(self, name: str) -> Optional[str]:
        """The executable that a shell would run for a name (or a path), None without one."""
        if "/" in name:
            path = posixpath.join(self.cwd, name)
            return path if self.is_file(path) and self.access(path, "x") else None
        return next(self.which_all(name), None)
