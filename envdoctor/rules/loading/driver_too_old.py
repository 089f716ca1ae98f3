"""The NVIDIA driver is too old for the CUDA that is used.

## What it means

A driver serves the CUDA releases up to its own, and, from CUDA 11 on, every release of the same major version
("minor version compatibility"): a lower minor number in nvidia-smi is no error. A newer major version needs a newer
driver: "The NVIDIA driver on your system is too old", "CUDA driver version is insufficient for CUDA runtime
version".

## How envdoctor knows

The newest CUDA that the driver serves is asked of the driver, or told by its version and NVIDIA's table, and
compared with the major version that torch (else the toolkit) was made for.

In a log, the words of torch, CUDA (errors 35, 36, 222) and containers that ask for a newer driver count; a warning
of a build that ended well does not.

## What to do

Update the driver, or install torch built for a CUDA that the driver serves. On data-centre GPUs NVIDIA's
cuda-compat package can stand in for the newer driver.

## When to ignore it

When what is built here runs on other machines.
"""

from typing import Iterator, Optional, Tuple

from envdoctor import compat, installing
from envdoctor.facts import Driver, Request, System, Toolkit, Torch
from envdoctor.finding import Evidence, Finding, Fix, Here, Severity
from envdoctor.log import BuildLog
from envdoctor.messages import drivers

SEVERITY = Severity.ERROR


def check(
    driver: Driver,
    request: Request,
    torch: Optional[Torch],
    toolkit: Optional[Toolkit],
    system: Optional[System],
) -> Iterator[Finding]:
    asked = _asks(torch, toolkit)
    served = _serves(driver)
    # A compat libcuda raises what the old kernel module serves: driver-compat-mismatch looks at it.
    if asked is None or served is None or asked[0] <= served or "/compat/" in (driver.libcuda or ""):
        return
    major, what, source = asked
    wanted = ".".join(map(str, compat.OLDEST_DRIVER.get(major, ()))) or f"that serves CUDA {major}"
    command = installing.driver(system, major)
    yield Finding(
        message=f"{what} needs a driver for CUDA {major}; this one serves CUDA {driver.cuda_version or served}.",
        consequence="CUDA does not start: the driver is too old (driver version is insufficient for runtime version).",
        evidence=(
            Evidence(
                driver.found_via,
                f"driver {driver.kernel_module or driver.libcuda_version}, CUDA {driver.cuda_version or served}",
            ),
            Evidence(source, what),
        ),
        fix=Fix(
            f"Update the driver to {wanted} or newer, or install torch built for CUDA {served}",
            (command,) if command else (),
        ),
        severity=SEVERITY if request.role == "runtime" else Severity.WARNING,
    )


def _asks(torch: Optional[Torch], toolkit: Optional[Toolkit]) -> Optional[Tuple[int, str, str]]:
    """The CUDA major version that programs here are made for, and what says so."""
    if torch is not None:
        return (
            (int(torch.cuda.partition(".")[0]), f"torch {torch.version}", torch.found_via)
            if torch.cuda
            else None
        )
    if toolkit is not None and toolkit.release[0]:
        return toolkit.release[0], f"what CUDA {toolkit.version} compiles", toolkit.root
    return None


def _serves(driver: Driver) -> Optional[int]:
    """The newest CUDA major version that the driver serves; None without a driver or below the table."""
    if driver.cuda_version:
        return int(driver.cuda_version.partition(".")[0])
    version = compat.numbers(driver.kernel_module or driver.libcuda_version)
    return next(
        (major for major, oldest in sorted(compat.OLDEST_DRIVER.items(), reverse=True) if version >= oldest),
        None,
    )


# Source: torch/cuda/__init__.py and c10's CUDAFunctions.cpp; CUDA's error texts and names (35, 36, 222);
# libnvidia-container; the entry point of NVIDIA's images; jax's xla_bridge.
_MESSAGES = (
    r"NVIDIA driver on your system is too old(?: \(found version (?P<number>\d+)\))?",
    r"CUDA driver version is insufficient for CUDA runtime version",
    r"cudaErrorInsufficientDriver",
    r"API call is not supported in the installed CUDA driver|cudaErrorCallRequiresNewerDriver",
    r"provided PTX was compiled with an unsupported toolchain|cudaErrorUnsupportedPtxVersion",
    r"CUDA_ERROR_UNSUPPORTED_PTX_VERSION",
    # Of the driver's own interface: libcuda is found, and is older than the function.
    r"undefined symbol: cu(?:GreenCtx|Graph|Mem|Tensor|Ctx|Launch|Multicast|Stream|Device|Library|Kernel|Func)[A-Z]\w+",
    r"unsatisfied condition: (?P<condition>(?:cuda|driver|brand)\W{1,3}[\w.]+)",
    r"please update your driver to a newer version, or use an earlier cuda container",
    (
        r"built for NVIDIA Driver Release \d[\d.]+ or later, but version \d[\d.]+ was detected and"
        r" compatibility mode is UNAVAILABLE"
    ),
    r"Found (?:CUDA|cuInit) (?:driver )?version (?P<found>\d+), but JAX was built against version \d+, which is newer",
    (
        r"(?:driver|Driver) (?:version )?(?P<old>\d{3}\.[\d.]+)[^\n]{0,40} (?:is too old|is older than"
        r"|does not support CUDA)"
    ),
    r"requires? (?:an? )?(?:NVIDIA |CUDA )?driver (?:version )?(?:>=|at least|R)?\s?(?P<least>\d{3}(?:\.[\d.]+)?)",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    found = drivers.first(log, *_MESSAGES)
    if found is None:
        return
    hit, confidence = found
    number = hit["number"]
    serves = f" It serves CUDA {int(number) // 1000}.{int(number) % 1000 // 10} and older." if number else ""
    yield hit.finding(
        f"The NVIDIA driver is older than the CUDA in use needs.{serves}",
        "CUDA does not start, and what is compiled or installed here does not change that.",
        Fix(
            "Update the driver (CUDA 11 needs 450, 12 needs 525, 13 needs 580), or install the build for a CUDA that it"
            " serves: the number at the top right of nvidia-smi. Where nvidia-smi shows a number that is enough, the"
            " process sees no libcuda.so.1: start the container with --gpus all"
        ),
        confidence=confidence,
    )


def judge(finding: Finding, driver: Optional[Driver]) -> Optional[Here]:
    if driver is not None and driver.libcuda:
        return None
    return Here(
        "contradicted",
        "no NVIDIA driver is here at all, of which CUDA's runtime says the same: driver-not-available",
    )
