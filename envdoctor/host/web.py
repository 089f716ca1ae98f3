"""What a web server has, by the standard library alone, whole or in parts; proxies are those of the environment."""

import contextlib
import http.client
import urllib.error
import urllib.request
from typing import IO, Any, Dict, Iterable, Iterator, Tuple
from urllib.parse import unquote, urlsplit

_CHUNK = 1 << 20
_TIMEOUT = 60.0


class Unreachable(Exception):
    """Why nothing came, in one line; the next try may do better."""


class Missing(Exception):
    """The server answers, and has no such file."""


class Whole(Exception):
    """The server sends no parts of files."""


@contextlib.contextmanager
def opened(url: str, have: int = 0) -> Iterator[Tuple[Iterable[bytes], int]]:
    """What comes, and from which byte on. Raises Unreachable, Missing; OSError for a local file."""
    if is_local(url):
        with local(url) as stream:
            yield iter(lambda: stream.read(_CHUNK), b""), 0
        return
    headers = {"Range": f"bytes={have}-"} if have else {}
    try:
        with _answer(url, headers) as answer:
            yield _pieces(answer), have if answer.status == 206 else 0
    except _NothingMore:
        yield iter(()), have


def part(url: str, first: int, size: int) -> bytes:
    """So many bytes from there on. Raises Unreachable, Missing, Whole; OSError for a local file."""
    if is_local(url):
        with local(url) as stream:
            stream.seek(first)
            return stream.read(size)
    with _answer(url, {"Range": f"bytes={first}-{first + size - 1}"}) as answer:
        if answer.status != 206:
            raise Whole
        return b"".join(_pieces(answer))


def is_local(url: str) -> bool:
    """Whether it is a file: address."""
    return urlsplit(url).scheme == "file"


def local(url: str) -> IO[bytes]:
    """The file of a file: address, opened. Raises OSError."""
    return open(unquote(urlsplit(url).path), "rb")


class _NothingMore(Exception):
    """All of the file is there already."""


def _answer(url: str, headers: Dict[str, str]) -> Any:
    request = urllib.request.Request(url, headers={"User-Agent": "envdoctor", **headers})  # noqa: S310 - the user's own address
    try:
        return urllib.request.urlopen(request, timeout=_TIMEOUT)  # noqa: S310
    except urllib.error.HTTPError as error:
        if error.code == 416:
            raise _NothingMore from None
        if error.code in (404, 410):
            raise Missing(f"{error.code} {error.reason}") from None
        raise Unreachable(f"{error.code} {error.reason}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unreachable(_reason(error)) from None


def _pieces(answer: Any) -> Iterator[bytes]:
    while True:
        try:
            chunk = answer.read(_CHUNK)
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(_reason(error)) from None
        if not chunk:
            break
        yield chunk
    if answer.length:
        raise Unreachable("the connection was cut")


def _reason(error: Exception) -> str:
    """The operating system's words."""
    inner = getattr(error, "reason", error)
    return str(getattr(inner, "strerror", None) or inner)[-160:]
