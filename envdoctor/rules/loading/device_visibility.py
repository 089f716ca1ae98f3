"""CUDA_VISIBLE_DEVICES hides GPUs, or names others than meant.

## What it means

The variable is read once, when CUDA starts in a process. Empty, or with -1 first, it hides every GPU; an index that
does not exist hides that one and all behind it. Its numbers are CUDA's, fastest GPU first, unless CUDA_DEVICE_ORDER
is PCI_BUS_ID: on a machine with unlike GPUs they differ from nvidia-smi's.

## How envdoctor knows

The variable's value is compared with the GPUs that the driver lists.

## What to do

Set it before the process starts, with numbers that exist, and CUDA_DEVICE_ORDER=PCI_BUS_ID where the GPUs differ.

## When to ignore it

When hiding the GPUs is what you want.
"""

from typing import Iterator, List, Optional

from envdoctor.facts import Driver, Environment
from envdoctor.finding import Evidence, Finding, Fix, SetEnv, Severity

SEVERITY = Severity.WARNING
ROLES = ("runtime",)


def check(environment: Environment, driver: Driver) -> Iterator[Finding]:
    value = environment.get("CUDA_VISIBLE_DEVICES")
    if value is None or not driver.gpus:
        return
    count = len(driver.gpus)
    entries = [entry.strip() for entry in value.split(",")]
    seen = Evidence("CUDA_VISIBLE_DEVICES", value or "(empty)")
    listed = Evidence(
        driver.found_via,
        f"{count} GPU{'s' if count > 1 else ''}: {', '.join(gpu.name for gpu in driver.gpus)}",
    )
    if entries[0] in ("", "-1"):
        yield Finding(
            message=f"CUDA_VISIBLE_DEVICES is {value or 'empty'}: none of the {count} GPUs is visible.",
            consequence="CUDA programs started here see no device.",
            evidence=(seen, listed),
            fix=Fix("Unset it for this command", (SetEnv("CUDA_VISIBLE_DEVICES", None),)),
        )
        return
    bad = _first_bad(entries, count)
    if bad is not None:
        rest = ",".join(entries[:bad])
        yield Finding(
            message=f"CUDA_VISIBLE_DEVICES names GPU {entries[bad]}, and there are {count} (0 to {count - 1}).",
            consequence=f"It hides itself and what stands behind it; left are: {rest or 'none'}.",
            evidence=(seen, listed),
            fix=Fix("Name GPUs that exist"),
        )
    unlike = len({gpu.name for gpu in driver.gpus}) > 1
    if (
        unlike
        and environment.get("CUDA_DEVICE_ORDER") != "PCI_BUS_ID"
        and any(entry.isdigit() for entry in entries)
    ):
        yield Finding(
            message="The GPUs differ, and CUDA_VISIBLE_DEVICES counts them fastest first, not as nvidia-smi does.",
            consequence="A number may name another GPU than nvidia-smi shows under it.",
            evidence=(seen, listed),
            fix=Fix("Count as nvidia-smi does", (SetEnv("CUDA_DEVICE_ORDER", "PCI_BUS_ID"),)),
        )


def _first_bad(entries: List[str], count: int) -> Optional[int]:
    """Where the first index stands that does not exist; -1 ends a list on purpose, names and UUIDs are not judged."""
    for position, entry in enumerate(entries):
        if entry == "-1":
            return None
        if entry.isdigit() and int(entry) >= count:
            return position
    return None
