"""Locks between processes, as files. Everything raises OSError."""

import contextlib
import errno
import fcntl
import os
from typing import Iterator


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
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
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
