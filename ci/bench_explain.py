"""How fast `envdoctor explain` reads a very long build log, and in how much memory, beside grep for "error".

    python ci/bench_explain.py [--megabytes N] [--envdoctor COMMAND]

The log is what a parallel build of CUDA files prints: command lines, warnings, progress, notes of ptxas, and somewhere
in it the failure of one file. It is made anew for every run, in the temporary folder.
"""

import argparse
import os
import random
import shlex
import subprocess
import sys
import tempfile
import time
from typing import Iterator, Tuple

_FLAGS = "-forward-unknown-to-host-compiler -DNDEBUG -Werror=format -std=c++17 -gencode arch=compute_90a,code=sm_90a"
_FAILURE = "/usr/bin/ld: cannot find -lcudart\ncollect2: error: ld returned 1 exit status\n"


def main() -> None:
    """Make the log, read it, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--envdoctor", default=f"{sys.executable} -m envdoctor")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "build.log")
        size = _write(path, options.megabytes << 20)
        print(f"{size >> 20} MiB    seconds    MB/s    peak memory")
        for name, command in (
            ("envdoctor explain", [*shlex.split(options.envdoctor), "explain", path]),
            ("grep -in error", ["grep", "-in", "error", path]),
        ):
            seconds, memory = _measured(command)
            print(f"{name:20} {seconds:6.2f} {size / seconds / 1e6:8.0f} {memory >> 10:8} MiB")


def _write(path: str, wanted: int) -> int:
    """The size of the log."""
    size = 0
    with open(path, "w", encoding="utf-8") as stream:
        for text in _build():
            size += stream.write(text)
            if size > wanted:
                break
            if size > wanted * 2 // 3 and size - len(text) <= wanted * 2 // 3:
                size += stream.write(_FAILURE)
    return size


def _build() -> Iterator[str]:
    chance = random.Random(1)
    for number in range(10**9):
        file = f"csrc/{chance.choice(('attention', 'gemm', 'moe'))}/kernel_{number}"
        yield f"[{number}/99999] nvcc {_FLAGS} -I/work/include -c /work/{file}.cu -o build/{file}.o\n"
        if not number % 3:
            yield f'/work/{file}.cu({number % 900}): warning #177-D: variable "n" was declared but never referenced\n'
        if not number % 5:
            yield f"ptxas info    : Used {number % 255} registers, {number % 4096} bytes cmem[0]\n"
        if not number % 7:
            yield f"\r {number % 100}%|{'#' * (number % 50)}| {number} MB\n"


def _measured(command: "list[str]") -> Tuple[float, int]:
    """Seconds and peak KiB."""
    begun = time.perf_counter()
    with tempfile.TemporaryFile() as output:  # grep stops at its first line where that goes nowhere
        child = subprocess.Popen(command, stdout=output)
        _, _, usage = os.wait4(child.pid, 0)
    return time.perf_counter() - begun, usage.ru_maxrss


if __name__ == "__main__":
    main()
