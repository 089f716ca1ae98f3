"""A visit: a patient is made, tried and taken away again, and a row of the table says what became of it."""

import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List, Optional, Sequence

from ward.box import Box
from ward.needs import Missing, require
from ward.patient import Patient
from ward.table import Row
from ward.trial import Failed, Trial

#: Lines of output that are shown of a step that failed.
SHOWN = 40


@dataclass(frozen=True)
class Outcome:
    """What came of a visit."""

    row: Row
    seconds: float
    #: What does not hold, with the output that shows it.
    failure: str = ""
    #: The prerequisite that is not here.
    missing: str = ""


def visit(patient: Patient, doctor: Sequence[str], keep: str = "") -> Outcome:
    """Try one patient, in a temporary folder or in one of its name in `keep`, which stays."""
    start = time.monotonic()
    place = Path(keep or tempfile.mkdtemp(prefix="patient-")).resolve()
    cells: List[str] = []
    failure = missing = ""
    box: Optional[Box] = None
    try:
        require(patient.needs)
        shutil.rmtree(place / patient.name, ignore_errors=True)
        box = Box(place / patient.name)
        patient.settle(box)
        for cell in _cells(patient, Trial(box, doctor, patient.outputs, patient.changes)):
            cells.append(cell)  # noqa: PERF402 - what was shown stays when a later step fails
    except Missing as error:
        missing = error.need
        cells.append(f"missing: {error}")
    except Failed as error:
        failure = f"{patient.name}: {error}\n{_tail(error.output)}"
        cells.append("**does not hold**")
    except (
        OSError,
        RuntimeError,
        subprocess.SubprocessError,
    ) as error:  # a command of `make`, or one that hangs
        failure = f"{patient.name}: {error}"
        cells.append("**does not hold**")
    finally:
        for leave in box.leave if box else ():
            leave()
        if not keep:
            shutil.rmtree(place, ignore_errors=True)
    cells += ["-"] * (4 - len(cells))
    return Outcome(
        Row(patient.name, patient.title, (*patient.rules, *patient.then), cells),
        time.monotonic() - start,
        failure,
        missing,
    )


def _cells(patient: Patient, trial: Trial) -> Iterator[str]:
    """Take the steps; what each one shows, in a word."""
    command = ("sh", "-ec", patient.build)
    trial.plain(command, patient.says)
    yield "fails"
    found = trial.check(patient.rules, patient.also, patient.options)
    yield "names it" if patient.rules else f"names {' '.join(f'`{rule}`' for rule in found) or 'nothing'}"
    trial.run(command, (*patient.rules, *patient.then), patient.tells, patient.options)
    if patient.imports and not patient.tells:
        trial.imports(patient.imports)
    yield "tells" if patient.tells else "builds"
    trial.again(command, patient.options)
    yield "untouched"


def _tail(output: str) -> str:
    lines = output.splitlines()[-SHOWN:]
    return "\n".join(f"    {line[:300]}" for line in lines)
