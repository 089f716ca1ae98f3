"""torch itself has no kernels for the GPU of this machine.

## What it means

A build of torch holds machine code for the GPUs of its time. On a newer one it warns "NVIDIA ... with CUDA
capability sm_120 is not compatible with the current PyTorch installation", and kernels fail with "no kernel
image"; old GPUs are dropped in the same way.

## How envdoctor knows

`--deep` asked the installed torch for its list of architectures in a child process, and none of them serves
the GPU.

## What to do

Install a torch that was built with a CUDA that knows the GPU (12.8 or newer for architecture 12.0), or an
older build for an older GPU.

## When to ignore it

When torch is used on the CPU alone.
"""

from typing import Iterator

from envdoctor import compat
from envdoctor.architectures import covers
from envdoctor.facts import Driver, Torch
from envdoctor.finding import Evidence, Finding, Fix, Severity

SEVERITY = Severity.ERROR


def check(driver: Driver, torch: Torch) -> Iterator[Finding]:
    if not torch.architectures:
        return
    bare = [gpu for gpu in driver.gpus if not covers(torch.architectures, gpu)]
    if bare:
        gpu = bare[0]
        major, minor = gpu.compute_capability
        since = compat.ARCHITECTURE_SINCE.get(major * 10 + minor)
        newer = f" for CUDA {since[0]}.{since[1]} or newer" if since else ""
        yield Finding(
            message=f"torch {torch.version} has no code for the {gpu.name} here (architecture {major}.{minor}).",
            consequence="Its first kernel there fails: no kernel image is available.",
            evidence=(
                Evidence("torch.cuda.get_arch_list()", " ".join(torch.architectures)),
                Evidence(f"GPU {gpu.index}", f"{gpu.name}, compute capability {major}.{minor}"),
            ),
            fix=Fix(f"Install a torch{newer} whose list has sm_{major}{minor}"),
            severity=None if len(bare) == len(driver.gpus) else Severity.WARNING,
        )
