"""How long `envdoctor check` takes and what `envdoctor run` adds, beside what a user would run: torch's collect_env.

    python ci/bench_check.py [--python PYTHON_WITH_TORCH] [--envdoctor COMMAND] [--project DIR] [--rounds N]

All commands run in turn, round after round, in one run; the first round warms the file cache and is not counted.
"""

import argparse
import os
import shlex
import statistics
import subprocess
import sys
import time
from typing import Dict, List

_RUNTIME = ("--role", "runtime", "--project", os.path.dirname(os.path.abspath(__file__)))


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", default=sys.executable, help="the interpreter to examine, with torch")
    parser.add_argument(
        "--envdoctor", default=f"{sys.executable} -m envdoctor", help="how to start envdoctor"
    )
    parser.add_argument("--project", default=".", help="the project to examine")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    doctor = shlex.split(options.envdoctor)
    python_of_doctor = doctor[0] if "python" in os.path.basename(doctor[0]) else _shebang(doctor[0])
    commands = {
        "envdoctor check": [
            *doctor,
            "check",
            options.project,
            "--python",
            options.python,
            "--fail-on",
            "never",
        ],
        # In the role runtime nothing of a project is to be cured: what `run` adds to a command.
        "envdoctor run -- true": [*doctor, "run", "--python", options.python, *_RUNTIME, "--", "true"],
        "python -m torch.utils.collect_env": [options.python, "-m", "torch.utils.collect_env"],
        "python -c 'import torch'": [options.python, "-c", "import torch"],
        "envdoctor --help": [*doctor, "--help"],
        "python -c 'import envdoctor'": [python_of_doctor, "-c", "import envdoctor"],
        "python -c pass": [python_of_doctor, "-c", "pass"],
    }
    times = measure(commands, options.rounds)
    check = statistics.median(times["envdoctor check"])
    print(f"{'command':36} {'median':>8} {'fastest':>8} {'slowest':>8}   check/this")
    for name, values in times.items():
        middle = statistics.median(values)
        print(f"{name:36} {middle:7.3f}s {min(values):7.3f}s {max(values):7.3f}s   {check / middle:8.2f}")


def measure(commands: Dict[str, List[str]], rounds: int) -> Dict[str, List[float]]:
    """Wall seconds of each command, interleaved."""
    times: Dict[str, List[float]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            start = time.perf_counter()
            done = subprocess.run(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
            )
            seconds = time.perf_counter() - start
            if done.returncode:
                sys.exit(f"{shlex.join(command)} ended with {done.returncode}:\n{done.stderr[-500:]}")
            if number:
                times[name].append(seconds)
    return times


def _shebang(script: str) -> str:
    """The interpreter of a console script."""
    with open(script, encoding="utf-8") as stream:
        return stream.readline()[2:].strip()


if __name__ == "__main__":
    main()
