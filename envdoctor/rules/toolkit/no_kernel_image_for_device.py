"""An installed extension has no code for the GPU of this machine.

## What it means

A compiled extension carries machine code for some architectures and, often, PTX. Machine code runs on GPUs of
the same major number with the same or a higher minor number; PTX runs on everything newer. Without either the
first kernel fails: "no kernel image is available for execution on the device".

## How envdoctor knows

The architectures were read from the device code inside each compiled file and compared with the GPUs. A
package is reported when none of its files fits: many have one file for each architecture. torch itself is
`torch-lacks-device-arch`.

## What to do

Build the package for this GPU, or install a release that has code for it.

## When to ignore it

When the package's CUDA part is not used on this machine.
"""

from typing import Dict, Iterator, List

from envdoctor.architectures import covers
from envdoctor.facts import CompiledModule, CompiledModules, Driver, Gpu
from envdoctor.finding import Evidence, Finding, Fix, Severity

SEVERITY = Severity.ERROR


def check(driver: Driver, modules: CompiledModules) -> Iterator[Finding]:
    for package, members in _with_device_code(modules).items():
        bare = [gpu for gpu in driver.gpus if not any(covers(item.architectures, gpu) for item in members)]
        if bare:
            yield _finding(package, members, bare, whole=len(bare) == len(driver.gpus))


def _with_device_code(modules: CompiledModules) -> Dict[str, List[CompiledModule]]:
    found: Dict[str, List[CompiledModule]] = {}
    for item in modules.items:
        if item.architectures:
            found.setdefault(item.package or item.path, []).append(item)
    return found


def _finding(package: str, members: List[CompiledModule], bare: List[Gpu], whole: bool) -> Finding:
    gpu = bare[0]
    capability = f"{gpu.compute_capability[0]}.{gpu.compute_capability[1]}"
    return Finding(
        message=f"{package} has no code for the {gpu.name} here (architecture {capability}).",
        consequence='Its first kernel fails there with "no kernel image is available for execution on the device".',
        evidence=(
            *(Evidence(item.path, " ".join(item.architectures)) for item in members[:3]),
            Evidence(f"GPU {gpu.index}", f"{gpu.name}, compute capability {capability}"),
        ),
        fix=Fix(
            f"Build {package} again with TORCH_CUDA_ARCH_LIST={capability}, or install a release that has code for it"
        ),
        severity=None if whole else Severity.WARNING,
    )
