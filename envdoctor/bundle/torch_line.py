"""A torch for the CUDA that a target states, where an index has one."""

import contextlib
from typing import List, Optional, Sequence, Tuple

from envdoctor.bundle.cuda_lines import candidates, line, other, words
from envdoctor.bundle.lock import Chosen, is_lock
from envdoctor.bundle.releases import Releases
from envdoctor.bundle.target import BundleError, Target
from envdoctor.host import Host
from envdoctor.progress import Progress

#: Versions of torch that are tried for a CUDA, and seconds for their list.
_TRIES, _PATIENCE = 8, 120


def resolve_for_line(
    host: Host,
    releases: Releases,
    asked: Sequence[str],
    files: Sequence[str],
    target: Target,
    progress: Progress,
) -> List[Chosen]:
    """Releases for a target and its CUDA. Raises BundleError where torch, or what else decides, is for another one."""
    found = releases.resolve(asked, files, target)
    made_for, says = _line(found)
    if target.cuda is None or made_for in (None, target.cuda):
        return found
    another = says.startswith("torch ") and not any(map(is_lock, files))
    for version in _candidates(host, releases.python, target) if another else ():
        progress.start(f"resolving for {target.name} with torch {version}")
        with contextlib.suppress(BundleError):
            found = releases.resolve([*asked, f"torch=={version}"], files, target)
            if _line(found)[0] == target.cuda:
                progress.note(f"{says} is made for {words(made_for)}: torch {version} is taken")
                return found
    so, follows, cure = other(str(made_for), says, target.cuda)
    raise BundleError(f"{target.name}: {so}. {follows} Do: {cure}")


def _line(found: Sequence[Chosen]) -> Tuple[Optional[str], str]:
    return line((one.project, one.version) for one in found)


def _candidates(host: Host, python: str, target: Target) -> List[str]:
    """Versions of torch to try; pip knows them, from all indexes and folders that it is set up with."""
    platforms = dict.fromkeys(tag.platform for tag in target.tags())
    argv = (
        *(python, "-m", "pip", "index", "versions", "torch", "--disable-pip-version-check"),
        *("--python-version", target.python, "--only-binary=:all:"),
        *(word for platform in platforms for word in ("--platform", platform)),
    )
    return candidates(host.run(*argv, timeout=_PATIENCE).stdout, str(target.cuda))[:_TRIES]
