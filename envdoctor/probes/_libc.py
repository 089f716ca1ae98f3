"""The C library of the machine: which one, and its version, read from its file."""

import posixpath
import re
from typing import Optional, Tuple

from envdoctor import elf
from envdoctor.host import Host
from envdoctor.probes import _ldcache

_BANNER = re.compile(rb"GNU C Library [^\n\0]{0,200}?version (\d+\.\d+)")
_LIMIT = 8 << 20


def libc(host: Host, machine: str) -> Tuple[str, Optional[str]]:
    """("glibc", "2.36"): the one that the shell's loader belongs to."""
    loader = _interpreter(host, "/bin/sh") or _interpreter(host, "/usr/bin/env") or _any_loader(host)
    if "ld-musl" in loader:
        return "musl", _musl_version(host, loader)
    path = _glibc(host, machine, loader)
    if path is None:
        return "unknown", None
    return "glibc", _glibc_version(host, path)


def _interpreter(host: Host, program: str) -> str:
    """The loader that a program names; "" for a static one (busybox) or none."""
    try:
        return elf.parse(lambda offset, size: host.read_range(program, offset, size)).interp or ""
    except (OSError, elf.ElfError):
        return ""


def _any_loader(host: Host) -> str:
    found = [
        *host.glob("/lib64", "ld-linux*"),
        *host.glob("/lib", "ld-linux*"),
        *host.glob("/lib", "ld-musl*"),
    ]
    return found[0] if found else ""


def _musl_version(host: Host, loader: str) -> Optional[str]:
    """musl's loader says its version when it is called with nothing to load."""
    answer = host.run(loader)
    found = re.search(r"^Version (\S+)", answer.stderr, re.MULTILINE)
    return found.group(1) if found else None


def _glibc(host: Host, machine: str, loader: str) -> Optional[str]:
    """libc.so.6 beside the loader (Nix has several), by the cache, or in a default folder."""
    beside = posixpath.dirname(host.realpath(loader)) if loader else "/lib64"
    cached = _ldcache.libraries(host, machine).get("libc.so.6", ())
    folders = (beside, *_ldcache.default_folders(machine))
    paths = (f"{folders[0]}/libc.so.6", *cached, *(f"{folder}/libc.so.6" for folder in folders[1:]))
    return next((path for path in paths if host.is_file(path)), None)


def _glibc_version(host: Host, path: str) -> Optional[str]:
    """From the banner in it; before 2.34 the file's own name says it too: libc-2.31.so."""
    named = re.search(r"libc-(\d+\.\d+)\.so$", host.realpath(path))
    if named:
        return named.group(1)
    try:
        found = _BANNER.search(host.read_range(path, 0, _LIMIT))
    except OSError as error:
        host.note(path, error.strerror or str(error))
        return None
    if found is None:
        host.note(path, "says no version of glibc")
    return found.group(1).decode() if found else None
