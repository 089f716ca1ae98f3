"""A machine made of dictionaries, for probes under test."""

import posixpath
from contextlib import contextmanager
from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Union

from envdoctor.host import Completed, FileStat, Host, Machine, Space

Answer = Union[str, Completed]
MACHINE = Machine("6.1.0-18-amd64", "x86_64", 2, False, 1_790_000_000)


class FakeHost(Host):
    """`programs` maps a command line to its standard output (or to a Completed); others are not installed.

    `files` maps paths to contents (folders come into being by themselves; "" makes an empty file); `links` maps a
    link to its target; `executables` are paths in `files` that may be run; `unreadable` paths raise PermissionError.
    A command line is looked up as given and with the program's base name.
    """

    def __init__(
        self,
        programs: Optional[Mapping[str, Answer]] = None,
        files: Optional[Mapping[str, Union[str, bytes]]] = None,
        env: Optional[Mapping[str, str]] = None,
        links: Optional[Mapping[str, str]] = None,
        executables: Sequence[str] = (),
        unreadable: Sequence[str] = (),
        folders: Sequence[str] = (),
        cwd: str = "/work",
        spaces: Optional[Mapping[str, Space]] = None,
        ports: Sequence[int] = (),
        machine: Machine = MACHINE,
    ) -> None:
        super().__init__(env or {}, cwd)
        self.programs = dict(programs or {})
        self.files = {
            path: data.encode() if isinstance(data, str) else data for path, data in (files or {}).items()
        }
        self.links = dict(links or {})
        self.executables = set(executables)
        self.unreadable = set(unreadable)
        self.spaces = dict(spaces or {})
        self.ports = ports
        self.stopped = False
        self.kernel = machine
        self.calls: List[Sequence[str]] = []
        self.scratched: List[Mapping[str, str]] = []
        self.folders = {"/"}
        for path in [*self.files, *self.links, *(posixpath.join(folder, "x") for folder in (*folders, cwd))]:
            while path != "/":
                path = posixpath.dirname(path)
                self.folders.add(path)

    def execute(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: str,
        stdin: str,
        timeout: float,
    ) -> Completed:
        self.calls.append(tuple(argv))
        for line in (" ".join(argv), " ".join([posixpath.basename(argv[0]), *argv[1:]])):
            if line in self.programs:
                answer = self.programs[line]
                return answer if isinstance(answer, Completed) else Completed(0, answer, "")
        return Completed(None, "", "", "cannot be run: No such file or directory")

    def stop(self) -> None:
        self.stopped = True

    def read_range(self, path: str, offset: int, size: int) -> bytes:
        real = self.realpath(path)
        if real in self.unreadable:
            raise PermissionError(13, "Permission denied", path)
        if real in self.folders:
            raise IsADirectoryError(21, "Is a directory", path)
        if real not in self.files:
            raise FileNotFoundError(2, "No such file or directory", path)
        return self.files[real][offset : offset + size]

    def lstat(self, path: str) -> Optional[FileStat]:
        path = posixpath.normpath(path)
        if path in self.links:
            return FileStat("link", 0, 0o777, 0.0)
        if path in self.files:
            return FileStat("file", len(self.files[path]), 0o755 if path in self.executables else 0o644, 0.0)
        return FileStat("folder", 0, 0o755, 0.0) if path in self.folders else None

    def scan(self, path: str) -> Sequence[str]:
        real = self.realpath(path)
        if real in self.unreadable:
            raise PermissionError(13, "Permission denied", path)
        if real in self.files:
            raise NotADirectoryError(20, "Not a directory", path)
        if real not in self.folders:
            raise FileNotFoundError(2, "No such file or directory", path)
        known: Dict[str, None] = dict.fromkeys([*self.files, *self.links, *self.folders])
        return [posixpath.basename(name) for name in known if name != "/" and posixpath.dirname(name) == real]

    def readlink(self, path: str) -> str:
        return self.links[posixpath.normpath(path)]

    def access(self, path: str, mode: str) -> bool:
        real = self.realpath(path)
        if real in self.unreadable or self.lstat(real) is None:
            return False
        return real in self.folders or mode != "x" or real in self.executables

    def space(self, path: str) -> Optional[Space]:
        return self.spaces.get(path, Space(1 << 40, 1 << 20, False))

    def machine(self) -> Machine:
        return self.kernel

    def connects(self, name: str, port: int) -> bool:
        return port in self.ports

    @contextmanager
    def scratch(self, files: Mapping[str, str]) -> Iterator[str]:
        self.scratched.append(dict(files))
        yield "/scratch"
