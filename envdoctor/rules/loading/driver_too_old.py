"""The NVIDIA driver is too old for the CUDA that is used.

## What it means

A driver serves the CUDA releases up to its own, and, from CUDA 11 on, every release of the same major version
("minor version compatibility"): a lower minor number in nvidia-smi is no error. A newer major version needs a newer
driver: "The NVIDIA driver on your system is too old", "CUDA driver version is insufficient for CUDA runtime
version".

## How envdoctor knows

The newest CUDA that the driver serves is asked of the driver, or told by its version and NVIDIA's table, and
compared with the major version that torch (else the toolkit) was made for.

## What to do

Update the driver, or install torch built for a CUDA that the driver serves. On data-centre GPUs NVIDIA's
cuda-compat package can stand in for the newer driver.

## When to ignore it

When what is built here runs on other machines.
"""

from typing import Iterator, Optional, Tuple

from envdoctor import compat, installing
from envdoctor.facts import Driver, Request, System, Toolkit, Torch
from envdoctor.finding import Evidence, Finding, Fix, Severity

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
