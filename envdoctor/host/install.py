"""Writing folders that are installed whole: files, links, and a rename at the end. Everything raises OSError."""

import contextlib
import hashlib
import os
import shutil
import tempfile
from typing import Iterable

from envdoctor.host.files import naming, umask

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
    with naming(path), os.fdopen(descriptor, "wb") as stream:
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


def link_file(source: str, target: str) -> None:
    """The same file under another name, or a copy where the file system has no second names."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
