"""Every nvcc on PATH, resolved to the toolkit that it really runs."""

import posixpath
import re
from typing import Optional, Tuple

from envdoctor.facts import NvccPath, Nvccs
from envdoctor.host import Host
from envdoctor.probes import _programs

_HERE = re.compile(r"^#\$ _HERE_=(.+)$", re.MULTILINE)
_PROFILE_TOP = re.compile(r"^\s*TOP\s*\??=\s*(\S+)", re.MULTILINE)
_PROFILE_COMPILER = re.compile(r"^\s*compiler-bindir\s*\??=\s*(\S+)", re.MULTILINE)
_NVCC_IN_SCRIPT = re.compile(r"(?<![\w/.$}-])(/[^\s\"'$]*/nvcc)(?![\w.])")


def probe(host: Host) -> Nvccs:
    """In PATH order; the first is the one that a bare `nvcc` runs."""
    paths = list(enumerate(_programs.copies(host, "nvcc")))
    return Nvccs(tuple(_programs.side_by_side(lambda entry: describe(host, entry[1], entry[0] == 0), paths)))


def describe(host: Host, path: str, wins: bool) -> NvccPath:
    """One nvcc by its path as called: nvcc finds its profile beside that path, links to the file not followed."""
    kind, binary = resolve(host, path)
    answer = host.run(path, "--version")
    root = root_of(host, binary) if binary else None
    return NvccPath(
        path, kind, host.realpath(binary or path), root, wins, None if answer.ok else answer.complaint
    )


def resolve(host: Host, path: str) -> Tuple[str, Optional[str]]:
    """(kind, the nvcc that runs): "wrapper" (None when nobody tells), "link" (to the file alone) or "binary"."""
    folder = posixpath.dirname(path)
    script = _programs.kind(host, path) in ("script", "console-script", "shim", "compiler-cache")
    if not script:
        if host.is_file(posixpath.join(folder, "nvcc.profile")):
            return "binary", path
        if posixpath.dirname(host.realpath(path)) != host.realpath(folder):
            return "link", path
    # A script; or a program without a profile, as the HPC SDK's, that starts the nvcc of one of its releases
    binary = wrapped(host, path)
    own = binary is not None and host.realpath(posixpath.dirname(binary)) == host.realpath(folder)
    return ("binary", path) if own or not (script or binary) else ("wrapper", binary)


def wrapped(host: Host, path: str) -> Optional[str]:
    """The nvcc behind a wrapper: asked, else the one absolute path in the script; None when neither tells.

    `--dryrun` runs the host compiler's preprocessor once; without one it says nothing, and the text must do.
    """
    here = None
    if host.run(path, "--version").status is not None:  # one that hangs is not asked twice
        answer = host.run(path, "--dryrun", "-lib", "x.o")
        here = _HERE.search(answer.stderr + answer.stdout)
    if here and here[1].startswith("/"):
        return posixpath.join(posixpath.normpath(here[1].strip()), "nvcc")
    text = _programs.beginning(host, path, 1 << 14).decode("utf-8", errors="replace")
    named = [
        found
        for found in dict.fromkeys(_NVCC_IN_SCRIPT.findall(text))
        if found != path and host.is_file(found)
    ]
    return named[0] if len(named) == 1 else None


def root_of(host: Host, nvcc: str) -> Optional[str]:
    """The toolkit's real root by the profile beside nvcc; None when there is none: nvcc then knows no root."""
    folder = posixpath.dirname(nvcc)
    debian = debian_prefix(host.realpath(nvcc))
    if debian:
        return debian
    text = host.try_text(posixpath.join(folder, "nvcc.profile"))
    if text is None:
        return None
    top = _PROFILE_TOP.search(text)
    named = top[1].replace("$(_HERE_)", folder) if top else posixpath.join(folder, "..")
    return host.realpath(named) if named.startswith("/") and "$" not in named else None


def compiler_folder(host: Host, nvcc: str) -> Optional[str]:
    """The folder of the host compiler that the profile beside nvcc names (compiler-bindir), None without one."""
    folder, top = posixpath.dirname(nvcc), root_of(host, nvcc)
    found = _PROFILE_COMPILER.search(host.try_text(posixpath.join(folder, "nvcc.profile")) or "")
    if not found or not top:
        return None
    named = found[1].replace("$(TOP)", top).replace("$(_HERE_)", folder)
    return host.realpath(named) if named.startswith("/") and "$" not in named else None


def debian_prefix(nvcc: str) -> Optional[str]:
    """ "/usr" for Debian's /usr/lib/nvidia-cuda-toolkit/bin/nvcc: headers and libraries lie below it, split."""
    head, found, tail = nvcc.rpartition("/lib/nvidia-cuda-toolkit/bin/")
    return (head or "/") if found and tail == "nvcc" else None
