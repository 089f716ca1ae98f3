"""CUDA is to run here, and there is no usable NVIDIA driver.

## What it means

CUDA programs load `libcuda.so.1`, which belongs to the driver, not to the toolkit or to torch. Without it torch
says "Found no NVIDIA driver on your system", and modules that link libcuda do not import: "libcuda.so.1: cannot
open shared object file". A container sees the driver only when it was started for GPUs, WSL only through
/usr/lib/wsl/lib.

## How envdoctor knows

No kernel module and no libcuda.so.1 are visible, or the device files cannot be opened by this user; and CUDA is
wanted: the role runtime was stated, a variable asks for GPUs, or an installed module links libcuda itself. A CUDA
build of torch alone proves nothing: it is what pip installs everywhere.

## What to do

Start the container with `--gpus all` (NVIDIA container toolkit), in WSL put /usr/lib/wsl/lib on LD_LIBRARY_PATH, on
a machine with a GPU install the driver. Without a GPU install a CPU build.

## When to ignore it

On a build machine: nothing is said there, for compiling needs no driver.
"""

from typing import Iterator, Optional

from envdoctor import compat, installing
from envdoctor.facts import CompiledModules, Driver, Environment, Request, System, Torch
from envdoctor.finding import Evidence, Finding, Fix, SetEnv, Severity

SEVERITY = Severity.ERROR
ROLES = ("runtime",)


def check(
    driver: Optional[Driver],
    request: Request,
    environment: Environment,
    system: Optional[System],
    torch: Optional[Torch],
    modules: Optional[CompiledModules],
) -> Iterator[Finding]:
    if driver is not None and driver.forbidden_nodes:
        nodes = ", ".join(driver.forbidden_nodes)
        yield Finding(
            message=f"The GPU's device files cannot be opened by this user: {nodes}.",
            consequence="CUDA sees no device.",
            evidence=tuple(Evidence(node, "permission denied") for node in driver.forbidden_nodes),
            fix=Fix(
                "Join the group that owns the device files (often video or render), or give the container access"
            ),
        )
    elif driver is None or not driver.libcuda:
        wanted = tuple(_wants(request, environment, torch, modules))
        if wanted:
            kernel = driver.kernel_module if driver is not None else None
            yield Finding(
                message="There is no libcuda.so.1 here"
                + (f", only the kernel module {kernel}." if kernel else ": no driver."),
                consequence="CUDA does not start: no NVIDIA driver, libcuda.so.1 cannot be opened.",
                evidence=wanted,
                fix=_fix(system, environment, torch),
            )


def _wants(
    request: Request,
    environment: Environment,
    torch: Optional[Torch],
    modules: Optional[CompiledModules],
) -> Iterator[Evidence]:
    """What shows that CUDA is to run in this place."""
    for module in modules.items if modules else ():
        if any(needed.soname == "libcuda.so.1" and needed.path is None for needed in module.needed):
            yield Evidence(module.path, "needs libcuda.so.1: not found")
            return
    if torch is not None and torch.cuda:
        visible = environment.get("NVIDIA_VISIBLE_DEVICES")
        if visible and visible not in ("void", "none"):
            yield Evidence("NVIDIA_VISIBLE_DEVICES", visible)
        elif request.role_stated:
            yield Evidence(torch.found_via, f"torch {torch.version}, in the stated role runtime")


def _fix(system: Optional[System], environment: Environment, torch: Optional[Torch]) -> Fix:
    if system is not None and system.wsl:
        title = "Let the loader search WSL's driver folder; the driver itself is installed in Windows"
        return Fix(title, (SetEnv("LD_LIBRARY_PATH", "/usr/lib/wsl/lib", "append"),))
    if (system is not None and system.container) or environment.get("NVIDIA_VISIBLE_DEVICES"):
        return Fix(
            "Start the container with --gpus all, on a host with the driver and the NVIDIA container toolkit"
        )
    release = compat.release(torch.cuda) if torch else None
    command = installing.driver(system, release[0] if release else None)
    return Fix(
        "Install the NVIDIA driver, or a CPU build of torch where there is no GPU",
        (command,) if command else (),
    )
