"""The wheels of a bundle, fetched side by side into one folder."""

import posixpath
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Dict, List, Sequence, Tuple

from envdoctor.bundle.lock import File
from envdoctor.bundle.target import BundleError
from envdoctor.host import make_folder
from envdoctor.host.download import DownloadError, download
from envdoctor.host.install import sha256_of
from envdoctor.progress import Progress

_AT_ONCE = 6


def fetch(files: Sequence[File], folder: str, progress: Progress) -> Dict[str, File]:
    """File name -> the same with its checksum, all in the folder. Raises BundleError; what is whole stays there."""
    make_folder(folder)
    counter = _Counter(progress, sum(each.size or 0 for each in files))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        waiting = [(file, pool.submit(_fetched, file, folder, counter)) for file in files]
        failed: List[str] = []
        found: Dict[str, File] = {}
        for file, future in waiting:
            try:
                found[file.name] = future.result()
            except (DownloadError, OSError) as error:
                failed.append(f"{file.name}: {getattr(error, 'strerror', None) or error}")
    if failed:
        more = f", and {len(failed) - 1} more files" if len(failed) > 1 else ""
        raise BundleError(f"{failed[0]}{more}; what came stays, and the same command goes on with it")
    return found


def _fetched(file: File, folder: str, counter: "_Counter") -> File:
    path = posixpath.join(folder, file.name)
    known, size = _standing(path)
    if (
        known is None or file.sha256 != known
    ):  # what was built here has none, and may be another one than before
        known = download(file.url, path, file.sha256, counter.heard)
        size = _standing(path)[1]
    return replace(file, sha256=known, size=size)


def _standing(path: str) -> Tuple["str | None", "int | None"]:
    """Checksum and size of a file that is there."""
    from envdoctor.host import LocalHost

    found = LocalHost().stat(path)
    return (sha256_of(path), found.size) if found else (None, None)


class _Counter:
    """Bytes of all files together."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def heard(self, size: int) -> None:
        """From any thread: a count that is shown need not be exact."""
        self._done += size
        self._progress.move(self._done, self._total or None)
