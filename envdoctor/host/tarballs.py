"""Folders as tar files, the same bytes for the same files; and tar files of others, of which nothing goes elsewhere."""

import contextlib
import gzip
import os
import re
import tarfile
import tempfile
import zlib
from typing import IO, Any, Iterator, Set, Tuple

from envdoctor.host.files import naming
from envdoctor.host.install import write_chunks

_CHUNK = 1 << 20
#: Wheels are compressed already: a tar file that grows more than so is made to fill a disk.
_MOST_GROWTH, _ALWAYS = 50, 256 << 20
#: What is written; and how the names of other archives end.
SUFFIXES = (".tar", ".tar.gz", ".tar.zst")
_OTHERS = re.compile(r"(?:\.tar)?\.(?:tar|t?(?:gz|xz|bz2?|zst|lzma|lz4?)|zip|7z|rar|whl)\Z", re.IGNORECASE)
#: What to do about a file that is not whole.
_AGAIN = (
    "if it was cut off or changed on its way, copy it again, and compare its sha256sum with the original's"
)
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


class BrokenTarball(Exception):
    """Why a tar file is not unpacked, in one line."""


def split(path: str) -> Tuple[str, str]:
    """A path without the suffix of a tar file that is written here, and that suffix: "" of anything else."""
    suffix = next((each for each in SUFFIXES if path.endswith(each)), "")
    return path[: len(path) - len(suffix)], suffix


def foreign_suffix(path: str) -> str:
    """That of an archive which is not written here: ".zip", ".tar.xz"; "" where there is none."""
    match = None if split(path)[1] else _OTHERS.search(path)
    return match[0] if match else ""


def pack(folder: str, path: str, name: str) -> None:
    """A folder as a new tar file, whose one folder has that name. Raises OSError, ImportError for zstandard."""
    with naming(path), open(path, "xb") as raw:
        with _compressed(raw, path) as stream, _written(stream) as tar:
            for inside in sorted(_below(folder, "")):
                _add(tar, os.path.join(folder, inside), f"{name}/{inside}")
        raw.flush()
        os.fsync(raw.fileno())


def _below(folder: str, path: str) -> Iterator[str]:
    for entry in os.scandir(os.path.join(folder, path)):
        inside = f"{path}/{entry.name}" if path else entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from _below(folder, inside)
        else:
            yield inside


def _written(stream: IO[bytes]) -> tarfile.TarFile:
    return tarfile.open(fileobj=stream, mode="w|", format=tarfile.GNU_FORMAT)


def _add(tar: tarfile.TarFile, path: str, name: str) -> None:
    member = tarfile.TarInfo(name)
    found = os.stat(path)
    member.size, member.mode = found.st_size, 0o755 if found.st_mode & 0o100 else 0o644
    with open(path, "rb") as stream:
        tar.addfile(member, stream)


@contextlib.contextmanager
def _compressed(raw: IO[bytes], path: str) -> Iterator[Any]:
    if path.endswith(".gz"):
        with gzip.GzipFile("", "wb", 6, raw, mtime=0) as stream:
            yield stream
    elif path.endswith(".zst"):
        with zstandard().ZstdCompressor(10).stream_writer(raw, closefd=False) as stream:
            yield stream
    else:
        yield raw


def zstandard() -> Any:
    """The module. Raises ImportError in one line."""
    try:
        import zstandard
    except ImportError as error:
        say = f".tar.zst wants zstandard, which does not import here ({error}): pip install zstandard, or use .tar"
        raise ImportError(say) from None
    return zstandard


@contextlib.contextmanager
def unpacked(path: str) -> Iterator[str]:
    """The one folder of a tar file, in a temporary place. Raises BrokenTarball, OSError, ImportError."""
    with tempfile.TemporaryDirectory(prefix="envdoctor-bundle-") as place:
        try:
            with open(path, "rb") as raw, _plain(raw) as stream, tarfile.open(
                fileobj=stream, mode="r|"
            ) as tar:
                top = _extract(tar, place, os.path.getsize(path))
        except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise BrokenTarball(f"it is no whole tar file ({error}); {_AGAIN}") from None
        yield os.path.join(place, top)


@contextlib.contextmanager
def _plain(raw: IO[bytes]) -> Iterator[Any]:
    """What it is by its first bytes: copies often have other names."""
    begins = raw.read(4)
    raw.seek(0)
    if begins.startswith(_GZIP):
        with gzip.GzipFile(fileobj=raw) as stream:
            yield stream
    elif begins == _ZSTD:
        module = zstandard()
        try:
            with module.ZstdDecompressor().stream_reader(raw, closefd=False) as stream:
                yield stream
        except module.ZstdError as error:
            raise BrokenTarball(f"it is no whole zstd file ({error}); {_AGAIN}") from None
    else:
        yield raw


def _extract(tar: tarfile.TarFile, place: str, size: int) -> str:
    """Write its files, and say which folder they are in."""
    left = size * _MOST_GROWTH + _ALWAYS
    seen: Set[str] = set()
    tops: Set[str] = set()
    for member in tar:
        _check(member, seen)
        tops.add(member.name.partition("/")[0])
        left -= member.size
        if left < 0:
            raise BrokenTarball(
                f"it grows to more than {_MOST_GROWTH} times its size: it is made to fill a disk"
            )
        if member.isfile():
            write_chunks(os.path.join(place, member.name), _chunks(tar, member), bool(member.mode & 0o100))
    if len(tops) != 1:
        raise BrokenTarball(f"it holds {len(tops)} folders, and a bundle is one")
    return tops.pop()


def _chunks(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    stream = tar.extractfile(member)
    while stream is not None:
        chunk = stream.read(_CHUNK)
        if not chunk:
            return
        yield chunk


def leads_out(name: str) -> bool:
    """Whether a name in a tar file may mean a place outside of the folder, on some system."""
    return bool({"", ".", ".."}.intersection(name.split("/"))) or "\\" in name or "\0" in name


def _check(member: tarfile.TarInfo, seen: Set[str]) -> None:
    name = member.name.rstrip("/")
    if not (member.isfile() or member.isdir()):
        raise BrokenTarball(f"{member.name!r} in it is neither a file nor a folder")
    if leads_out(name):
        raise BrokenTarball(f"{member.name!r} in it leads out of the folder")
    if member.isfile() and name.lower() in seen:
        raise BrokenTarball(f"{member.name!r} is in it twice, or in upper and in lower case")
    if member.isfile():
        seen.add(name.lower())
