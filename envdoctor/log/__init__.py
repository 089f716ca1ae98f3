"""Reads a build log, of any tool, in any encoding and language, of any size, into a BuildLog that rules search."""

from envdoctor.log import told
from envdoctor.log.build_log import GAP, BuildLog, Hit
from envdoctor.log.reader import read, read_text

__all__ = ["GAP", "BuildLog", "Hit", "read", "read_text", "told"]
