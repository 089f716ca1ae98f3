"""torch itself has no kernels for the GPU of this machine.

## What it means

A build of torch holds machine code for the GPUs of its time. On a newer one it warns "NVIDIA ... with CUDA
capability sm_120 is not compatible with the current PyTorch installation", and kernels fail with "no kernel
image"; old GPUs are dropped in the same way.

## How envdoctor knows

`--deep` asked the installed torch for its list of architectures in a child process, and none of them serves
the GPU.

In a log, torch's own words count (`is not compatible with the current PyTorch installation`); they are a warning
where no kernel fails.

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
from envdoctor.log import BuildLog

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


# Source: torch/cuda/__init__.py, 0.3 to 2.14.
_REFUSED = (
    (
        r"^(?P<gpu>[^\n]*\S) with CUDA capability (?P<capability>sm_\d+\w?) is not compatible with the current PyTorch"
        r" installation"
    ),
    r"Found GPU\d+ (?P<gpu>[^\n]{,80}?) which is of cuda capability (?P<capability>[\d.]+)\. PyTorch no longer",
    r"Found GPU\d+ (?P<gpu>[^\n]{,80}?) which is of compute capability \(CC\) (?P<capability>\d+\.\d+)\.",
    r"Found GPU\d+ (?P<gpu>[^\n]{,80}?) which requires CUDA_VERSION >= \d+ to work properly",
    r"The current PyTorch install supports CUDA capabilities",
    r"Your installed torch==\S+ does not include kernels for this GPU",
    r"nvrtc: error: invalid value for --gpu-architecture",
    r"PyTorch (?:build |installation |version )?does not (?:yet )?support the compute capability",
)
_OUT_OF_BOUNDS = (
    r"Found GPU\d+ (?P<gpu>[^\n]{,80}?) which is of cuda capability (?P<capability>\d+\.\d+)\. Minimum and Maximum cuda"
    r" capability supported by this version of PyTorch is \((?P<least>\d+\.\d+)\)"
)
_FAILED = (
    r"no kernel image|[Ii]nvalid device function|device kernel image is invalid|nvrtc: error|ptxas fatal",
)
_BUILT_FOR = (r"supports CUDA capabilities (?P<list>(?:sm_|compute_)[\w ]+?)\.",)


def explain(log: BuildLog) -> Iterator[Finding]:
    failed = log.has(*_FAILED)
    hit = log.first(*_REFUSED)
    if hit is None:
        hit = log.first(_OUT_OF_BOUNDS)
        # Above the maximum, a GPU of the same major number runs all the same: that is a warning alone.
        if hit is None or not (failed or float(hit["capability"]) < float(hit["least"])):
            return
    built_for = log.first(*_BUILT_FOR)
    gpu = hit["gpu"].rpartition("UserWarning:")[2].strip()
    what = gpu + (f" ({hit['capability']})" if hit["capability"] else "") if gpu else "the GPU"
    yield hit.finding(
        f"torch has no kernels for {what}" + (f"; it has {built_for['list']}." if built_for else "."),
        "The first kernel on the GPU fails: no kernel image is available.",
        Fix(
            "Install a torch whose CUDA knows the GPU: cu128 or newer for sm_100 and sm_120 (`pip"
            " install torch --index-url"
            " https://download.pytorch.org/whl/cu128`), cu118 or newer for sm_89 and sm_90, an older release (cu126 or"
            " before) for sm_70 and lower; then build the extensions again"
        ),
        "high" if failed else "medium",
        (built_for,) if built_for else (),
    )
