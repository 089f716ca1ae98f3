"""The lists of `envdoctor archs` as text and as JSON."""

from typing import Any, Dict, List

from envdoctor.archs import Architectures, Target
from envdoctor.report.style import Style, clean


def as_json(found: Architectures) -> Dict[str, Any]:
    """Lists, reasons and refusals."""
    return {
        "schema": "envdoctor.archs/1",
        "origin": found.origin,
        "because": found.because,
        "nvcc": list(found.nvcc),
        "cmake": found.cmake,
        "torch": found.torch,
        "targets": [_target(target) for target in found.targets],
        "torch_targets": [_target(target) for target in found.torch_targets],
        "refusals": [
            {"architecture": refusal.architecture.dotted, "by": refusal.by, "reason": refusal.reason}
            for refusal in found.refusals
        ],
        "notes": list(found.notes),
    }


def as_text(found: Architectures, style: Style) -> str:
    """The lists first, ready to be copied, then why."""
    lines = [*style.wrap(clean(f"For {found.because}."))]
    if found.targets:
        lines += ["", style.paint("strong", "nvcc"), *(f"  {flag}" for flag in found.nvcc)]
        lines += [style.paint("strong", "CMake"), f'  export CUDAARCHS="{found.cmake}"']
        lines += [f'  -DCMAKE_CUDA_ARCHITECTURES="{found.cmake}"']
    if found.torch:
        lines += [style.paint("strong", "torch"), f'  export TORCH_CUDA_ARCH_LIST="{found.torch}"']
    lines += ["", style.paint("strong", "Why"), *_reasons(found, style)]
    if found.refusals:
        lines += ["", style.paint("strong", "Left out")]
        for refusal in found.refusals:
            lines += style.wrap(
                clean(f"{refusal.by}: {refusal.reason}"), f"  {refusal.architecture.dotted:6}", " " * 8
            )
    if found.notes:
        lines += ["", style.paint("strong", "Notes")]
        lines += [line for note in found.notes for line in style.wrap(clean(note), "  ", "  ")]
    return "\n".join(lines) + "\n"


def _reasons(found: Architectures, style: Style) -> List[str]:
    lines: List[str] = []
    for target in found.targets:
        lines += style.wrap(clean(target.reason), f"  {target.architecture.dotted:6}", " " * 8)
        if target.ptx:
            text = f"of {target.architecture.dotted}, the newest: the driver compiles it for GPUs that are newer still"
            lines += style.wrap(text, "  PTX   ", " " * 8)
    return lines or ["  nothing is left that can be compiled for"]


def _target(target: Target) -> Dict[str, Any]:
    return {
        "architecture": target.architecture.dotted,
        "machine_code": target.machine_code,
        "ptx": target.ptx,
        "reason": target.reason,
    }
