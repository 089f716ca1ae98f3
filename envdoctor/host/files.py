"""Files that envdoctor writes: whole or not at all, so that no interruption leaves half of one."""

import errno
import os
import shutil
import stat
import tempfile
from contextlib import contextmanager, suppress
from typing import Iterator, Optional

#: How the names of files begin that are not whole yet.
_UNFINISHED = ".envdoctor-unfinished-"


def write_whole(path: str, text: str, mode: Optional[int] = None) -> None:
    """Write a file whole or not at all: temporary file beside it, then rename. Raises OSError.

    A link stays a link, to the new contents; what is no regular file (/dev/null, a pipe) is written into. `mode` is
    the file's permissions; None leaves those of the file that is replaced. Bytes that are no UTF-8, escaped as Python
    reads them from the environment, are written as they were.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
            stream.write(text)
        return
    path = os.path.realpath(path)
    data = text.encode("utf-8", "surrogateescape")
    replace_whole(path, data, new_file_mode(path) if mode is None else mode)


@contextmanager
def naming(path: str) -> Iterator[None]:
    """What goes wrong while a file is written names it: a full disk alone does not."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or path
        raise


def replace_whole(path: str, data: bytes, mode: int) -> None:
    """Put a file with these bytes and permissions at a path in one step; its owner stays. Raises OSError.

    What it returns from is on the disk.
    """
    folder = os.path.dirname(path)
    descriptor, temporary = tempfile.mkstemp(prefix=_UNFINISHED, dir=folder)
    try:
        with naming(path), os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            _keep_owner(path, temporary)
            os.chmod(temporary, mode)
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    _sync_folder(folder)


def sweep(folder: str) -> None:
    """Remove what a kill in the middle of writing left in a folder, if there is one. Raises OSError."""
    with suppress(FileNotFoundError, NotADirectoryError):
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if name.startswith(_UNFINISHED) and stat.S_ISREG(os.lstat(path).st_mode):
                os.unlink(path)


def _keep_owner(path: str, temporary: str) -> None:
    with suppress(FileNotFoundError, PermissionError):
        found = os.stat(path)
        os.chown(temporary, found.st_uid, found.st_gid)


def _sync_folder(folder: str) -> None:
    """Have the disk know the file's new name; not every file system can be asked."""
    with suppress(OSError):
        descriptor = os.open(folder or ".", os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def append(path: str, text: str) -> None:
    """Add to a file that others add to as well, in one write. Raises OSError."""
    data = text.encode("utf-8", "surrogateescape")
    with naming(path), open(path, "ab", buffering=0) as stream:
        written = stream.write(data)
        if written < len(data):  # a disk that has just become full says so in the next write
            stream.write(data[written:])


def make_link(path: str, target: str) -> None:
    """Put a symbolic link at a path in one step, whatever was there. Raises OSError."""
    temporary = tempfile.mktemp(prefix=_UNFINISHED, dir=os.path.dirname(path))  # noqa: S306 - a link is made anew
    os.symlink(target, temporary)
    try:
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def make_folder(path: str) -> None:
    """A folder and those above it. Raises OSError."""
    os.makedirs(path, exist_ok=True)


def make_new_folder(path: str) -> None:
    """A folder that is nobody else's. Raises OSError, FileExistsError where something is there."""
    os.mkdir(path, 0o700)


def is_terminal(descriptor: int) -> bool:
    """Whether a standard stream is one."""
    return os.isatty(descriptor)


def umask() -> int:
    """The permissions that this process takes away from what it makes."""
    found = os.umask(0)
    os.umask(found)
    return found


def private_folder() -> str:
    """This user's own folder in the temporary one: made here, and never one that somebody else made. Raises OSError."""
    path = os.path.join(tempfile.gettempdir(), f"envdoctor-{os.geteuid()}")
    with suppress(FileExistsError):
        os.mkdir(path, 0o700)
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise PermissionError(errno.EPERM, "not a folder of this user alone", path)
    return path


def remove(path: str) -> None:
    """Whatever is at a path, links not followed; nothing there is as well. Raises OSError."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def new_file_mode(path: str) -> int:
    """The permissions of the file that is replaced; those of a new file otherwise."""
    try:
        return stat.S_IMODE(os.stat(path).st_mode)
    except OSError:
        return 0o666 & ~umask()
