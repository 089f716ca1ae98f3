"""CUDA_VISIBLE_DEVICES hides GPUs, or names others than meant.

## What it means

The variable is read once, when CUDA starts in a process. Empty, or with -1 first, it hides every GPU; an index that
does not exist hides that one and all behind it. Its numbers are CUDA's, fastest GPU first, unless CUDA_DEVICE_ORDER
is PCI_BUS_ID: on a machine with unlike GPUs they differ from nvidia-smi's.

## How envdoctor knows

The variable's value is compared with the GPUs that the driver lists.

In a log, `invalid device ordinal` and what torch, NCCL and trainers say of a device that is not there count.

## What to do

Set it before the process starts, with numbers that exist, and CUDA_DEVICE_ORDER=PCI_BUS_ID where the GPUs differ.

## When to ignore it

When hiding the GPUs is what you want.
"""

from typing import Iterator, List, Optional, Tuple

from envdoctor.facts import Driver, Environment
from envdoctor.finding import Evidence, Finding, Fix, SetEnv, Severity
from envdoctor.log import BuildLog
from envdoctor.messages import drivers

SEVERITY = Severity.WARNING
ROLES = ("runtime",)


def check(environment: Environment, driver: Driver) -> Iterator[Finding]:
    value = environment.get("CUDA_VISIBLE_DEVICES")
    if value is None or not driver.gpus:
        return
    entries = [entry.strip() for entry in value.split(",")]
    seen = _seen(value, driver)
    if entries[0] in ("", "-1"):
        yield _all_hidden(value, len(driver.gpus), seen)
        return
    bad = _first_bad(entries, len(driver.gpus))
    if bad is not None:
        yield _out_of_range(entries, bad, len(driver.gpus), seen)
    unlike = len({gpu.name for gpu in driver.gpus}) > 1
    numbered = any(entry.isdigit() for entry in entries)
    if unlike and numbered and environment.get("CUDA_DEVICE_ORDER") != "PCI_BUS_ID":
        yield Finding(
            message="The GPUs differ, and CUDA_VISIBLE_DEVICES counts them fastest first, not as nvidia-smi does.",
            consequence="A number may name another GPU than nvidia-smi shows under it.",
            evidence=seen,
            fix=Fix("Count as nvidia-smi does", (SetEnv("CUDA_DEVICE_ORDER", "PCI_BUS_ID"),)),
        )


def _seen(value: str, driver: Driver) -> Tuple[Evidence, ...]:
    count = len(driver.gpus)
    names = ", ".join(gpu.name for gpu in driver.gpus)
    return (
        Evidence("CUDA_VISIBLE_DEVICES", value or "(empty)"),
        Evidence(driver.found_via, f"{count} GPU{'s' if count > 1 else ''}: {names}"),
    )


def _all_hidden(value: str, count: int, seen: Tuple[Evidence, ...]) -> Finding:
    return Finding(
        message=f"CUDA_VISIBLE_DEVICES is {value or 'empty'}: none of the {count} GPUs is visible.",
        consequence="CUDA programs started here see no device.",
        evidence=seen,
        fix=Fix("Unset it for this command", (SetEnv("CUDA_VISIBLE_DEVICES", None),)),
    )


def _out_of_range(entries: List[str], bad: int, count: int, seen: Tuple[Evidence, ...]) -> Finding:
    return Finding(
        message=f"CUDA_VISIBLE_DEVICES names GPU {entries[bad]}, and there are {count} (0 to {count - 1}).",
        consequence=f"It hides itself and what stands behind it; left are: {','.join(entries[:bad]) or 'none'}.",
        evidence=seen,
        fix=Fix("Name GPUs that exist"),
    )


def _first_bad(entries: List[str], count: int) -> Optional[int]:
    """Where the first index stands that does not exist; -1 ends a list on purpose, names and UUIDs are not judged."""
    for position, entry in enumerate(entries):
        if entry == "-1":
            return None
        if entry.isdigit() and int(entry) >= count:
            return position
    return None


# Source: CUDA's error 101; torch/serialization.py, torch/cuda/__init__.py and CUDAContext.cpp; NCCL's init.cc;
# Lightning, Ultralytics and vLLM of their device arguments.
_ORDINAL = (
    r"invalid device ordinal|cudaErrorInvalidDevice\b|CUDA_ERROR_INVALID_DEVICE\b",
    r"object on CUDA device (?P<device>\d+) but torch\.cuda\.device_count\(\) is (?P<count>\d+)",
    r"device >= 0 && device < num_gpus",
    r"Invalid CUDA 'device=\S*' requested",
    r"You requested gpu[s]?: \[[^\]\n]*\] But your machine only has: \[",
    r"Duplicate GPU detected\s?: rank \d+ and rank \d+ both on CUDA device",
    r"CUDA_VISIBLE_DEVICES is set to empty string",
    r"AssertionError: Invalid device id",
)
_NONE = (
    r"No CUDA GPUs are available",
    r"CUDA_VISIBLE_DEVICES[^\n]{0,60}(?:hides|no (?:such )?(?:device|GPU)|is invalid|not a valid)",
)
#: Decided by a setting of the variable in the log.
_UNSEEN = (
    r"no CUDA-capable device is detected|CUDA_ERROR_NO_DEVICE|(?:CUDA-capable device\(s\) is/are"
    r"|CUDA-capable devices are) busy"
)
_SET = r"CUDA_VISIBLE_DEVICES['\"\])]{0,3}\s?[=:,]"
_SEVERAL = r"found at least two devices, cuda:\d+ and cuda:\d+"


# What is so, what follows, what to do.
_NO_SUCH_GPU = (
    "The program asks for a GPU index that the process does not see.",
    "The first use of that device fails; indices count within CUDA_VISIBLE_DEVICES, from 0.",
    Fix(
        "Use an index below torch.cuda.device_count(), or name more GPUs in CUDA_VISIBLE_DEVICES (nvidia-smi -L)"
    ),
)
_NO_GPU = (
    "A driver is here, and the process sees none of its GPUs.",
    "Everything that needs CUDA stops.",
    Fix(
        "echo $CUDA_VISIBLE_DEVICES: unset it or name GPUs of nvidia-smi -L, before the process starts; a"
        " container needs --gpus all, a job of a scheduler needs GPUs granted"
    ),
)
_SEVERAL_GPUS = (
    "The process sees several GPUs, and its tensors lie on more than one.",
    "Kernels that expect one device fail.",
    Fix("Show the process one GPU, before it starts: CUDA_VISIBLE_DEVICES=0 python ..."),
)


def explain(log: BuildLog) -> Iterator[Finding]:
    ordinal = drivers.first(log, *_ORDINAL)
    if ordinal:
        hit, confidence = ordinal
        yield hit.finding(*_NO_SUCH_GPU, confidence)
    none = drivers.first(log, *_NONE, *((_UNSEEN,) if log.has(_SET) else ()))
    if none:
        yield none[0].finding(*_NO_GPU, "medium")
    several = log.first(_SEVERAL)
    if several:
        yield several.finding(*_SEVERAL_GPUS, "low")
