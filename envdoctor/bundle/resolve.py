"""What a target gets of what is asked for: uv resolves for it, with the indexes and folders that pip is set up with."""

import posixpath
import re
from typing import List, Sequence

from envdoctor.bundle import settings
from envdoctor.bundle.lock import Chosen, chosen
from envdoctor.bundle.reach import with_cure
from envdoctor.bundle.target import BundleError, Target
from envdoctor.host import Host

#: The glibc minors that uv has platforms for. Source: `uv pip compile --help`, 0.13.
_GLIBC_OF_UV = (17, 28, *range(31, 41))
_LONG = 1800.0
_CAUSE = re.compile(r"^\s*(?:error:|[\u00d7\u2570]\u2500?\u25b6?|cause:|Caused by:)\s*", re.MULTILINE)


def find_uv(host: Host) -> str:
    """The program: beside the interpreter that runs this, else on PATH. Raises BundleError."""
    beside = host.own_python and host.which(posixpath.join(posixpath.dirname(host.own_python), "uv"))
    found = beside or host.which("uv")
    if not found:
        raise BundleError("bundles are resolved by uv, which is not found: pip install 'envdoctor[bundle]'")
    return found


def pip_settings(host: Host, python: str) -> Sequence[str]:
    """What uv is told of how pip is set up. Raises BundleError."""
    answer = host.run(python, "-m", "pip", "config", "list", timeout=60)
    if not answer.ok:
        raise BundleError(f"{python} -m pip config list: {answer.complaint}")
    return tuple(settings.for_uv(settings.read(answer.stdout)))


def resolve(
    host: Host,
    uv: str,
    options: Sequence[str],
    requirements: Sequence[str],
    files: Sequence[str],
    target: Target,
) -> List[Chosen]:
    """Releases of all that is asked for and of all that they need. Raises BundleError."""
    argv = (
        *(uv, "pip", "compile", "--quiet", "--format", "pylock.toml", "--no-header", "--no-annotate"),
        *("--python-version", target.python, "--python-platform", _platform(target)),
        # What has only source is asked for its metadata by this one; uv would run all that it finds to choose one.
        *(("--python", host.own_python) if host.own_python else ()),
        *options,
        *files,
        *(("-",) if requirements else ()),
    )
    stdin = "".join(f"{line}\n" for line in requirements)
    answer = host.run(*argv, stdin=stdin, env={"UV_NO_PROGRESS": "1", "NO_COLOR": "1"}, timeout=_LONG)
    if not answer.ok:
        raise BundleError(f"{target.name}: {_why(answer.stderr, answer.complaint)}")
    return chosen(answer.stdout, target, host.cwd)


def _platform(target: Target) -> str:
    """The newest platform of uv's that the target runs."""
    minor = max((number for number in _GLIBC_OF_UV if number <= target.glibc[1]), default=_GLIBC_OF_UV[0])
    return f"{target.machine}-manylinux_2_{minor}"


def _why(said: str, otherwise: str) -> str:
    """uv's sentences, which it folds over lines, without its drawings; of a chain of causes the ends."""
    parts = [" ".join(part.split()) for part in _CAUSE.sub("\0", said).split("\0")]
    chain = [part for part in parts if part]
    if any("Failed to fetch" in part for part in chain):
        fetch = next(part for part in chain if "Failed to fetch" in part)
        chain = list(dict.fromkeys([fetch, chain[-1]]))
    return with_cure(": ".join(chain)[:600] or otherwise)
