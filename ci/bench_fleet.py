"""How long `envdoctor fleet` takes for many reports, beside what a user would write: a loop that counts findings.

    python ci/bench_fleet.py [--machines 10000] [--envdoctor COMMAND] [--folder DIR] [--unlike] [--jsonl]

The reports are made of tests/hosts: real machines, of which most are of one kind, in variants that differ in driver,
kernel, packages or a variable, with times, free space and memory of their own. The rules judge each variant. With
--unlike every machine has a package in a version that no other one has, so that none can be recognised as a whole.
"""

import argparse
import itertools
import json
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from envdoctor.catalogue import diagnose  # noqa: E402
from envdoctor.facts import Driver, Facts, Packages, System  # noqa: E402
from envdoctor.facts.codec import facts_from_json  # noqa: E402
from envdoctor.report import render  # noqa: E402

HOSTS = (
    "ubuntu-24.04-h200",
    "venv-torch-cu130-nvcc-wheels",
    "venv-torch-cpu",
    "toolkit-12.4-gcc-12",
    "pyenv-3.8",
)
SHARES = (60, 20, 10, 6, 4)
DRIVERS = ("580.159.04", "580.65.06", "535.104.05")
KERNELS = ("6.1.0-28-amd64", "6.1.0-31-amd64", "6.8.0-52-generic")
NUMPYS = ("", "1.26.4", "2.0.2")
USUAL = (8, 1, 1)
WOBBLE = re.compile(r'(?P<name>"(?:clock|available|free_bytes|free_inodes)": )(?P<value>\d+)')
TOTAL = re.compile(r'(?P<name>"total": )(?P<value>\d+)')
FIRST_PACKAGE = re.compile(r'(?P<before>"packages": \{\s*"items": \[\s*\{\s*"name": "[^"]*",\s*"version": ")')

NAIVE = """
import collections, json, sys, pathlib
rules = collections.Counter()
for path in pathlib.Path(sys.argv[1]).glob("*.json"):
    with open(path) as stream:
        report = json.load(stream)
    rules.update({finding["rule"] for finding in report["findings"]})
print(rules)
"""


def main() -> None:
    """Make, measure, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--machines", type=int, default=10_000)
    parser.add_argument(
        "--envdoctor", default=f"{sys.executable} -m envdoctor", help="how to start envdoctor"
    )
    parser.add_argument("--folder", help="where to make the reports (default: a temporary folder)")
    parser.add_argument("--unlike", action="store_true", help="no two machines are equal")
    parser.add_argument(
        "--jsonl", action="store_true", help="one file with a report a line, as `jq -c .` makes it"
    )
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="envdoctor-fleet-", dir=options.folder) as folder:
        size = make(Path(folder), options.machines, options.unlike)
        print(f"{options.machines} reports, {size / 1e6:.0f} MB, {size / options.machines / 1e3:.0f} kB each")
        reports = folder
        if options.jsonl:
            reports = joined(Path(folder))
        compare(commands(options, folder, reports), options)


def make(folder: Path, machines: int, unlike: bool) -> int:
    """Write the reports; how many bytes they are."""
    chance = random.Random(1)
    variants = [list(each) for each in map(texts, HOSTS)]
    size = 0
    for number in range(machines):
        (of_host,) = chance.choices(variants, SHARES)
        (text,) = chance.choices([text for text, _ in of_host], [weight for _, weight in of_host])
        text = wobbled(text, chance)
        if unlike:
            text = FIRST_PACKAGE.sub(rf"\g<before>{number}.", text, count=1)
        size += (folder / f"node{number:05}.json").write_text(text, encoding="utf-8")
    return size


def texts(host: str) -> Iterator[Tuple[str, int]]:
    """Reports of one machine in variants, with how often each is met."""
    facts = facts_from_json(
        json.loads((ROOT / "tests" / "hosts" / f"{host}.json").read_text(encoding="utf-8"))
    )
    for picked in itertools.product(*(tuple(zip(each, USUAL)) for each in (DRIVERS, KERNELS, NUMPYS))):
        weight = picked[0][1] * picked[1][1] * picked[2][1]
        changed = varied(facts, *(value for value, _ in picked))
        yield render("json", changed, diagnose(changed), "/home/ann"), weight


def varied(facts: Facts, driver: str, kernel: str, numpy: str) -> Facts:
    """Another driver where there is one, another kernel, another numpy."""
    system, packages = facts.system, facts.packages
    assert isinstance(system, System)
    assert isinstance(packages, Packages)
    if isinstance(facts.driver, Driver):
        cuda = "13.0" if driver.startswith("580") else "12.2"
        changed = replace(facts.driver, kernel_module=driver, libcuda_version=driver, cuda_version=cuda)
        facts = replace(facts, driver=changed)
    items = tuple(
        replace(each, version=numpy) if each.name == "numpy" and numpy else each for each in packages.items
    )
    return replace(facts, system=replace(system, kernel=kernel), packages=replace(packages, items=items))


def wobbled(text: str, chance: random.Random) -> str:
    """Numbers that no two machines share."""
    text = WOBBLE.sub(lambda m: f"{m['name']}{int(int(m['value']) * chance.uniform(0.8, 1.0))}", text)
    return TOTAL.sub(lambda m: f"{m['name']}{int(m['value']) - chance.randrange(4096) * 4096}", text)


def joined(folder: Path) -> str:
    """All of them in one file, a line each."""
    path = folder / "all.jsonl"
    with open(path, "w", encoding="utf-8") as stream:
        for each in sorted(folder.glob("*.json")):
            stream.write(
                json.dumps(json.loads(each.read_text(encoding="utf-8")), separators=(",", ":")) + "\n"
            )
    return str(path)


def commands(options: argparse.Namespace, folder: str, reports: str) -> Dict[str, List[str]]:
    """What is compared."""
    doctor = shlex.split(options.envdoctor)
    found = {
        "envdoctor fleet": [*doctor, "fleet", reports, "--fail-on", "never"],
        "envdoctor fleet --format json": [
            *doctor,
            "fleet",
            reports,
            "--fail-on",
            "never",
            "--format",
            "json",
        ],
        "a Python loop that counts findings": [sys.executable, "-c", NAIVE, folder],
    }
    if shutil.which("jq"):
        count = "find . -name '*.json' -print0 | xargs -0 jq -r '.findings[].rule' | sort | uniq -c"
        found["jq that counts findings"] = ["sh", "-c", f"cd {shlex.quote(folder)} && {count}"]
    return found


def compare(programs: Dict[str, List[str]], options: argparse.Namespace) -> None:
    """Run all in turn, round after round; the table of each one's best round."""
    best: Dict[str, Tuple[float, float, float]] = {}
    for _ in range(options.rounds):
        for name, command in programs.items():
            best[name] = min(best.get(name, (float("inf"), 0.0, 0.0)), measured(command))
    first = best["envdoctor fleet"][0]
    print(f"{'':36} {'seconds':>8} {'of CPU':>8} {'reports/s':>10} {'peak MB':>8} {'fleet/this':>11}")
    for name, (seconds, used, memory) in best.items():
        rate = options.machines / seconds
        print(f"{name:36} {seconds:8.2f} {used:8.2f} {rate:10.0f} {memory:8.0f} {first / seconds:11.2f}")


def measured(command: List[str]) -> Tuple[float, float, float]:
    """Wall seconds, seconds of CPU, megabytes at the peak of the largest process."""
    start = time.perf_counter()
    child: Any = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{shlex.join(command)} ended with {child.returncode}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


if __name__ == "__main__":
    main()
