"""A folder that is there when it is whole: until then all is in another one beside it."""

import contextlib
import posixpath
from typing import Iterator

from envdoctor.host import LocalHost, install, locked, make_folder, remove
from envdoctor.quant.gptq_config import CheckpointError
from envdoctor.quant.tensor_files import told


@contextlib.contextmanager
def whole_folder(folder: str) -> Iterator[str]:
    """An empty folder to write in, which gets this name at the end, in one step.

    It lies in a hidden one, and what a kill leaves of that is removed by the next call. Raises CheckpointError.
    """
    target = posixpath.abspath(folder)
    part = posixpath.join(posixpath.dirname(target), f".{posixpath.basename(target)}.envdoctor-unfinished")
    with _alone(folder, part):
        try:
            whole = posixpath.join(part, "whole")
            remove(whole)
            make_folder(whole)
            yield whole
            install.move(whole, target)
        finally:
            remove(part)


@contextlib.contextmanager
def resumed_folder(folder: str) -> Iterator[str]:
    """A folder to write in, which gets this name at the end; what is written stays in FOLDER.part until then.

    It may hold what a call before has left, after whatever ended that; nothing is left of one that has written
    nothing. Raises CheckpointError.
    """
    target = posixpath.abspath(folder)
    part = target + ".part"
    with _alone(folder, part):
        whole = posixpath.join(part, "whole")
        make_folder(whole)
        try:
            yield whole
        except BaseException:
            if not LocalHost().listdir(whole):
                remove(part)
            raise
        install.move(whole, target)
        remove(part)


def check_new(folder: str) -> None:
    """Raises CheckpointError where no new folder of that name can be: an empty one may be in the way."""
    host, path = LocalHost(), posixpath.abspath(folder)
    found = host.lstat(path)
    if found is not None and found.kind != "folder":
        raise CheckpointError(f"{folder}: there is something of that name; name a new folder")
    if install.is_mount(path):
        raise CheckpointError(f"{folder}: another file system begins there; name a new folder in it")
    if found is not None and host.listdir(path):
        raise CheckpointError(f"{folder}: there is something in it; name a new folder")
    while not host.exists(path):
        path = posixpath.dirname(path)
    if not host.is_dir(path):
        raise CheckpointError(f"{folder}: {path} is no folder; name a new folder in one")


@contextlib.contextmanager
def _alone(folder: str, part: str) -> Iterator[None]:
    check_new(folder)
    with told(folder):
        make_folder(part)
        try:
            with locked(posixpath.join(part, ".lock")):
                yield
        except BlockingIOError:
            raise CheckpointError(f"{folder}: another process is writing it") from None
