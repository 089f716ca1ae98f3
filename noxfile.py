"""Everything that must hold before a change lands: `python -m pip install nox && python -m nox`.

Nothing else has to be set up: Pythons are found on the search path and among pyenv's versions, each session makes its
own environment, and neither a GPU nor a CUDA toolkit is needed. A part: `python -m nox -s tests-3.11 -- -k library`.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, Iterator, Optional

import nox

ROOT = Path(__file__).parent
TABLE = nox.project.load_toml(ROOT / "ci/matrix.toml")["python"]
WANTED = TABLE["tested"]
GROUPS = nox.project.load_toml(ROOT / "pyproject.toml")

# What a patient may need and a machine that tests this may do without: the rest is on any with gcc, git and an index.
MAY_LACK = "nvcc,cccl,cmake,ninja,memory-cgroup,no-gpu"

# What compute-sanitizer's tools run. Where one thread arrives at a barrier for its warp, as Hopper's kernels do after
# __syncwarp, racecheck takes the reads of the other 31 for unordered.
SANITIZED = {
    "memcheck": "any_length or every_variant or outlier",
    "racecheck": "every_variant and not sm90a or outlier",
}

# Minutes of other programs' work, or of one function on long texts: once, on the oldest Python, is enough.
LONG = (
    *("--ignore", "tests/bundle/test_install.py"),
    *("--ignore", "tests/bundle/test_create.py"),
    *("--deselect", "tests/test_explanation.py::test_no_text_takes_long"),
    *("--deselect", "tests/log/test_locales.py::test_in_a_long_log_every_translation_of_a_failure_is_kept"),
)

WORKERS = ("-n", "auto", "--maxprocesses", "8")

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "venv"


def find_python(version: str) -> Optional[str]:
    """The interpreter of this version that runs: a pyenv shim on the search path may only say how to get one."""
    return next((path for path in _candidates(version) if _runs(path, version)), None)


def _candidates(version: str) -> Iterator[str]:
    yield sys.executable
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield on_path
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    installed = (pyenv / "versions").glob(f"{version}.*")
    numbered = [path for path in installed if re.fullmatch(r"[\d.]+", path.name)]
    for path in sorted(numbered, key=lambda path: int(path.name.rpartition(".")[2]), reverse=True):
        yield str(path / "bin" / "python")


def _runs(path: str, version: str) -> bool:
    ask = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.run([path, "-c", ask], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.SubprocessError):
        return False
    return answer.stdout.strip() == version


def find_pythons() -> Dict[str, str]:
    """Those wanted that are here; when none is, the one that runs this."""
    found = {version: find_python(version) for version in WANTED}
    here = {version: path for version, path in found.items() if path}
    return here or {"{}.{}".format(*sys.version_info): sys.executable}


PYTHONS = find_pythons()
OLDEST, NEWEST = (list(PYTHONS.values())[end] for end in (0, -1))
# Wheels are built with the one in the middle: they must run on older and on newer ones.
BUILDER = PYTHONS.get(TABLE["builder"], NEWEST)


@nox.session(venv_backend="none")
def pythons(session: nox.Session) -> None:
    """Say which Pythons are tested and which are missing."""
    for version, path in PYTHONS.items():
        session.log(f"Python {version}: {path}")
    for version in WANTED:
        if version not in PYTHONS:
            session.warn(f"!!! Python {version} is NOT here: nothing is tested on it")


@nox.session(python=NEWEST)
def lint(session: nox.Session) -> None:
    """Style, types, import contracts, workflows."""
    session.install(*nox.project.dependency_groups(GROUPS, "lint"))
    session.run("bash", "ci/lint.sh", external=True)


def declare_tests(version: str, path: str, default: bool) -> None:
    """One session a Python, by its path: nox itself would run a pyenv shim that says how to get that version."""

    @nox.session(python=path, name=f"tests-{version}", default=default)
    def tests(session: nox.Session) -> None:
        """All tests that build no wheel, on an editable install: Python from the tree, the library compiled."""
        session.install(*nox.project.dependency_groups(GROUPS, "test"))
        # What the library answers counts here, and not how fast: it compiles in a third of the time.
        settings = ("cuda=off", "cmake.build-type=Debug")
        session.install("-e", ".", *(f"--config-settings={each}" for each in settings))
        left_out = LONG if path == NEWEST != OLDEST and not session.posargs else ()
        session.run("python", "-m", "pytest", *WORKERS, "-m", "not build", *left_out, *session.posargs)


for version, path in PYTHONS.items():
    # What holds on the oldest and on the newest holds between: those sessions, four minutes each, are run by name.
    declare_tests(version, path, default=path in (OLDEST, NEWEST))


@nox.session(python=BUILDER)
def kernels(session: nox.Session) -> None:
    """Every kernel and quantiser on this CPU against plain torch arithmetic; `-- -m gpu` on a machine with a GPU."""
    session.install(*nox.project.dependency_groups(GROUPS, "kernels"))
    # Device code takes two minutes, and a CPU none of it: the session `build` compiles that.
    session.install("-e", ".", *(() if session.posargs else ("--config-settings", "cuda=off")))
    chosen = session.posargs or (*WORKERS, "-m", "not gpu")
    # Workers share the processors: more threads of torch's own would only wait for each other.
    paths = ("cpp", "tests/quant", "tests/test_library.py")
    session.run("python", "-m", "pytest", *chosen, *paths, env={"OMP_NUM_THREADS": "1"})


@nox.session(python=BUILDER, default=False)
def sanitize(session: nox.Session) -> None:
    """Kernels under compute-sanitizer, on a machine with a GPU: out of bounds, and shared memory without a barrier."""
    session.install(*nox.project.dependency_groups(GROUPS, "kernels"))
    session.install("-e", ".")
    for tool, tests in SANITIZED.items():
        sanitizer = ("compute-sanitizer", "--tool", tool, "--error-exitcode", "1")
        chosen = session.posargs or ("-k", tests, "cpp")
        session.run(*sanitizer, "python", "-m", "pytest", "-m", "gpu", *chosen, external=True)


@nox.session(python=BUILDER)
def pyz(session: nox.Session) -> None:
    """The doctor in one file, run by every Python there is."""
    session.run("python", "ci/pyz.py")
    for interpreter in PYTHONS.values():
        session.run(interpreter, "-I", "dist/envdoctor.pyz", "--version", external=True)
        check = ("check", "--format", "json", "--fail-on", "never", "ci")
        session.run(interpreter, "-I", "dist/envdoctor.pyz", *check, external=True, silent=True)


@nox.session(python=BUILDER)
def patients(session: nox.Session) -> None:
    """Sick environments that need no large download: made, treated, shown untouched."""
    session.run("python", "ci/patients.py", "--small", "--jobs", "2", "--may-lack", MAY_LACK)


@nox.session(python=BUILDER, default=False)
def all_patients(session: nox.Session) -> None:
    """All of them, and no prerequisite may be missing."""
    session.run("python", "ci/patients.py", *session.posargs)


@nox.session(python=BUILDER)
def build(session: nox.Session) -> None:
    """Wheels: built in every way that is promised, looked into, installed into every Python there is."""
    session.install(*nox.project.dependency_groups(GROUPS, "test"))
    session.run(
        "python",
        "-m",
        "pytest",
        "-m",
        "build",
        *session.posargs,
        env={"ENVDOCTOR_PYTHONS": os.pathsep.join(PYTHONS.values())},
    )
