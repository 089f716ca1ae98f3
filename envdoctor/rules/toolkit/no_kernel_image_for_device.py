"""An installed extension has no code for the GPU of this machine.

## What it means

A compiled extension carries machine code for some architectures and, often, PTX. Machine code runs on GPUs of
the same major number with the same or a higher minor number; PTX runs on everything newer. Without either the
first kernel fails: "no kernel image is available for execution on the device".

## How envdoctor knows

The architectures were read from the device code inside each compiled file and compared with the GPUs. A
package is reported when none of its files fits: many have one file for each architecture. torch itself is
`torch-lacks-device-arch`.

In a log, CUDA's and HIP's words count (`no kernel image is available for execution on the device`), unless torch
says there that its own kernels do not fit the GPU.

## What to do

Build the package for this GPU, or install a release that has code for it.

## When to ignore it

When the package's CUDA part is not used on this machine.
"""

from typing import Dict, Iterator, List

from envdoctor.architectures import covers
from envdoctor.facts import CompiledModule, CompiledModules, Driver, Gpu
from envdoctor.finding import Evidence, Finding, Fix, Severity
from envdoctor.log import BuildLog, told

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


# Source: CUDA's and HIP's error strings (209, 98), rocBLAS, ggml-cuda.
_MISSING = (
    r"no kernel image is available for execution on the device",
    r"cudaErrorNoKernelImageForDevice|CUDA_ERROR_NO_BINARY_FOR_GPU|hipErrorNoBinaryForGpu",
    (
        r"\b(?:CUDA|HIP|hip|cuda)\w{0,40}(?: [Ee]rror|Error)?\b.{0,20}: "
        r"(?:hipErrorInvalidDeviceFunction|invalid device function)"
    ),
    r"hipErrorInvalidDeviceFunction|cudaErrorInvalidDeviceFunction",
    r"[Uu]nable to find code object for all current devices",
    r"rocBLAS error: .*TensileLibrary.*(?:for GPU arch|No such file)",
    r"has no device code compatible with CUDA arch",
    r"compiled without support for the current GPU architecture",
)
_WEAKER = (
    r"invalid device function|device kernel image is invalid|cudaErrorInvalidKernelImage",
    r"(?:CUBLAS|CUDNN|CUSPARSE)_STATUS_ARCH_MISMATCH",
)
# torch-lacks-device-arch.
_BY_TORCH = (
    r"is not compatible with the current PyTorch installation",
    r"The current PyTorch install supports CUDA capabilities",
    r"does not include kernels for this GPU",
    r"PyTorch no longer supports this GPU",
    r"Minimum and Maximum cuda capability supported by this version of PyTorch",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    hit, confidence = log.first(*_MISSING), "high"
    if hit is None:
        hit, confidence = log.first(*_WEAKER), "medium"
    if hit is None or log.has(*_BY_TORCH):
        return
    yield hit.finding(
        "A compiled library has no code for the GPU that it runs on.",
        "Its first kernel fails; the program itself is not at fault.",
        _on_rocm() if told.on_rocm(log) else _on_cuda(),
        confidence,
    )


def _on_cuda() -> Fix:
    return Fix(
        "Rebuild the library that fails for this GPU (`nvidia-smi --query-gpu=compute_cap --format=csv`"
        " names its number:"
        " TORCH_CUDA_ARCH_LIST, CMAKE_CUDA_ARCHITECTURES), or install a release that has code for it;"
        " `python -c 'import"
        " torch; print(torch.cuda.get_arch_list())'` says whether it is torch that lacks it"
    )


def _on_rocm() -> Fix:
    return Fix(
        "Rebuild for this GPU (`rocminfo | grep gfx` names it: PYTORCH_ROCM_ARCH, AMDGPU_TARGETS), or set"
        " HSA_OVERRIDE_GFX_VERSION to a relative of it that the library has code for (11.0.0, 10.3.0)"
    )
