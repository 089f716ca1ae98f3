"""The machine that this process runs on."""

import errno
import os
import socket
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from typing import Iterator, Mapping, Optional, Sequence, Set

from envdoctor.host.base import Completed, FileStat, Host, Machine, Space
from envdoctor.host.children import collect, end_group

_NUL = "\0"


class LocalHost(Host):
    """The machine that this process runs on.

    `limit` bounds the whole examination in seconds: children started later than that are not run.
    """

    def __init__(
        self,
        env: Optional[Mapping[str, str]] = None,
        cwd: Optional[str] = None,
        limit: float = 30.0,
    ) -> None:
        super().__init__(os.environ if env is None else env, cwd or _working_folder())
        self.own_python = sys.executable or None
        self._deadline = time.monotonic() + limit
        self._children: Set[subprocess.Popen[bytes]] = set()

    def execute(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: str,
        stdin: str,
        timeout: float,
    ) -> Completed:
        timeout = min(timeout, self._deadline - time.monotonic())
        if timeout <= 0:
            return Completed(None, "", "", "not run: the examination's time is used up")
        try:
            child = subprocess.Popen(
                list(argv),
                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            return Completed(None, "", "", f"cannot be run: {getattr(error, 'strerror', None) or error}")
        self._children.add(child)
        try:
            with child:
                return collect(child, stdin.encode(), timeout)
        finally:
            self._children.discard(child)

    def stop(self) -> None:
        self._deadline = 0.0
        for child in self._children.copy():
            end_group(child)

    def read_range(self, path: str, offset: int, size: int) -> bytes:
        _check_path(path)
        # A FIFO or a device would block for ever: open without waiting, then look at what it is.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            kind = os.fstat(descriptor).st_mode
            if stat.S_ISDIR(kind):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
            if not stat.S_ISREG(kind):
                raise OSError(errno.EINVAL, "Not a regular file", path)
            return os.pread(descriptor, size, offset)
        finally:
            os.close(descriptor)

    def lstat(self, path: str) -> Optional[FileStat]:
        try:
            return _described(os.lstat(path))
        except (OSError, ValueError):
            return None

    def stat(self, path: str) -> Optional[FileStat]:
        # One question to the kernel, where the path without links costs one for each folder above.
        try:
            return _described(os.stat(path))
        except (OSError, ValueError):
            return None

    def scan(self, path: str) -> Sequence[str]:
        _check_path(path)
        return os.listdir(path)

    def readlink(self, path: str) -> str:
        _check_path(path)
        return os.readlink(path)

    def realpath(self, path: str) -> str:
        return path if _NUL in path else os.path.realpath(path)

    def access(self, path: str, mode: str) -> bool:
        return _NUL not in path and os.access(path, {"r": os.R_OK, "w": os.W_OK, "x": os.X_OK}[mode])

    def space(self, path: str) -> Optional[Space]:
        try:
            found = os.statvfs(path)
        except (OSError, ValueError):
            return None
        inodes = found.f_favail if found.f_files else None
        return Space(found.f_bavail * found.f_frsize, inodes, bool(found.f_flag & os.ST_NOEXEC))

    def machine(self) -> Machine:
        kernel = os.uname()
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return Machine(kernel.release, kernel.machine, cores, os.geteuid() == 0, int(time.time()))

    def connects(self, name: str, port: int) -> bool:
        try:
            socket.create_connection((name, port), timeout=1.0).close()
        except OSError:
            return False
        return True

    @contextmanager
    def scratch(self, files: Mapping[str, str]) -> Iterator[str]:
        with tempfile.TemporaryDirectory(prefix="envdoctor-") as folder:
            for name, text in files.items():
                with open(os.path.join(folder, name), "w", encoding="utf-8") as stream:
                    stream.write(text)
            yield folder


def _working_folder() -> str:
    """The current folder; the root where it is gone, which those who need it say themselves."""
    try:
        return os.getcwd()
    except OSError:
        return "/"


def _described(found: os.stat_result) -> FileStat:
    kinds = ((stat.S_ISREG, "file"), (stat.S_ISDIR, "folder"), (stat.S_ISLNK, "link"))
    kind = next((name for test, name in kinds if test(found.st_mode)), "other")
    return FileStat(kind, found.st_size, stat.S_IMODE(found.st_mode), found.st_mtime)


def _check_path(path: str) -> None:
    """A NUL in a path (out of a broken file) is a ValueError to `os`; for us nothing is there."""
    if _NUL in path:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
