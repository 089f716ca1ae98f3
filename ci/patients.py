#!/usr/bin/env python3
"""Try envdoctor on sick environments: the plain build fails, `check` names why, `run` cures it, all else is untouched.

    python3 ci/patients.py [--small] [NAME ...]
    python3 ci/patients.py --python VENV/bin/python --projects CHECKOUT ...

Each patient of tests/patients is made in a temporary folder with a home of its own. Exit status: 0 when all that is
promised holds, 1 when something does not, 3 when it holds but some patients could not be made here.
"""

import argparse
import shlex
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import List, Sequence

from ward import table
from ward.patient import Patient, patients
from ward.projects import KNOWN, project
from ward.visit import Outcome, visit

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
#: As `python -m envdoctor` in the checkout, but deaf to the patient's PYTHONPATH.
START = (
    f"import runpy, sys; sys.path.insert(0, {str(ROOT)!r}); "
    "runpy.run_module('envdoctor', run_name='__main__', alter_sys=True)"
)
DOCTOR = (sys.executable, "-I", "-B", "-c", START)


def main() -> int:
    """Try those that are asked for, print the table, count."""
    options = _arguments()
    every = patients()
    checkouts = [
        project(Path(folder).resolve(), options.python, options.command) for folder in options.projects
    ]
    chosen = checkouts if checkouts and not options.names else [*_chosen(every, options), *checkouts]
    if options.list:
        print("\n".join(f"{one.name}: {one.title}" for one in chosen))
        return 0
    doctor = shlex.split(options.envdoctor) if options.envdoctor else DOCTOR
    print(table.HEAD, end="", flush=True)
    outcomes = []
    with ThreadPoolExecutor(options.jobs) as pool:
        for outcome in pool.map(partial(visit, doctor=doctor, keep=options.keep), chosen):
            outcomes.append(outcome)
            print(f"{outcome.row.line} {outcome.seconds:.0f} s |", flush=True)
            if outcome.failure:
                print(outcome.failure, file=sys.stderr, flush=True)
    if options.write_readme:
        new = [one.row for one in outcomes if not one.missing]
        order = [*(one.name for one in every), *KNOWN]
        README.write_text(table.with_rows(README.read_text(), new, order))
    return _count(outcomes, options.may_lack.split(","))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="patients to try (default: all)")
    parser.add_argument("--list", action="store_true", help="say what there is, and try nothing")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="try so many at once")
    parser.add_argument("--small", action="store_true", help="only those that need no large download")
    parser.add_argument(
        "--may-lack",
        default="",
        metavar="NEED,...",
        help="prerequisites that this machine is not expected to have: without them the exit status is 0 still",
    )
    parser.add_argument(
        "--projects",
        nargs="+",
        default=[],
        metavar="DIR",
        help="checkouts of public projects, tried as copies",
    )
    parser.add_argument(
        "--python",
        default=sys.executable,
        help="for projects: the interpreter that has torch and the toolkit",
    )
    parser.add_argument(
        "--command",
        default="",
        help="for projects: how to build them (default: as the README says of those known)",
    )
    parser.add_argument(
        "--envdoctor", metavar="COMMAND", help="the envdoctor to try (default: this checkout's)"
    )
    parser.add_argument(
        "--keep", default="", metavar="DIR", help="make them in this folder, and leave them there"
    )
    parser.add_argument("--write-readme", action="store_true", help="put the rows into the README's table")
    return parser.parse_args()


def _chosen(every: Sequence[Patient], options: argparse.Namespace) -> List[Patient]:
    unknown = set(options.names) - {one.name for one in every}
    if unknown:
        sys.exit(f"no such patient: {', '.join(sorted(unknown))}")
    named = [one for one in every if one.name in options.names or not options.names]
    return [one for one in named if one.small or not options.small]


def _count(outcomes: Sequence[Outcome], may_lack: Sequence[str]) -> int:
    """Say how many were tried; the exit status."""
    failed = [one for one in outcomes if one.failure]
    missing = [one for one in outcomes if one.missing]
    held = len(outcomes) - len(failed) - len(missing)
    print(f"\n{held} hold, {len(failed)} do not, {len(missing)} not tried for want of a prerequisite")
    if failed:
        return 1
    return 3 if any(one.missing not in may_lack for one in missing) else 0


if __name__ == "__main__":
    sys.exit(main())
