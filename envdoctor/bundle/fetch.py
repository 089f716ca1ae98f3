"""The wheels of a bundle, fetched side by side into one folder."""

import posixpath
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Dict, List, Sequence

from envdoctor.bundle.lock import File
from envdoctor.bundle.reach import with_cure
from envdoctor.bundle.target import BundleError
from envdoctor.host import Host, make_folder
from envdoctor.host.download import DownloadError, download
from envdoctor.host.install import sha256_of
from envdoctor.progress import Progress

_AT_ONCE = 6


def fetch(host: Host, files: Sequence[File], folder: str, progress: Progress) -> Dict[str, File]:
    """File name -> the same with its checksum, all in the folder. Raises BundleError; what is whole stays there."""
    make_folder(folder)
    known = all(each.size for each in files)
    counter = _Counter(progress, sum(each.size or 0 for each in files) if known else 0)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        waiting = [(file, pool.submit(_fetched, host, file, folder, counter)) for file in files]
        failed: List[str] = []
        found: Dict[str, File] = {}
        for file, future in waiting:
            try:
                found[file.name] = future.result()
            except (DownloadError, OSError) as error:
                failed.append(f"{file.name}: {getattr(error, 'strerror', None) or error}")
    if failed:
        more = f", and {len(failed) - 1} more files" if len(failed) > 1 else ""
        raise BundleError(
            with_cure(f"{failed[0]}{more}; what came stays, and the same command goes on with it")
        )
    return found


def _fetched(host: Host, file: File, folder: str, counter: "_Counter") -> File:
    path = posixpath.join(folder, file.name)
    known = sha256_of(path) if host.is_file(path) else None
    # What was built here is stated without a checksum, and may be another one than before.
    if known is None or file.sha256 != known:
        known = download(file.url, path, file.sha256, counter.heard)
    found = host.stat(path)
    return replace(file, sha256=known, size=found.size if found else None)


class _Counter:
    """Bytes of all files together."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def heard(self, size: int) -> None:
        """From any thread: a count that is shown need not be exact."""
        self._done += size
        self._progress.move(self._done, self._total or None)
