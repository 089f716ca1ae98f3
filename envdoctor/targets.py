"""Architectures to name for a build that sees no GPU to ask, in the words of torch and CMake. Pure."""

from typing import Optional, Tuple

from envdoctor import architectures, compat
from envdoctor.architectures import Architecture
from envdoctor.facts import Project, Request, Toolkit, Torch


def stated(request: Request, toolkit: Optional[Toolkit] = None) -> Tuple[Architecture, ...]:
    """Those that the caller named, without what the toolkit's nvcc refuses.

    arch-dropped-by-nvcc and arch-unsupported-by-nvcc speak of these.
    """
    named = tuple(asked.architecture for asked in architectures.stated(request) if asked.architecture)
    compiles = toolkit if toolkit and toolkit.nvcc else None
    return tuple(item for item in named if not (compiles and architectures.refusal(item, compiles)))


def without_gpu(
    request: Request,
    project: Project,
    toolkit: Optional[Toolkit],
    torch: Optional[Torch],
) -> Tuple[Architecture, ...]:
    """The stated targets, else what nvcc and torch know of the GPUs in use and what has the code's instructions."""
    if request.architectures:
        return stated(request, toolkit)
    lowest = max((compat.FEATURE_ARCHITECTURE.get(item.text, 0) for item in project.features), default=0)
    if any(item.text in compat.ARCHITECTURE_SPECIFIC_FEATURES for item in project.features):
        return (Architecture(lowest, "a"),)
    return tuple(
        item for item in architectures.sensible(toolkit) if item.number >= lowest and _is_known(item, torch)
    )


def single(targets: Tuple[Architecture, ...]) -> Architecture:
    """One answer for a call that takes one: 8.0 where it is among them, for its code runs on the most GPUs in use."""
    return next((item for item in targets if item.number == 80), targets[0])


def for_torch(targets: Tuple[Architecture, ...], torch: Optional[Torch], ptx: bool) -> Optional[str]:
    """TORCH_CUDA_ARCH_LIST of those that torch accepts there; None without one.

    torch stops over any other one (arch-unknown-to-torch).
    """
    listed = tuple(item for item in targets if _is_known(item, torch))
    return architectures.dotted_list(listed, ptx) if listed else None


def for_cmake(targets: Tuple[Architecture, ...]) -> str:
    """CMAKE_CUDA_ARCHITECTURES: machine code for all, PTX for the last alone."""
    return ";".join((*(f"{item}-real" for item in targets[:-1]), str(targets[-1])))


def _is_known(item: Architecture, torch: Optional[Torch]) -> bool:
    """Whether torch takes it, as far as torch tells."""
    known = torch.known_architectures if torch else ()
    return not known or item.dotted in known
