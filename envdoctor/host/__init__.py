"""The machine under examination: the only package that runs programs, reads files and asks for variables."""

from envdoctor.host.base import Completed, FileStat, Host, Machine, Space
from envdoctor.host.command import CannotRun, end_like, run_in_foreground
from envdoctor.host.files import (
    append,
    is_terminal,
    make_folder,
    make_link,
    make_new_folder,
    new_file_mode,
    private_folder,
    remove,
    replace_whole,
    sweep,
    umask,
    write_whole,
)
from envdoctor.host.local import LocalHost
from envdoctor.host.lock import locked
from envdoctor.host.overheard import Overheard

__all__ = [
    "CannotRun",
    "Completed",
    "FileStat",
    "Host",
    "LocalHost",
    "Machine",
    "Overheard",
    "Space",
    "append",
    "end_like",
    "is_terminal",
    "locked",
    "make_folder",
    "make_link",
    "make_new_folder",
    "new_file_mode",
    "private_folder",
    "remove",
    "replace_whole",
    "run_in_foreground",
    "sweep",
    "umask",
    "write_whole",
]
