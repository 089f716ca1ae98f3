"""Wheels of what has only source: built by pip here, and refused where the target cannot take them."""

import posixpath
from typing import List, Sequence

from envdoctor.bundle.lock import File, tags_of
from envdoctor.bundle.target import BundleError, Target
from envdoctor.host import Host, make_folder, stream
from envdoctor.progress import Progress


def build(host: Host, python: str, what: str, folder: str, progress: Progress) -> File:
    """The wheel of a project's folder or of a release, in a folder that has no other. Raises BundleError, OSError."""
    make_folder(folder)
    options = ("--no-deps", "--no-input", "--disable-pip-version-check", "--progress-bar", "off")
    lines: List[str] = []
    progress.start(f"building {what}")
    argv = (python, "-m", "pip", "wheel", *options, "--wheel-dir", folder, what)
    status = stream.stream(argv, {**host.env, "LC_ALL": "C"}, host.cwd, lines.append, lambda: None)
    wheels = [name for name in host.scan(folder) if name.endswith(".whl")]
    if status or len(wheels) != 1:
        said = [line.strip() for line in lines if "error" in line.lower()] or lines[-1:] or ["no word of why"]
        raise BundleError(
            f"{what} does not build here ({said[-1][:200]}); `envdoctor run -- {' '.join(argv[:4])} {what}` tells more"
        )
    progress.finish(wheels[0])
    return File(f"file://{posixpath.join(folder, wheels[0])}", None, None)


def check_fits(wheel: File, targets: Sequence[Target]) -> None:
    """Raises BundleError where one of them cannot take it."""
    for target in targets:
        if not set(tags_of(wheel.name)).intersection(target.tags()):
            raise BundleError(
                f"{wheel.name} was built here, and {target.name} does not take it: build it with that Python, "
                "and give the wheel"
            )
