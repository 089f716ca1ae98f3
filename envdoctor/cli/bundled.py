"""What the parts of `bundle` share: the host, the names of folders, and complaints in one line."""

import contextlib
import os
from typing import TYPE_CHECKING, Iterator

from envdoctor.cli.common import UsageError

if TYPE_CHECKING:
    from envdoctor.host import Host

_LIMIT = 86400.0


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Why not, in one line."""
    from envdoctor.bundle.refused import refused
    from envdoctor.bundle.target import BundleError

    try:
        yield
    except BundleError as error:
        raise UsageError(str(error)) from None
    except OSError as error:
        raise UsageError(refused(error, "a file")) from None


def local_host() -> "Host":
    """This machine, for as long as it takes."""
    from envdoctor.host import LocalHost

    return LocalHost(limit=_LIMIT)


def new_folder(path: str) -> str:
    """Its whole name."""
    if not path.strip() or "\0" in path:
        raise UsageError("the name of the new folder is empty")
    return absolute(path)


def absolute(path: str) -> str:
    """With the home folder and from the root on."""
    return os.path.abspath(os.path.expanduser(path))
