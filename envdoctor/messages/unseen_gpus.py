"""Builds that ask a GPU what to compile for and see none, as a log tells it. Pure."""

from typing import Optional, Tuple

from envdoctor.log import BuildLog, Hit

# Source: torch's _get_cuda_arch_flags; CMake's cmGeneratorTarget; setup.py files that ask for GPUs themselves.
_NO_ARCHITECTURE = (
    r"Unsupported gpu architecture 'compute_No CUDA devices found",
    r"\b\w{1,60}\[-1\] \+= ['\"]\+PTX['\"]",
    r"CUDA_ARCHITECTURES is set to \"native\", but no GPU was detected",
    r"nvcc fatal\s*: .*(?:-arch=native|'native').*(?:no|[Cc]annot find|not find).*GPU",
    r"Error: No (?:CUDA )?GPUs? (?:were |was )?(?:found|detected).*[Ss]pecify.*arch",
    r"Unknown compute capability\. Specify the target compute capabilit",
)
# What torch says to whoever asks it for a GPU. Source: torch's cuda/__init__.py, c10's CUDAFunctions.cpp.
_UNSEEN = (
    r"RuntimeError: Found no NVIDIA driver on your system",
    r"RuntimeError: No (?:CUDA )?GPUs? (?:(?:are|were|was) )?(?:available|found|detected)",
)
# A setup.py that asked for a GPU, saw none, and goes on without what it would have learned.
_WENT_ON = (
    r"No CUDA runtime is found, using CUDA_HOME=[^\n]*\n(?:[^\n]*\n){0,40}?[^\n]*"
    r"NameError: name '\w*(?:cuda|compute_cap|arch)\w*' is not defined"
)
_BY_SETUP = r"File \"(?:<string>|[^\"\n]*setup\.py)\", line \d+"
_BUILDING = (
    r"get_device_(?:capability|properties)\(",
    r"No CUDA runtime is found, using CUDA_HOME=",
    r"[Gg]etting requirements to build|build_meta\.py|pip-build-env-|running (?:build|egg_info|develop|bdist)",
)


def without_architecture(log: BuildLog) -> Optional[Hit]:
    """That torch's builder, CMake, nvcc or a setup.py is left without an architecture."""
    return log.first(*_NO_ARCHITECTURE)


def asked_by_setup(log: BuildLog) -> Optional[Tuple[Hit, Optional[Hit]]]:
    """The frame of a setup.py that asks torch for a GPU, and torch's answer; None where it only went wrong later."""
    setup, unseen = log.first(_BY_SETUP), log.first(*_UNSEEN)
    if setup is None or not log.has(*_BUILDING) or not (unseen or log.has(_WENT_ON)):
        return None
    return setup, unseen
