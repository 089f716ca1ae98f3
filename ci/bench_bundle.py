#!/usr/bin/env python3
"""How long `envdoctor bundle` takes and how large bundles are, beside `pip download` and `pip install --no-index`.

    python ci/bench_bundle.py [REQUIREMENT ...] [--rounds N]      wants envdoctor[bundle] and the package index

Both get the same requirements for the Python that runs this, from the same index, in turn, round after round in one
run, with all caches of pip and uv off; the first round warms what the index and the disk keep, and is not counted.
`bundle create` also installs what it made, with the network cut off, and imports it: that is in its time.

Then both make a set for Python 3.8 and glibc 2.31, of a package whose requirements depend on the Python, and a real 3.8
installs each with no network. Exit status: 0; 1 when ours does not install there, 2 where there is no 3.8 here.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Tuple

ROOT = Path(__file__).resolve().parent.parent
OLD, PLATFORM = "3.8", "manylinux_2_31_x86_64"
MARKED = "scikit-build-core"
ENV = {
    **os.environ,
    "PYTHONPATH": str(ROOT),
    "UV_NO_CACHE": "1",
    "PIP_NO_CACHE_DIR": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}
PIP = (sys.executable, "-m", "pip")
DOCTOR = (sys.executable, "-m", "envdoctor", "bundle")


def main() -> int:
    """Measure, compare, and print both."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("wanted", nargs="*", default=["torch==2.13.0+cpu", "numpy"], metavar="REQUIREMENT")
    parser.add_argument("--rounds", type=int, default=2, help="that count (default: 2)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        print_table(options.wanted, [one_round(place, options.wanted) for _ in range(options.rounds + 1)][1:])
        return other_target(place / "old")


def run(*argv: object, env: Dict[str, str] = ENV) -> Tuple[bool, str]:
    """Whether it went well, and what it said."""
    done = subprocess.run(
        [str(each) for each in argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=env,
        check=False,
    )
    return done.returncode == 0, done.stdout


def timed(*argvs: Sequence[object]) -> float:
    """Seconds of commands that must go well."""
    start = time.monotonic()
    for argv in argvs:
        well, said = run(*argv)
        if not well:
            raise SystemExit(f"{' '.join(map(str, argv))}: {said[-2000:]}")
    return time.monotonic() - start


def size(folder: Path) -> float:
    """MB of files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def one_round(place: Path, wanted: Sequence[str]) -> Dict[str, Tuple[float, float]]:
    """Measure -> plain pip's and ours."""
    work = place / "round"
    work.mkdir()
    wheels, bundle, plain, ours = (work / name for name in ("wheels", "bundle", "plain", "ours"))
    install = (
        plain / "bin" / "python",
        "-m",
        "pip",
        "install",
        "--no-index",
        "--find-links",
        wheels,
        *wanted,
    )
    seconds = [
        timed((*PIP, "download", "--dest", wheels, *wanted)),
        timed((*DOCTOR, "create", *wanted, "-o", bundle)),
        timed((sys.executable, "-m", "venv", plain), install),
        timed((*DOCTOR, "install", bundle, "--venv", ours)),
    ]
    made: Dict[str, Tuple[float, float]] = {
        "make it, s": (seconds[0], seconds[1]),
        "install it, s": (seconds[2], seconds[3]),
        "both, s": (seconds[0] + seconds[2], seconds[1] + seconds[3]),
        "what travels, MB": (size(wheels), size(bundle)),
        "installed, MB": (size(plain), size(ours)),
    }
    shutil.rmtree(work)
    return made


def print_table(wanted: Sequence[str], rounds: List[Dict[str, Tuple[float, float]]]) -> None:
    """Medians, and what ours are of plain pip's."""
    print(f"{' '.join(wanted)}: medians of {len(rounds)} rounds after one to warm up; no caches")
    print(f"{'':18} {'plain pip':>10} {'envdoctor':>10}   ratio")
    for name in rounds[0]:
        plain, ours = (statistics.median(each[name][side] for each in rounds) for side in (0, 1))
        print(f"{name:18} {plain:10.1f} {ours:10.1f}   {ours / plain:5.2f}")


def find_python() -> Optional[str]:
    """The old one: on PATH, or one of pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    named = [str(path / "bin" / "python") for path in (pyenv / "versions").glob(f"{OLD}.*")]
    found = [shutil.which(f"python{OLD}"), *named]
    return next((path for path in found if path and run(path, "-c", "import venv, ensurepip")[0]), None)


def find_cutter() -> Sequence[str]:
    """What a program is run by so that it has no network."""
    ways = (("unshare", "--net", "--"), ("unshare", "--user", "--map-root-user", "--net", "--"))
    return next((way for way in ways if run(*way, "true")[0]), ())


def other_target(work: Path) -> int:
    """Both for an old Python, installed by one."""
    python, cut = find_python(), find_cutter()
    if python is None or not cut:
        print(
            f"Python {OLD}: not tried: "
            + ("no namespaces to cut the network off" if python else "no such Python")
        )
        return 2
    work.mkdir()
    print(
        f"\n{MARKED} for Python {OLD} ({PLATFORM}), made by Python {sys.version.split()[0]}, "
        f"installed by {python} without a network:"
    )
    ways: Dict[str, Callable[[], Tuple[bool, str]]] = {
        "pip download, pip install --no-index": lambda: by_pip(work, python, cut),
        "envdoctor bundle create, install.sh": lambda: by_bundle(work, python, cut),
    }
    well = False
    for name, way in ways.items():
        well, said = way()
        print(f"  {name}: {'installs and imports' if well else 'FAILS: ' + reason(said)}")
    return 0 if well else 1


def reason(said: str) -> str:
    """The first error in it."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return next(
        (line for line in lines if line.startswith("ERROR")), lines[-1] if lines else "no word of why"
    )


def by_pip(work: Path, python: str, cut: Sequence[str]) -> Tuple[bool, str]:
    """As pip's own documents have it."""
    wheels, venv = work / "wheels", work / "plain"
    asked = ("--python-version", OLD, "--platform", PLATFORM, "--only-binary", ":all:")
    timed((*PIP, "download", *asked, "--dest", wheels, MARKED), (python, "-m", "venv", venv))
    inside = venv / "bin" / "python"
    done = run(*cut, inside, "-m", "pip", "install", "--no-index", "--find-links", wheels, MARKED)
    return run(inside, "-c", "import scikit_build_core.build") if done[0] else done


def by_bundle(work: Path, python: str, cut: Sequence[str]) -> Tuple[bool, str]:
    """As README.md has it."""
    made = run(*DOCTOR, "create", MARKED, "--python", OLD, "--platform", PLATFORM, "-o", work / "bundle")
    if not made[0]:
        return made
    script = (*cut, "env", f"PYTHON={python}", "sh", work / "bundle" / "install.sh", work / "ours")
    done = run(*script, env={"PATH": os.environ["PATH"], "HOME": str(work)})
    return run(work / "ours" / "bin" / "python", "-c", "import scikit_build_core.build") if done[0] else done


if __name__ == "__main__":
    sys.exit(main())
