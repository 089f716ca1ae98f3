"""A bundle into a new virtual environment: whole, or nothing is left of it."""

import posixpath
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

from envdoctor.bundle.build import cause
from envdoctor.bundle.cured import cured
from envdoctor.bundle.layout import SOURCES, WHEELS, Contents
from envdoctor.bundle.target import BundleError
from envdoctor.bundle.verify import verify
from envdoctor.host import Host, make_folder, remove, write_whole
from envdoctor.progress import Progress

#: In an environment that is not whole yet.
_UNFINISHED = ".envdoctor-unfinished"
_LONG = 3600.0
_QUIET = (
    *("--quiet", "--no-input", "--disable-pip-version-check", "--no-cache-dir"),
    *("--no-index", "--no-deps", "--require-hashes"),
)
_ASK = """
import json, os, platform, sys
try:
    libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
except (AttributeError, ValueError, OSError):
    libc = ""
print(json.dumps({"minor": sys.version_info[:2], "kind": sys.implementation.name, "machine": platform.machine(),
                  "libc": libc, "executable": sys.executable}))
"""


@dataclass(frozen=True)
class Installed:
    """What was done."""

    contents: Contents
    python: str  # of the environment


def install(
    host: Host, bundle: str, venv: str, python: Optional[str], progress: Progress, cut: Sequence[str] = ()
) -> Installed:
    """Look at everything, then make the environment. Raises BundleError; then there is nothing at `venv`.

    `cut` is what programs are run by, to prove that they need no network.
    """
    progress.start("comparing every file with its checksum")
    contents = verify(host, bundle)
    progress.finish("as they were made")
    interpreter = python or host.own_python or "python3"
    one = fitting(contents, _asked(host, interpreter), interpreter)
    _clear(host, venv)
    try:
        _fill(host, bundle, one, venv, interpreter, progress, cut)
    except BaseException:
        remove(venv)
        raise
    return Installed(one, posixpath.join(venv, "bin", "python"))


def _asked(host: Host, python: str) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = host.ask_python(python, _ASK, timeout=60)
    except ValueError as error:
        raise BundleError(f"no interpreter to install for: {error}") from None
    return found


def fitting(contents: Sequence[Contents], here: Mapping[str, Any], python: str) -> Contents:
    """What is for that interpreter. Raises BundleError with the reason for each that is not."""
    reasons = []
    for one in sorted(contents, key=lambda each: each.target.glibc, reverse=True):
        reason = _unfit(one, here)
        if reason is None:
            return one
        reasons.append(f"{one.target.name}: {reason}")
    raise BundleError(f"nothing in the bundle is for {python}: {'; '.join(reasons)}")


def _unfit(one: Contents, here: Mapping[str, Any]) -> Optional[str]:
    target = one.target
    if here["kind"] != "cpython" or tuple(here["minor"]) != target.minor:
        return "this is {} {}.{}".format(here["kind"], *here["minor"])
    if here["machine"] != target.machine:
        return f"this machine is {here['machine']}"
    glibc = _version(here["libc"])
    if glibc is None:
        return "this Python has no glibc"
    return None if glibc >= target.glibc else "this machine has glibc {}.{}".format(*glibc)


def _version(libc: str) -> Optional[Tuple[int, int]]:
    name, _, version = libc.partition(" ")
    numbers = version.split(".")[:2]
    if name != "glibc" or len(numbers) != 2 or not all(each.isdigit() for each in numbers):
        return None
    return int(numbers[0]), int(numbers[1])


def _clear(host: Host, venv: str) -> None:
    """What a kill has left goes; anything else that is there stays, and is said."""
    if host.exists(posixpath.join(venv, _UNFINISHED)):
        try:
            remove(venv)
        except OSError as error:
            why = error.strerror or str(error)
            say = f"{venv}: what a run before has left cannot be removed ({why}); its pip may be at work yet: try again"
            raise BundleError(say) from None
    if host.lstat(venv) is not None:
        raise BundleError(f"{venv} is there already; give a new folder")


def _fill(
    host: Host, bundle: str, one: Contents, venv: str, python: str, progress: Progress, cut: Sequence[str]
) -> None:
    make_folder(venv)
    write_whole(posixpath.join(venv, _UNFINISHED), "")
    programs = posixpath.join(venv, "bin")
    env = environment(host.env)
    env["PATH"] = f"{programs}:{env.get('PATH', '')}"  # builds look there for cmake and ninja

    def run(*argv: str) -> None:
        answer = host.execute((*cut, *argv), env, host.cwd, "", _LONG)
        if not answer.ok:
            said = answer.stdout + answer.stderr
            write_whole(f"{venv}.log", said)
            why = answer.error or cause(said.splitlines())
            raise BundleError(f"{' '.join(argv[:4])} ...: {why}; all that it said: {venv}.log")

    progress.start(f"installing {len(one.wheels)} wheels")
    run(python, "-m", "venv", "--without-pip", venv)
    inside = posixpath.join(programs, "python")
    found = [part for name in (WHEELS, SOURCES) for part in ("--find-links", posixpath.join(bundle, name))]
    pip = (inside, posixpath.join(bundle, WHEELS, one.pip.file, "pip"), "install", *_QUIET)
    run(*pip, *found[:2], "-r", posixpath.join(bundle, one.requirements))
    if one.sources:
        progress.finish("they are there")
        progress.start(f"building {', '.join(each.project for each in one.sources)}")
        # Nothing is isolated: what builds need is there, and those of CUDA extensions may need torch and not say so.
        sources = posixpath.join(bundle, one.requirements_of_sources)
        with cured(bundle, one, inside) as by_the_doctor:
            run(*by_the_doctor, *pip, *found, "--no-build-isolation", "-r", sources)
    run(inside, "-m", "pip", "check", "--disable-pip-version-check")
    remove(posixpath.join(venv, _UNFINISHED))
    progress.finish("every one asks for no more than is there (pip check)")


def environment(env: Mapping[str, str]) -> Dict[str, str]:
    """Without what others have set up for pip and Python: nothing but the bundle is to count."""
    kept = {name: value for name, value in env.items() if not name.startswith(("PIP_", "PYTHON"))}
    return {**kept, "PIP_CONFIG_FILE": "/dev/null", "LC_ALL": "C.UTF-8"}
