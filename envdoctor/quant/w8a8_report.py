"""What a scheme would lose and save in each linear of a model, which stays as it is."""

from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

import torch
from torch import Tensor

from envdoctor.quant.calibration import run
from envdoctor.quant.grid import Device, usable
from envdoctor.quant.smoothquant import Scaling, chosen_linears, rounded, scaling_of, w8a8_linear
from envdoctor.quant.statistics import Statistics


@dataclass(frozen=True)
class LinearReport:
    """Of one linear: errors are norms of what differs over norms of what there was."""

    name: str
    weight_error: float
    output_error: Optional[float]  # of what it gives for its own, unrounded inputs; None: it did not run
    bytes_before: int
    bytes_after: int


def report_w8a8(
    model: torch.nn.Module,
    statistics: Optional[Statistics],
    scheme: str,
    inputs: Iterable[Any],
    skip: Sequence[str] = ("lm_head",),
    device: Device = None,
) -> List[LinearReport]:
    """Of each linear that quantize_w8a8 would replace, with inputs as calibrate takes them.

    One quantised linear is held at a time. Raises what those two raise.
    """
    chosen, kind = chosen_linears(model, statistics, scheme, skip), scaling_of(scheme)
    lost: Dict[str, float] = {}
    whole: Dict[str, float] = {}

    def keep(name: str, x: Tensor, y: Tensor) -> None:
        if name in chosen:
            linear, seen = chosen[name]
            off = w8a8_linear(linear, scheme, seen, linear.weight.device)(x) - y
            lost[name] = lost.get(name, 0.0) + float(off.double().square().sum())
            whole[name] = whole.get(name, 0.0) + float(y.double().square().sum())

    run(model, inputs, keep, device=device)
    return [
        LinearReport(
            name,
            _weight_error(usable(linear.weight, None), kind),
            (lost[name] / (whole[name] or 1.0)) ** 0.5 if name in lost else None,
            _bytes(linear.parameters()),
            _bytes(w8a8_linear(linear, scheme, seen).buffers()),
        )
        for name, (linear, seen) in chosen.items()
    ]


def table(reports: Sequence[LinearReport]) -> str:
    """One line for each linear and one for all: errors in percent, sizes in MiB."""
    sums = [sum(sizes) for sizes in zip(*((each.bytes_before, each.bytes_after) for each in reports))]
    lines = [
        ("linear", "weight error %", "output error %", "MiB before", "MiB after"),
        *map(_cells, reports),
        ("all", "", "", *_mib(*sums)),
    ]
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "".join(_line(cells, widths) for cells in lines)


def _cells(of: LinearReport) -> Tuple[str, ...]:
    errors = (_percent(of.weight_error), _percent(of.output_error))
    return (of.name, *errors, *_mib(of.bytes_before, of.bytes_after))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    numbers = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:])]
    return "  ".join([cells[0].ljust(widths[0]), *numbers]) + "\n"


def _percent(error: Optional[float]) -> str:
    return "did not run" if error is None else f"{100 * error:.2f}"


def _mib(*sizes: int) -> List[str]:
    return [f"{size / 2**20:.2f}" for size in sizes]


def _weight_error(weight: Tensor, kind: Scaling) -> float:
    whole = float(weight.norm())
    return float((rounded(weight, kind).plain() - weight).norm()) / whole if whole else 0.0


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
