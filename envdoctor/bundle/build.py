"""Wheels of what has only source: built by pip here, and refused where the target cannot take them."""

import posixpath
import re
import shlex
from typing import List, Sequence
from urllib.parse import quote

from envdoctor.bundle.lock import File, tags_of
from envdoctor.bundle.reach import with_cure
from envdoctor.bundle.target import BundleError, Target
from envdoctor.host import Host, make_folder, remove, stream
from envdoctor.progress import Progress

#: Most back ends give a wheel's files this time, 2020-02-02, so that the same source gives the same wheel ...
_LONG_AGO = "1580601600"
#: ... and the permissions that this leaves.
_UMASK = ("sh", "-c", 'umask 022 && exec "$@"', "sh")


def cause(lines: Sequence[str]) -> str:
    """Of what pip printed, the line of the back end that tells most: the last error before pip's own words of it."""
    errors = [line.strip() for line in lines if re.search(r"\b\w*error\b", line, re.IGNORECASE)]
    pips = (
        "error: subprocess-exited",
        "error: metadata-generation",
        "error: failed-wheel-build",
        "Encountered error",
        "ERROR: Failed",
        "note:",
    )
    own = [line for line in errors if not line.startswith(pips)]
    return ((own or errors or list(lines[-1:]) or ["no word of why"])[-1])[:200]


def build(host: Host, python: str, what: str, folder: str, progress: Progress) -> File:
    """The wheel of a project's folder or of a release, in a folder that has no other. Raises BundleError, OSError."""
    remove(folder)  # of a run before
    make_folder(folder)
    options = ("--no-deps", "--no-input", "--disable-pip-version-check", "--progress-bar", "off")
    lines: List[str] = []
    progress.start(f"building {what}")
    argv = (python, "-m", "pip", "wheel", *options, "--wheel-dir", folder, what)
    env = {"SOURCE_DATE_EPOCH": _LONG_AGO, **host.env, "LC_ALL": "C"}
    status = stream.stream((*_UMASK, *argv), env, host.cwd, lines.append, lambda: None)
    wheels = [name for name in host.scan(folder) if name.endswith(".whl")]
    if status or len(wheels) != 1:
        retried = next((line for line in lines if "Retrying (Retry(" in line), "")
        if retried:
            raise BundleError(with_cure(f"{what} does not build here: {retried.strip()[:300]}"))
        again = shlex.join((python, "-m", "pip", "wheel", "--no-deps", what))
        raise BundleError(
            f"{what} does not build here ({cause(lines)}); `envdoctor run -- {again}` tells more"
        )
    progress.finish(wheels[0])
    return File(f"file://{quote(posixpath.join(folder, wheels[0]))}", None, None)


def check_fits(wheel: File, target: Target) -> None:
    """Raises BundleError where a target cannot take it."""
    if not set(tags_of(wheel.name)).intersection(target.tags()):
        raise BundleError(
            f"{wheel.name} was built here, and {target.name} does not take it: build it with that Python, "
            "and give the wheel"
        )
