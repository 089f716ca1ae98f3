"""Builds the wheel of one CUDA line and tries it, step by step; what was done for the same inputs is not done again."""

import contextlib
import io
import json
import posixpath
import time
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from envdoctor.explanation import explain
from envdoctor.host import Host, append, make_folder, remove, stream, write_whole
from envdoctor.host.install import sha256_of
from envdoctor.log import read
from envdoctor.matrix.steps import Places, Step

_STATE, _LOG, _SUMS = "state.json", "log.txt", "SHA256SUMS"


@dataclass(frozen=True)
class Outcome:
    """What came of a line."""

    cuda: str
    archs: Tuple[str, ...]  # asked for
    seconds: Mapping[str, float]  # step -> what it took, when it was done
    failed: Optional[str] = None  # a step
    why: str = ""
    log: str = ""
    wheel: str = ""  # its path
    size: int = 0  # bytes
    code: Tuple[str, ...] = ()  # GPU code in the wheel, as "sm_80", "compute_90"
    kept: bool = False  # all of it was done before

    @property
    def tests(self) -> int:
        """Commands that succeeded in the new environment."""
        return sum(name.startswith("test: ") for name in self.seconds)


@dataclass
class _State:
    """What is done, for which inputs; on the disk after every step."""

    places: Places
    key: str
    seconds: Dict[str, float] = field(default_factory=dict)
    wheel: str = ""  # its checksum

    def load(self, host: Host) -> None:
        """What a run before has done for the same inputs, as long as the wheel is the one that it made."""
        text = host.try_text(self._path)
        with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
            document = json.loads(text or "")
            if document["key"] == self.key and document["wheel"] == _checksum(host, self.places.wheels):
                self.seconds = {str(name): float(taken) for name, taken in document["seconds"].items()}
                self.wheel = document["wheel"]

    def done(self, host: Host, step: Step, taken: float) -> None:
        """Before there is a wheel nothing is kept: what comes before is done in a moment, or has a state of its own."""
        self.seconds[step.name] = round(taken, 1)
        self.wheel = self.wheel or _checksum(host, self.places.wheels)
        if self.wheel:
            document = {"key": self.key, "wheel": self.wheel, "seconds": self.seconds}
            write_whole(self._path, json.dumps(document, indent=2) + "\n")

    @property
    def _path(self) -> str:
        return posixpath.join(self.places.folder, _STATE)


def _checksum(host: Host, folder: str) -> str:
    """Of the wheel in a folder; "" without one."""
    with contextlib.suppress(OSError):
        for name in host.scan(folder):
            if name.endswith(".whl"):
                return sha256_of(posixpath.join(folder, name))
    return ""


def build(
    host: Host,
    cuda: str,
    archs: Tuple[str, ...],
    todo: Tuple[Step, ...],
    places: Places,
    key: str,
    env: Mapping[str, str],
    told: Callable[[str], None],
    tick: Callable[[], None],
) -> Outcome:
    """Run what is not done yet; `tick` is called now and then, and what it raises ends it.

    Raises OSError, and ValueError, IndexError, KeyError for a report on the wheel that is none.
    """
    make_folder(places.folder)
    state = _State(places, key)
    state.load(host)
    log = posixpath.join(places.folder, _LOG)
    waiting = [step for step in todo if step.name not in state.seconds]
    if waiting == list(todo):
        remove(log)
        remove(places.wheels)
    for step in waiting:
        told(step.name)
        begun = time.monotonic()
        why = _run(step, places.folder, env, log, tick)
        if why is not None:
            return Outcome(cuda, archs, state.seconds, step.name, why, log)
        state.done(host, step, time.monotonic() - begun)
    return _read(host, places, Outcome(cuda, archs, state.seconds, log=log, kept=not waiting))


def _run(
    step: Step, folder: str, env: Mapping[str, str], log: str, tick: Callable[[], None]
) -> Optional[str]:
    """None, or why it failed, in a line."""
    lines: List[str] = []

    def hear(text: str) -> None:
        lines.append(text)
        append(log, text + "\n")

    append(log, f"$ {step.command}\n")
    status = stream.stream(("sh", "-c", step.command), {**env, "LC_ALL": "C"}, folder, hear, tick)
    return _cause(lines, status) if status else None


def _cause(lines: Sequence[str], status: int) -> str:
    output = "\n".join(lines).encode("utf-8", "surrogateescape")
    explanation = explain(read(io.BytesIO(output), "its output"))
    if explanation.verdict == "failure":
        return f"{explanation.findings[0].rule}: {explanation.findings[0].message}"
    told = [sign.line - 1 for sign in explanation.signs] or [len(lines) - 1]
    # CMake and others end the line of an error with a colon, and say it below.
    text = " ".join(line.strip() for line in lines[told[0] : told[0] + 3] if line.strip())[:300]
    return f"exit status {status}" + (f": {text}" if text else "")


def _read(host: Host, places: Places, outcome: Outcome) -> Outcome:
    """The wheel, as `wheel check` has read it; its checksum goes beside it."""
    checked = json.loads(host.read_text(places.report, 1 << 26))[0]
    path = posixpath.join(places.wheels, checked["name"])
    write_whole(posixpath.join(places.wheels, _SUMS), f"{sha256_of(path)}  {checked['name']}\n")
    found = host.lstat(path)
    outcome = replace(outcome, wheel=path, size=found.size if found else 0, code=_code(checked))
    lacking = [arch for arch in outcome.archs if not _has(outcome.code, arch)]
    if lacking:
        why = f"the wheel has no code for {', '.join(lacking)}"
        return replace(outcome, failed="check", why=why)
    return outcome


def _code(checked: Mapping[str, Any]) -> Tuple[str, ...]:
    return tuple(dict.fromkeys(code for each in checked["compiled"] for code in each["gpu"] or ()))


def _has(code: Tuple[str, ...], arch: str) -> bool:
    """Machine code, and PTX where that was asked for. A plain 9.0 is served by code for 9.0a, too."""
    number = arch.partition("+")[0].replace(".", "")
    machine = any(each in (f"sm_{number}", f"sm_{number}a", f"sm_{number}f") for each in code)
    return machine and (not arch.endswith("+PTX") or f"compute_{number}" in code)
