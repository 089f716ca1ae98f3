"""Writing folders that are installed whole: files, links, locks, and a rename at the end. Everything raises OSError."""

import contextlib
import errno
import fcntl
import hashlib
import os
import tempfile
from typing import Iterable, Iterator

from envdoctor.host.files import umask

_CHUNK = 1 << 20


def temporary_folder(parent: str, prefix: str) -> str:
    """A new folder of an unused name; readable as the umask says, unlike those of `tempfile`."""
    path = tempfile.mkdtemp(prefix=prefix, dir=parent)
    os.chmod(path, 0o777 & ~umask())
    return path


def write_chunks(path: str, chunks: Iterable[bytes], executable: bool = False) -> None:
    """A new file with folders above it; never written into something that is there already."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    mode = 0o777 if executable else 0o666
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as stream:
        for chunk in chunks:
            stream.write(chunk)


def link(path: str, target: str) -> None:
    """A symbolic link with folders above it."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.symlink(target, path)


def move(source: str, target: str) -> None:
    """Rename in one step: whoever looks sees the one or the other. An empty folder may be in the way."""
    os.rename(source, target)


def is_mount(path: str) -> bool:
    """Whether another file system begins here: such a folder cannot be renamed over."""
    return os.path.ismount(path)


def largest_below(path: str) -> int:
    """Bytes of the largest file below a folder, which may change meanwhile."""
    largest = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(OSError):
                largest = max(largest, os.lstat(os.path.join(folder, name)).st_size)
    return largest


def sha256_of(path: str) -> str:
    """The checksum of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for chunk in iter(lambda: stream.read(_CHUNK), b""):
            digest.update(chunk)
    return digest.hexdigest()


@contextlib.contextmanager
def locked(path: str) -> Iterator[None]:
    """Hold a lock file; raises BlockingIOError when another process holds it. The kernel lets go of it after a kill."""
    descriptor = _lock(path)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)
        os.close(descriptor)


def _lock(path: str) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            _flock(descriptor)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                    return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # its holder unlinked it meanwhile: a lock on it keeps nobody out


def _flock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # File systems without locks (some network ones) are no reason to refuse.
        if error.errno not in (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK, errno.EINVAL):
            raise
