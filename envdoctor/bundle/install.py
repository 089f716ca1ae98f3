"""A bundle into a folder of its own: whole and tried, or as it was before."""

import contextlib
import posixpath
import tempfile
from dataclasses import dataclass, replace
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from envdoctor.bundle import machine, place, selftest
from envdoctor.bundle.build import cause
from envdoctor.bundle.cured import cured
from envdoctor.bundle.fits import fit, rank
from envdoctor.bundle.layout import SOURCES, WHEELS, Contents
from envdoctor.bundle.place import Place
from envdoctor.bundle.refused import refused
from envdoctor.bundle.selftest import Tested
from envdoctor.bundle.target import BundleError
from envdoctor.bundle.verify import needs, verify
from envdoctor.facts import NOT_EXAMINED, Facts, Python
from envdoctor.host import Completed, Host, archives, write_whole
from envdoctor.progress import Progress
from envdoctor.report.style import counted

_LONG = 3600.0
_QUIET = (
    *("--quiet", "--no-input", "--disable-pip-version-check", "--no-cache-dir"),
    *("--no-index", "--no-deps", "--require-hashes"),
)


@dataclass(frozen=True)
class Installed:
    """What was done."""

    contents: Contents
    python: str  # that runs it
    tested: Tested
    #: Folders of packages that it is told by PYTHONPATH; of an environment none.
    folders: Tuple[str, ...]


def install(
    host: Host,
    bundle: str,
    into: Place,
    python: Optional[str],
    progress: Progress,
    cut: Sequence[str] = (),
    target: Optional[str] = None,
) -> Installed:
    """Look at everything, then install and try it. Raises BundleError; then the place is as it was before.

    `cut` is what programs are run by, to prove that they need no network; `target` the one to install for, whatever
    GPU is here.
    """
    _check_outside(host, bundle, into)
    progress.start("comparing every file with its checksum")
    contents = verify(host, bundle)
    progress.finish("as they were made")
    facts = machine.here(host, python or host.own_python or "python3")
    assert isinstance(facts.python, Python)
    one, known = fitting(contents, {} if target else needs(host, bundle), facts, target)
    for text in known:
        progress.note(text)
    with place.held(into.path):
        place.begin(host, into)
        try:
            with _unpacked(posixpath.join(bundle, one.pip.path)) as pip:
                tested = _Filler(host, bundle, one, into, facts.python.executable, pip, cut).fill(progress)
            place.finish(host, into, one)
        except BaseException:
            place.give_up(host, into)
            raise
        place.settle(into)
    return Installed(one, into.python(facts.python.executable), tested, into.packages(host))


def _check_outside(host: Host, bundle: str, into: Place) -> None:
    """Raises BundleError for a place in the bundle, which would be none any more."""
    if f"{host.realpath(into.path)}/".startswith(f"{host.realpath(bundle)}/"):
        raise BundleError(
            f"{into.path} is in the bundle itself, which may hold nothing else; give another folder"
        )


def fitting(
    contents: Sequence[Contents],
    needed: Mapping[str, Mapping[str, Any]],
    facts: Facts,
    named: Optional[str] = None,
) -> Tuple[Contents, Tuple[str, ...]]:
    """What is for that machine, and what is to be known of it. Raises BundleError with the reason for each that is not.

    A target that is named is judged without its driver and GPUs: it may be installed for other machines.
    """
    reasons: List[str] = []
    if named is not None and named not in {one.target.name for one in contents}:
        raise BundleError(f"no target {named}; there are {', '.join(one.target.name for one in contents)}")
    chosen = [one for one in contents if named in (None, one.target.name)]
    if named is not None:
        facts = replace(facts, driver=NOT_EXAMINED)
    for one in sorted(chosen, key=lambda each: rank(each.target, facts), reverse=True):
        found = fit(one.target, needed.get(one.target.name, {}), facts)
        if not found.against:
            return one, found.known if named is None else ()
        reasons.append(f"{one.target.name}: {'; '.join(found.against)}")
    where = facts.python.executable if isinstance(facts.python, Python) else "this machine"
    raise BundleError(f"nothing in the bundle is for {where}: {'; '.join(reasons)}")


@contextlib.contextmanager
def _unpacked(wheel: str) -> Iterator[str]:
    """pip, out of its wheel: run from within, Python would compile all of it each time, which takes two seconds."""
    with tempfile.TemporaryDirectory(prefix="envdoctor-pip-") as folder:
        try:
            archives.unpack_all(wheel, folder)
        except archives.BrokenArchive as error:
            raise BundleError(f"{wheel}: {error}") from None
        yield posixpath.join(folder, "pip")


class _Filler:
    """pip of the bundle, run by the interpreter for a place."""

    def __init__(
        self,
        host: Host,
        bundle: str,
        one: Contents,
        into: Place,
        interpreter: str,
        pip: str,
        cut: Sequence[str],
    ) -> None:
        self.host, self.bundle, self.one, self.into, self.cut = host, bundle, one, into, cut
        self.interpreter, self.pip = interpreter, pip
        self.python = into.python(interpreter)

    def fill(self, progress: Progress) -> Tested:
        """Install all, compare it, and try it."""
        progress.start(f"installing {counted(len(self.one.wheels), 'wheel')}")
        if self.into.kind == "venv":
            self._run(self.interpreter, "-m", "venv", "--without-pip", self.into.path)
        wheels, sources = (("--find-links", posixpath.join(self.bundle, name)) for name in (WHEELS, SOURCES))
        self._pip("install", *_QUIET, *self.into.options(), *wheels, "-r", self._path(self.one.requirements))
        if self.one.sources:
            progress.finish("they are there")
            progress.start(f"building {', '.join(each.project for each in self.one.sources)}")
            # Nothing is isolated: what builds need is there, and CUDA extensions may need torch and not say so.
            options = (*_QUIET, *self.into.options(), *wheels, *sources, "--no-build-isolation")
            with cured(self.bundle, self.one, self.python) as doctor:
                self._pip("install", *options, "-r", self._path(self.one.requirements_of_sources), by=doctor)
        self._pip("check", "--disable-pip-version-check", alone=True)
        progress.finish("every one asks for no more than is there (pip check)")
        progress.start("importing everything")
        tested = selftest.test(self.one, lambda words: self._asked(self.python, *self._plain(), *words))
        progress.finish(
            counted(len(tested.imported), "module") + (f"; {tested.kernels}" if tested.kernels else "")
        )
        for name, why in tested.others.items():
            progress.note(f"{name}, which comes along, does not import here: {why}")
        return tested

    def _plain(self) -> Sequence[str]:
        return ("-s",) if self.into.kind == "prefix" else ("-I",)

    def _path(self, inside: str) -> str:
        return posixpath.join(self.bundle, inside)

    def _pip(self, *words: str, alone: bool = False, by: Sequence[str] = ()) -> None:
        """The bundle's own; alone, so that it sees nothing but what was installed; run by what is given."""
        self._run(*by, self.python, *(self.into.isolated() if alone else ()), self.pip, *words)

    def _run(self, *argv: str) -> None:
        answer = self._asked(*argv)
        if not answer.ok:
            said = answer.stdout + answer.stderr
            why = answer.error or cause(said.splitlines())
            raise BundleError(f"{' '.join(argv[:4])} ...: {why}; {self._kept(said)}")

    def _kept(self, said: str) -> str:
        """Where all of it is; a disk that is full, which may be why, has no room for that either."""
        try:
            write_whole(self.into.log, said)
        except OSError as error:
            return f"the rest is lost: {refused(error, self.into.log)}"
        return f"all that it said: {self.into.log}"

    def _asked(self, *argv: str) -> Completed:
        # Builds look on PATH for cmake and ninja.
        env = self.into.variables(self.host, environment(self.host.env))
        return self.host.execute((*self.cut, *argv), env, "/", "", _LONG)


def environment(env: Mapping[str, str]) -> Dict[str, str]:
    """Without what others have set up for pip and Python: nothing but the bundle is to count."""
    kept = {name: value for name, value in env.items() if not name.startswith(("PIP_", "PYTHON"))}
    return {**kept, "PIP_CONFIG_FILE": "/dev/null", "LC_ALL": "C.UTF-8"}
