"""The driver's library in use does not fit the kernel module that is loaded.

## What it means

libcuda.so.1 and the kernel module come from one driver and must agree. After an update without a reboot they do not
("Driver/library version mismatch"). A cuda-compat libcuda on the loader's path stands in for a newer driver on
data-centre GPUs alone; with a driver that is newer than itself, or on a GeForce, it fails with error 803 ("system
has unsupported display driver / cuda driver combination") or 804 ("forward compatibility was attempted on non
supported HW").

## How envdoctor knows

The kernel module says its version in /proc/driver/nvidia/version, the library in its file name.

In a log, the errors 803 and 804 and NVML's, the kernel module's and TensorFlow's words of two versions count.

## What to do

Take the compat folder out of LD_LIBRARY_PATH when the driver is new enough; after an update reboot, or unload and
load the nvidia modules. In a container start it anew, so that it gets the host's present library.

## When to ignore it

Never: the versions are facts of this machine.
"""

import posixpath
from typing import Iterator

from envdoctor import compat
from envdoctor.facts import Driver, Environment
from envdoctor.finding import Evidence, Finding, Fix, SetEnv, Severity
from envdoctor.log import BuildLog
from envdoctor.messages import drivers

SEVERITY = Severity.ERROR


def check(driver: Driver, environment: Environment) -> Iterator[Finding]:
    kernel, library = driver.kernel_module, driver.libcuda_version
    if not kernel or not library or compat.numbers(kernel) == compat.numbers(library):
        return
    forward = "/compat" in posixpath.dirname(driver.libcuda or "")
    if forward and compat.numbers(library) > compat.numbers(kernel) and not _consumer(driver):
        return  # what the compat package is made for
    yield Finding(
        message=f"libcuda {library} is loaded with the kernel module {kernel}.",
        consequence=_consequence(driver, forward),
        evidence=(
            Evidence("/proc/driver/nvidia/version", kernel),
            Evidence(driver.libcuda or "", f"{library}, via {driver.libcuda_via}"),
        ),
        fix=_fix(driver, environment, forward),
    )


def _consumer(driver: Driver) -> bool:
    return any("GeForce" in gpu.name or "TITAN" in gpu.name for gpu in driver.gpus)


def _consequence(driver: Driver, forward: bool) -> str:
    if not forward:
        return "CUDA and nvidia-smi do not start: driver/library version mismatch."
    code = "804: forward compatibility was attempted on non supported HW" if _consumer(driver) else "803"
    return f"CUDA does not start: error {code}."


def _fix(driver: Driver, environment: Environment, forward: bool) -> Fix:
    if not forward:
        return Fix("Reboot, or unload and load the nvidia kernel modules; start containers anew")
    folder = posixpath.dirname(driver.libcuda or "")
    folders = environment.folders("LD_LIBRARY_PATH")
    rest = [entry for entry in folders if posixpath.normpath(entry) != posixpath.normpath(folder)]
    if len(rest) < len(folders):
        return Fix(
            "Take the compat folder out of LD_LIBRARY_PATH",
            (SetEnv("LD_LIBRARY_PATH", ":".join(rest) or None),),
        )
    return Fix(f"Take {folder} out of the loader's configuration (/etc/ld.so.conf.d), then run ldconfig")


# Source: CUDA's error texts and names (803, 804), NVML, the kernel module's messages (dmesg), TensorFlow's
# cuda_diagnostics.cc, libnvidia-container, the entry point of NVIDIA's images.
_UPDATED = (
    r"(?i:driver/library version mismatch)",
    r"API mismatch: the (?:NVIDIA kernel module|client) has (?:the )?version [\d.]+,? but",
    r"kernel version [\d.]+ does not match DSO version [\d.]+",
    r"NVML_ERROR_LIB_RM_VERSION_MISMATCH|NVMLError_LibRmVersionMismatch",
)
_FORWARD = (
    (
        r"unsupported display driver / cuda driver combination|cudaErrorSystemDriverMismatch"
        r"|CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"
    ),
    r"forward compatibility was attempted on non supported HW|cudaErrorCompatNotSupportedOnDevice",
    r"CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE",
    r"(?:cuInit\(0\) returned|CUDA error|[Ee]rror(?: code)?:?) \(?80[34]\b",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    hit = log.first(*_UPDATED)
    if hit:
        yield hit.finding(
            "The driver's library and the kernel module that is loaded are of different releases.",
            "nvidia-smi and CUDA do not start: the driver was updated, and its old module still runs.",
            Fix(
                "Reboot, or unload and load the nvidia modules (cat /proc/driver/nvidia/version tells the loaded one);"
                " start containers anew; hold the driver's packages from unattended upgrades"
            ),
        )
    found = drivers.first(log, *_FORWARD)
    if found:
        forward, _ = found
        yield forward.finding(
            (
                "The libcuda that is loaded (most often of a cuda-compat package) does not fit the kernel"
                " driver or this GPU."
            ),
            "CUDA does not start: error 803 or 804.",
            Fix(
                "Take the compat folder out of LD_LIBRARY_PATH and /etc/ld.so.conf.d (ldconfig -p | grep libcuda), or"
                " update the host's driver; in a container use an image of a CUDA that the driver serves"
            ),
        )
