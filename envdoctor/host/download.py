"""Files from web and file: addresses: whole, with the right checksum, going on where a connection was cut."""

import contextlib
import os
import time
from dataclasses import dataclass
from typing import Any, Callable, ContextManager, Iterator, Optional
from urllib.parse import urlsplit

from envdoctor.host import web
from envdoctor.host.install import sha256_of

_CHUNK = 1 << 20
_TRIES = 5
_TIMEOUT = 60.0

#: Told of each piece that came, in bytes.
Heard = Callable[[int], None]


class DownloadError(Exception):
    """Why a file did not come, in one line."""


@dataclass(frozen=True)
class Way:
    """How the web is asked."""

    #: (address, from which byte on) -> (what comes, its first byte).
    opened: Callable[[str, int], ContextManager[Any]]
    #: What it raises where another try may help.
    broken: Callable[[], Any]


def download(url: str, path: str, sha256: Optional[str], heard: Heard, way: Optional[Way] = None) -> str:
    """Put a file at a path in one step, and say its checksum. Raises DownloadError, OSError, and what the way does.

    What came of it before a break is kept as PATH.part; the next call goes on with that.
    """
    part = f"{path}.part"
    way = way or REQUESTS
    for attempt in range(_TRIES):
        try:
            _append(url, part, heard, way)
            break
        except way.broken() as error:
            if attempt == _TRIES - 1:
                raise DownloadError(f"{shown(url)}: {_reason(error)}, {_TRIES} times") from None
            time.sleep(2.0**attempt)
    found = sha256_of(part)
    if sha256 is not None and found != sha256:
        os.unlink(part)
        raise DownloadError(f"{shown(url)}: its sha256 is {found}, and the index says {sha256}")
    os.replace(part, path)
    return found


def shown(url: str) -> str:
    """An address without the password in it."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _append(url: str, part: str, heard: Heard, way: Way) -> None:
    """All that is lacking in a file; where the other side cannot begin in the middle, from the beginning."""
    have = os.path.getsize(part) if os.path.exists(part) else 0
    opened = web.opened if web.is_local(url) else way.opened
    with opened(url, have) as (chunks, begins), open(part, "r+b" if have else "wb") as stream:
        stream.truncate(begins)
        stream.seek(begins)
        heard(begins)
        for chunk in chunks:
            stream.write(chunk)
            heard(len(chunk))


@contextlib.contextmanager
def _by_requests(url: str, have: int) -> Iterator[Any]:
    import requests

    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as answer:
        if answer.status_code == 416:  # nothing is lacking
            yield iter(()), have
            return
        answer.raise_for_status()
        yield answer.iter_content(_CHUNK), have if answer.status_code == 206 else 0


def _broken_requests() -> Any:
    try:
        import requests
    except ImportError as error:
        say = f"bundles are fetched by requests, which does not import here ({error}): pip install 'envdoctor[bundle]'"
        raise DownloadError(say) from None
    return requests.RequestException


#: With certificates and passwords as pip's users have them set up.
REQUESTS = Way(_by_requests, _broken_requests)
#: Without a package: for files whose checksum is known beforehand.
PLAIN = Way(web.opened, lambda: web.Unreachable)


def _reason(error: Exception) -> str:
    answer = getattr(error, "response", None)
    return f"{answer.status_code} {answer.reason}" if answer is not None else str(error)[-160:]
