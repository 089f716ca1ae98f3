"""Builds the wheel for CUDA lines on this machine, side by side as far as its cores and its memory go."""

import posixpath
import shlex
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Callable, Dict, Mapping, Sequence, Tuple

import envdoctor
from envdoctor.facts import System
from envdoctor.host import Host, locked, make_folder, write_whole
from envdoctor.matrix.inputs import digest, keyed
from envdoctor.matrix.line import Outcome, build
from envdoctor.matrix.lines import targets
from envdoctor.matrix.steps import Places, Step, steps
from envdoctor.matrix.table import CudaLine, Table, TableError
from envdoctor.probes import system
from envdoctor.progress import Progress

GIB = 1 << 30
#: Of memory, for a line: compilers of CUDA take up to 4 GiB (CUTLASS), and those of one line seldom all at once.
_MEMORY = 4 * GIB
#: Of disk, for a line: its toolkit, the build, an environment with torch for CPUs.
_DISK = 3 * GIB


@dataclass(frozen=True)
class Wanted:
    """What is asked for; paths are absolute."""

    project: str
    table: Table
    lines: Tuple[CudaLine, ...]
    folder: str  # of all lines
    toolkits: str  # where those are made that are not there
    present: Mapping[str, str]  # CUDA version -> a root that is there
    python: str
    archs: Tuple[str, ...] = ()  # instead of the table's
    jobs: int = 0  # lines at once; 0: as many as fit


def plan(host: Host, wanted: Wanted) -> Dict[str, Tuple[Places, Tuple[Step, ...]]]:
    """CUDA version -> where and what is run."""
    found = {}
    for line in wanted.lines:
        root = wanted.present.get(line.version)
        places = Places(
            wanted.project,
            posixpath.join(wanted.folder, line.version),
            root or posixpath.join(wanted.toolkits, "-".join((line.version, *line.components))),
            wanted.python,
            _ourselves(host),
            root is None,
        )
        found[line.version] = places, steps(wanted.table.wheel, line, _targets(wanted, line), places)
    return found


def run(host: Host, wanted: Wanted, progress: Progress) -> Tuple[Outcome, ...]:
    """Every line to its end, whatever becomes of the others. Raises TableError for what stops all, OSError."""
    make_folder(wanted.folder)
    _check_disk(host, wanted)
    try:
        with locked(posixpath.join(wanted.folder, "lock")):
            write_whole(posixpath.join(wanted.folder, ".gitignore"), "*\n")
            return _run(host, wanted, progress)
    except BlockingIOError:
        raise TableError(f"another envdoctor is at work in {wanted.folder}; wait for it, or end it") from None


def _run(host: Host, wanted: Wanted, progress: Progress) -> Tuple[Outcome, ...]:
    at_once, env = _shares(host, wanted)
    planned = plan(host, wanted)
    progress.note(f"{len(planned)} CUDA lines, {at_once} at once, in {wanted.folder}")

    sources = digest(host, wanted.project, wanted.folder)
    ending = threading.Event()

    def tick() -> None:
        if ending.is_set():
            raise InterruptedError

    def one(line: CudaLine) -> Outcome:
        tick()
        places, todo = planned[line.version]
        archs = _targets(wanted, line)
        key = keyed(sources, (places.toolkit, wanted.python, *(step.command for step in todo)), host.env)
        try:
            outcome = build(host, line.version, archs, todo, places, key, env, _teller(progress, line), tick)
        except InterruptedError:
            raise
        except (OSError, ValueError, IndexError, KeyError) as error:
            outcome = Outcome(
                line.version, archs, {}, "line", f"{type(error).__name__}: {error}", places.folder
            )
        progress.note(f"CUDA {line.version}: {told(outcome)}")
        return outcome

    with ThreadPoolExecutor(at_once) as pool:
        try:
            return tuple(pool.map(one, wanted.lines))
        except BaseException:
            ending.set()  # an interruption reaches the main thread alone
            raise


def told(outcome: Outcome) -> str:
    """What came of it, in a line."""
    if outcome.failed:
        return f"{outcome.failed} failed: {outcome.why}; all that was said is in {outcome.log}"
    return "as it was built before" if outcome.kept else "done"


def _teller(progress: Progress, line: CudaLine) -> Callable[[str], None]:
    return lambda name: progress.note(f"CUDA {line.version}: {name}")


def _wheels(wanted: Wanted, line: CudaLine) -> str:
    return posixpath.join(wanted.folder, line.version, "wheel")


def _targets(wanted: Wanted, line: CudaLine) -> Tuple[str, ...]:
    return wanted.archs or targets(wanted.table, line)


def _ourselves(host: Host) -> str:
    """The command line of this program, from wherever it is run."""
    root = posixpath.dirname(posixpath.dirname(envdoctor.__file__))
    return f"PYTHONPATH={shlex.quote(root)} {shlex.quote(host.own_python or 'python3')} -m envdoctor"


def _shares(host: Host, wanted: Wanted) -> Tuple[int, Dict[str, str]]:
    """Lines at once, and an environment that leaves each its share of the cores."""
    found = system.probe(host, None)
    cores = _cores(found)
    fitting = max(1, min(cores // 2, found.memory.usable // _MEMORY))
    at_once = min(wanted.jobs or fitting, len(wanted.lines))
    share = str(max(1, cores // at_once))
    stated = {name: share for name in ("CMAKE_BUILD_PARALLEL_LEVEL", "MAX_JOBS") if name not in host.env}
    return at_once, {**host.env, **stated}


def _cores(found: System) -> int:
    quota = found.cpu.quota
    return max(1, found.cpu.cores if quota is None else min(found.cpu.cores, int(quota)))


def _check_disk(host: Host, wanted: Wanted) -> None:
    """Raises TableError where the disk cannot hold what is to come."""
    missing = [each for each in wanted.lines if not host.glob(_wheels(wanted, each), "*.whl")]
    found, needed = host.space(wanted.folder), len(missing) * _DISK
    if found is not None and found.free_bytes < needed:
        free = f"{found.free_bytes / GIB:.1f} GiB are free under {wanted.folder}"
        wanting = f"{len(missing)} CUDA lines take up to {needed // GIB}"
        raise TableError(f"{free}, and {wanting}; make room, or choose another place with -o")


def lines_of(host: Host, table: Table, versions: Sequence[str]) -> Tuple[CudaLine, ...]:
    """Those that are named, else all whose compiler runs on this platform. Raises TableError."""
    here = f"linux-{host.machine().architecture}"
    named = tuple(dict.fromkeys(table.line(version) for version in versions))
    for line in named:
        if here not in line.platforms:
            raise TableError(f"CUDA {line.version} is for {', '.join(line.platforms)}, and this is {here}")
    lines = named or tuple(line for line in table.cuda if here in line.platforms)
    if not lines:
        raise TableError(f"no CUDA line of it is for {here}")
    return lines
