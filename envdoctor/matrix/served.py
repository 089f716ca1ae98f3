"""Tries one wheel in the environments of the table: which Python, torch and CUDA it really serves."""

import posixpath
import time
from dataclasses import dataclass
from typing import Sequence, Tuple

from envdoctor.host import Host, locked, make_folder, remove
from envdoctor.interpreter import of_version
from envdoctor.matrix.table import Served, Table, TableError
from envdoctor.progress import Progress

_INSTALL_LIMIT, _TEST_LIMIT = 3600.0, 600.0
_PIP = ("--disable-pip-version-check", "--progress-bar", "off", "--no-input")
_VERSIONS = """
import json, platform, sys
try:
    import torch
    said = f"torch {torch.__version__}, CUDA {torch.version.cuda or 'none'}"
    if torch.cuda.is_available():
        said += f", {torch.cuda.get_device_name()}"
except ImportError:
    said = "no torch"
print(json.dumps(f"Python {platform.python_version()}, {said}"))
"""


@dataclass(frozen=True)
class Tried:
    """What came of one environment; `why` is empty where the wheel did all that it must."""

    python: str
    requires: Tuple[str, ...]
    found: str  # "Python 3.8.18, torch 1.13.1+cu117, CUDA 11.7"
    seconds: float
    why: str


def try_wheel(
    host: Host, table: Table, wheel: str, rows: Sequence[Served], folder: str, progress: Progress
) -> Tuple[Tried, ...]:
    """One after the other, each in a new environment below a folder, removed again. Raises TableError, OSError."""
    make_folder(folder)
    try:
        with locked(posixpath.join(folder, "try.lock")):
            return _tried(host, table, wheel, rows, folder, progress)
    except BlockingIOError:
        raise TableError(f"another envdoctor is at work in {folder}; wait for it, or end it") from None


def _tried(
    host: Host, table: Table, wheel: str, rows: Sequence[Served], folder: str, progress: Progress
) -> Tuple[Tried, ...]:
    found = []
    for number, row in enumerate(rows, 1):
        name = f"Python {row.python} with {' '.join(row.requires) or 'nothing else'}"
        progress.start(name)
        # A name of its own: a host answers the same command line twice with what it answered once.
        place = posixpath.join(folder, f"environment-{number}")
        begun = time.monotonic()
        try:
            there, why = _try(host, table, wheel, row, place)
        finally:
            remove(place)
        found.append(Tried(row.python, row.requires, there, time.monotonic() - begun, why))
        progress.finish(why or "served")
    return tuple(found)


def _try(host: Host, table: Table, wheel: str, row: Served, place: str) -> Tuple[str, str]:
    """What is there, and why the wheel does not serve it."""
    python = of_version(host, row.python)
    if python is None:
        return "", f"there is no Python {row.python} here"
    answer = host.run(python, "-m", "venv", "--clear", place, timeout=_TEST_LIMIT)
    if not answer.ok:
        return "", f"no environment: {answer.complaint}"
    own = posixpath.join(place, "bin/python")
    answer = host.run(own, "-m", "pip", "install", *_PIP, wheel, *row.requires, timeout=_INSTALL_LIMIT)
    if not answer.ok:
        return "", f"pip does not install it: {answer.complaint}"
    try:
        there = str(host.ask_python(own, _VERSIONS, timeout=_TEST_LIMIT))
    except ValueError as error:
        return "", f"torch cannot be asked: {error}"
    # Not in the project: its sources would stand in for the wheel.
    env = {"PATH": f"{place}/bin:{host.env.get('PATH', '')}"}
    for test in table.wheel.tests:
        answer = host.run("sh", "-c", test, env=env, cwd=place, timeout=_TEST_LIMIT)
        if not answer.ok:
            return there, f"{test}: {answer.complaint}"
    return there, ""
