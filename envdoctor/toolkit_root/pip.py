"""Wheels from the index, by pip: its mirrors, proxies and certificates are those that the user has set up for it."""

import posixpath
import re
import shlex
from typing import Callable, List, Mapping, Optional, Sequence

from envdoctor.host import Host, install, make_folder, stream
from envdoctor.progress import Progress
from envdoctor.toolkit_root.plan import FIRST_MAJOR, META_PACKAGE, PlanError

_ELSEWHERE = (
    "without a network give a folder of wheels with --wheelhouse (filled by `envdoctor toolkit fetch`)"
)
_PIP = re.compile(r"pip (\d+)\.(\d+)")
_KNOWS_GLIBC = (20, 3)  # PEP 600
_UNITS = {"B": 1, "kB": 1000, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "bytes": 1}
_SIZE = re.compile(r"\s*Downloading .*\((\d+(?:\.\d+)?) ([kKMG]?B|bytes)\)")
_VERSIONS = re.compile(r"Could not find a version that satisfies .*\(from versions: (.*)\)")
_RELEASED = re.compile(r"\d\d[\d.]*")
_BROKEN = re.compile(r"connection broken by [\"'](.*)[\"']: ")
_REASON = re.compile(r"[\w.]*(?:Error|Exception)\(.*?[\"'](?:<[^>]*>: )?(.*?)[\"']\)")


def find_python(host: Host) -> str:
    """An interpreter that has pip: the one that runs envdoctor, else the one on PATH. Raises PlanError."""
    named = [host.own_python, host.which("python3"), host.which("python")]
    for python in dict.fromkeys(path for path in named if path):
        if host.run(python, "-m", "pip", "--version", timeout=60).ok:
            return python
    raise PlanError(
        "no Python with pip is found to fetch wheels with; install pip (python3 -m ensurepip), or fetch them "
        "elsewhere with `envdoctor toolkit fetch` and give the folder with --wheelhouse"
    )


def download(host: Host, python: str, requirement: str, folder: str, progress: Progress) -> str:
    """The wheel of one requirement, below `folder`, which pip also uses for what is not whole yet; raises PlanError."""
    done = posixpath.join(folder, "done")
    make_folder(done)
    lines: List[str] = []
    total: List[int] = []

    def hear(line: str) -> None:
        lines.append(line)
        size = _SIZE.match(line)
        if size:
            total.append(int(float(size[1]) * _UNITS[size[2]]))
        if "Retrying (" in line:
            progress.note("the package index does not answer; pip tries again")

    def look() -> None:
        # The wheel under way is the largest file: pip makes a copy of it at the end.
        progress.move(install.largest_below(folder), max(total, default=None))

    argv = _command(python, requirement, done)
    status = stream.stream(argv, _environment(host.env, folder), host.cwd, hear, look)
    names = [name for name in host.scan(done) if name.endswith(".whl")]
    if status != 0 or len(names) != 1:
        if any("No space left on device" in line for line in lines):
            raise PlanError(f"{posixpath.dirname(folder)}: No space left on device")
        raise PlanError(complaint(lines, requirement, status) + _if_old(host, python))
    return posixpath.join(done, names[0])


def _command(python: str, requirement: str, done: str) -> Sequence[str]:
    options = "--no-deps --only-binary :all: --no-input --disable-pip-version-check --progress-bar off"
    return (python, "-m", "pip", "download", *options.split(), "-d", done, requirement)


def _environment(env: Mapping[str, str], folder: str) -> Mapping[str, str]:
    """The user's own, with messages in English and all that is unfinished in one place that is cleared."""
    # Nothing is installed, so a rule against installing outside of environments is not meant.
    return {**env, "LC_ALL": "C", "LANGUAGE": "", "TMPDIR": folder, "PIP_REQUIRE_VIRTUALENV": "0"}


def _if_old(host: Host, python: str) -> str:
    """An old pip does not see wheels that name their glibc as manylinux_2_27."""
    version = _PIP.match(host.run(python, "-m", "pip", "--version", timeout=60).stdout)
    if not version or (int(version[1]), int(version[2])) >= _KNOWS_GLIBC:
        return ""
    command = f"{shlex.quote(python)} -m pip install --upgrade pip"
    return f"; pip {version[1]}.{version[2]} is too old to see wheels that name their glibc: {command}"


def complaint(lines: Sequence[str], requirement: str, status: int) -> str:
    """What pip's output comes down to, in one line."""
    text = "\n".join(lines)
    broken = _last(_BROKEN.search, lines)
    if broken:
        return f"the package index cannot be reached: {_shortened(broken)}; {_ELSEWHERE}"
    versions = _VERSIONS.search(text)
    if versions:
        return _lacking(requirement, versions[1])
    errors = [line.partition("ERROR:")[2].strip() for line in lines if line.lstrip().startswith("ERROR:")]
    said = errors[0] if errors else next((line for line in reversed(lines) if line.strip()), "no word of why")
    return f"pip cannot fetch {shlex.quote(requirement)} (exit status {status}): {said.rstrip(':')[:300]}"


def _lacking(requirement: str, versions: str) -> str:
    known = [] if versions == "none" else [version.strip() for version in versions.split(",")]
    if not requirement.startswith(META_PACKAGE):
        offered = f"it offers {', '.join(known[-4:])}" if known else "it offers none"
        return f"the package index has no wheel of {requirement} for this machine and this pip; {offered}"
    usable = [
        version for version in known if _RELEASED.fullmatch(version) and int(version[:2]) >= FIRST_MAJOR
    ]
    if not usable:
        return (
            f"the package index that pip is set to has no {META_PACKAGE} {FIRST_MAJOR} or newer; {_ELSEWHERE}"
        )
    wanted = re.sub(r"[^\d.]|\.\*", "", requirement[len(META_PACKAGE) :]) or "newest"
    return f"there are no wheels of CUDA {wanted}; the package index has {', '.join(usable)}"


def _shortened(broken: str) -> str:
    """The operating system's words at the end of nested exceptions."""
    reason = _REASON.findall(broken)
    return (reason[-1] if reason else broken).strip()[-160:]


def _last(find: Callable[[str], Optional["re.Match[str]"]], lines: Sequence[str]) -> str:
    found = [match for match in map(find, lines) if match]
    return found[-1][1] if found else ""
