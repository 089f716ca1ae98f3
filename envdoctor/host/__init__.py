"""The machine under examination: the only package that runs programs, reads files and asks for variables."""

from envdoctor.host.base import Completed, FileStat, Host, Machine, Space
from envdoctor.host.local import LocalHost, append, write_whole

__all__ = ["Completed", "FileStat", "Host", "LocalHost", "Machine", "Space", "append", "write_whole"]
