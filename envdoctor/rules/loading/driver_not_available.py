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

In a log, what torch, nvidia-smi, NVML, docker and the loader say where no driver answers counts; a warning of a
build that ended well does not.

## What to do

Start the container with `--gpus all` (NVIDIA container toolkit), in WSL put /usr/lib/wsl/lib on LD_LIBRARY_PATH, on
a machine with a GPU install the driver. Without a GPU install a CPU build.

## When to ignore it

On a build machine: nothing is said there, for compiling needs no driver.
"""

from typing import Iterator, Optional

from envdoctor import compat, installing
from envdoctor.facts import CompiledModules, Driver, Environment, Request, System, Torch
from envdoctor.finding import Evidence, Finding, Fix, Here, SetEnv, Severity
from envdoctor.log import BuildLog, Hit, told
from envdoctor.messages import drivers, unresolved

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


# Source: torch/cuda/__init__.py and CUDAFunctions.cpp, nvidia-smi, NVML and its Python bindings, libnvidia-container,
# dockerd, kmod, bitsandbytes' cuda_setup, the entry point of NVIDIA's images.
_MESSAGES = (
    r"Found no NVIDIA driver on your system",
    r"NVIDIA-SMI has failed because it couldn.t communicate with the NVIDIA driver",
    r"NVIDIA-SMI couldn.t find libnvidia-ml\.so",
    r"failed to (?:run|execute) (?:command )?'?(?:/usr/bin/)?nvidia-smi'?: No such file",
    r"(?:Failed to initialize NVML|nvml error|NVML[^\n]{0,30}): (?i:driver not loaded)",
    r"(?i:NVML Shared Library Not Found)|NVMLError_LibraryNotFound|NVMLError_DriverNotLoaded",
    (
        r"load library failed: libnvidia-ml\.so\.1|nvidia-container-cli: initialization error: (?:driver"
        r"|nvml)[^\n]{0,60}not loaded"
    ),
    r"could not select device driver \S{0,12} with capabilities: \[\[gpu\]\]",
    r"[Uu]nknown (?:or invalid )?runtime (?:specified |name: )nvidia",
    r"nvidia-container-cli: initialization error: (?:driver|cuda|nvml)(?: rpc)? error: (?!driver/library)",
    r"WSL environment detected but no adapters were found",
    r"modprobe: FATAL: Module nvidia\S* not found",
    r"modprobe: ERROR: could not insert 'nvidia",
    r"(?:libcuda\.so(?:\.1)?|nvcuda\.dll) not found",
    (
        r"(?:[Cc]ould not|[Uu]nable to|[Cc]annot|[Ff]ailed to) (?:find|load|open|locate) (?:dynamic )?"
        r"(?:library )?\W?(?:libcuda\.so|nvcuda\.dll)"
    ),
    r"stat of /dev/nvidia\w* failed|/dev/nvidia(?:ctl|0|-uvm): (?:No such file|Permission denied)",
)
_WEAKER = (
    r"The NVIDIA Driver was not detected",
    r"nvidia-smi[':]{0,2} (?:is not recognized|command not found|not found)|nvidia-smi: command not found",
    r"Failed to initialize NVML: Unknown Error",
    r"system not yet initialized|cudaErrorSystemNotReady",
    r"no CUDA-capable device is detected|cudaErrorNoDevice|CUDA_ERROR_NO_DEVICE",
    r"^No devices were found\s*$",
)
#: torch's collect_env of a build for CUDA.
_NO_ROCM = r"(?:ROCM used to build PyTorch|HIP runtime version|MIOpen runtime version): N/A"
_HINTS = (
    r"CUDA unknown error - this may be due to an incorrectly set up environment",
    r"torch\.cuda\.is_available\(\) is False",
    r"Torch is not able to use GPU",
    r"no GPUs found!|[Nn]o GPU (?:was )?(?:found|detected)|No NVIDIA GPU (?:found|detected)",
    r"0 active drivers \(\[\]\)|Triton Error \[CUDA\]: no CUDA",
    r"CUDA initialization: [^\n]*Error (?:101|304|999)\b",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    on_rocm = told.on_rocm(log.without(_NO_ROCM))
    for library in unresolved.libraries(log):
        if library.of_driver and not on_rocm:
            yield _finding(
                library.hit, f"{library.name} cannot be opened: no NVIDIA driver is visible here.", "high"
            )
            break
    found = drivers.first(log, *_MESSAGES)
    if found and not on_rocm:
        yield _finding(found[0], "No NVIDIA driver is loaded or visible here.", found[1])
    for patterns, confidence in ((_WEAKER, "medium"), (_HINTS, "low")):
        sign = drivers.first(log, *patterns)
        if sign:
            yield _finding(sign[0], "CUDA finds no GPU that a driver serves.", confidence)


def _finding(hit: Hit, message: str, confidence: str) -> Finding:
    return hit.finding(
        message,
        "CUDA does not start, whatever is installed beside it.",
        Fix(
            "Start the container with --gpus all on a host with the NVIDIA container toolkit; in WSL put"
            " /usr/lib/wsl/lib on LD_LIBRARY_PATH; on a machine with a GPU install the driver"
            " (nvidia-smi shows whether it runs) or load"
            " its module (sudo modprobe nvidia nvidia_uvm); without a GPU install the CPU build, and while building an"
            " image run nothing that loads libcuda"
        ),
        confidence=confidence,
    )


def judge(finding: Finding, driver: Optional[Driver]) -> Optional[Here]:
    if driver is None or not driver.libcuda:
        return Here("confirmed", "there is no libcuda.so.1 here")
    if not driver.gpus:
        return None
    return Here(
        "contradicted", f"the driver serves CUDA {driver.cuda_version}, and {driver.gpus[0].name} is visible"
    )
