"""Linears of a model to int8 weights and activations: the smq schemes of MLC, and a scale for each row when it comes.

Smoothing is a step of its own before (envdoctor.quant.smoothing).
"""

from typing import Dict, NamedTuple, Optional, Sequence, Tuple

import torch
from torch import Tensor

from envdoctor.kernels import LinearW8A8, pack_w8a8
from envdoctor.kernels.rounding import rounded_int8
from envdoctor.quant.blocks import linears, naming, replace
from envdoctor.quant.families import besides_weight
from envdoctor.quant.grid import Device
from envdoctor.quant.statistics import LinearRange, Statistics

__all__ = [
    "SCALINGS",
    "Scaling",
    "chosen_linears",
    "quantize_w8a8",
    "rounded",
    "scaling_of",
    "steps",
    "w8a8_linear",
]


class Scaling(NamedTuple):
    """Which scales and zero points there are: those of activations come with each row, or are static, one for all."""

    static: bool
    by_channel: bool  # of weights: a scale for each row [N]; else one for all
    with_zeros: bool  # of both: ranges need not be symmetric


SCALINGS = {
    "w8a8": Scaling(static=False, by_channel=True, with_zeros=False),
    "smq_q8i8f16_0": Scaling(static=True, by_channel=False, with_zeros=False),
    "smq_q8i8f16_1": Scaling(static=True, by_channel=True, with_zeros=False),
    "smq_q8i8f16_2": Scaling(static=True, by_channel=True, with_zeros=True),
}


def quantize_w8a8(
    model: torch.nn.Module,
    statistics: Optional[Statistics],
    scheme: str,
    skip: Sequence[str] = ("lm_head",),
    device: Device = None,
) -> None:
    """Replace a model's linears by LinearW8A8, in place; with `device` the model goes there.

    Static schemes take their scales from the statistics: after smoothing, from those that smooth returned. `skip` has
    names of what stays as it is, with all within: whole ones, or their last parts. So does what is no linear, such as
    experts in one parameter until unstack_experts has taken them apart. Raises ValueError, with the model as it was.
    """
    chosen, kind = chosen_linears(model, statistics, scheme, skip), scaling_of(scheme)
    for linear, seen in chosen.values():
        replace(model, linear, _made(linear, kind, seen, device))
    if device is not None:
        model.to(device)


def w8a8_linear(
    linear: torch.nn.Linear, scheme: str, seen: Optional[LinearRange] = None, device: Device = None
) -> LinearW8A8:
    """One linear by a scheme of SCALINGS; static ones want the range of its inputs. Raises ValueError."""
    kind = scaling_of(scheme)
    _check(linear, kind, seen)
    return _made(linear, kind, seen, device)


def chosen_linears(
    model: torch.nn.Module, statistics: Optional[Statistics], scheme: str, skip: Sequence[str]
) -> Dict[str, Tuple[torch.nn.Linear, Optional[LinearRange]]]:
    """Those that quantize_w8a8 replaces, with what they have seen. Raises what it raises."""
    chosen, kind = {}, scaling_of(scheme)
    for name, module in linears(model, skip).items():
        if isinstance(module, torch.nn.Linear):
            if module is model:
                raise ValueError(
                    "a linear alone cannot be replaced in place: w8a8_linear makes another one of it"
                )
            seen = None if statistics is None else statistics.get(name)
            with naming(name):
                _check(module, kind, seen)
            chosen[name] = (module, seen)
    return chosen


def _made(linear: torch.nn.Linear, kind: Scaling, seen: Optional[LinearRange], device: Device) -> LinearW8A8:
    values, w_scale, w_zero = rounded(linear.weight.detach().to(device or linear.weight.device), kind)
    x_scale: Optional[Tensor] = None
    x_zero: Optional[Tensor] = None
    if kind.static and seen is not None:
        x_scale, x_zero = steps(seen.min.min(), seen.max.max(), kind.with_zeros)
    return LinearW8A8(pack_w8a8(values, device), w_scale, linear.bias, x_scale, x_zero, w_zero)


def steps(low: Tensor, high: Tensor, with_zeros: bool) -> Tuple[Tensor, Optional[Tensor]]:
    """The scale (float32) and zero point (int32) of ranges; 0 is in each, and has a value of its own.

    So no zero point leaves int8 where all is on one side, and no scale is 0.
    """
    low, high = low.clamp(max=0).float(), high.clamp(min=0).float()
    tiny = torch.finfo(torch.float32).tiny
    if not with_zeros:
        return (torch.maximum(-low, high) / 127).clamp(min=tiny), None
    scale = ((high - low) / 255).clamp(min=tiny)
    return scale, (-(low / scale).round() - 128).clamp(-128, 127).to(torch.int32)


class Rounded(NamedTuple):
    """weight[n, k] = scale[n] * (values[n, k] - zero[n])."""

    values: Tensor  # int8 [N, K]
    scale: Tensor  # float32 [N]
    zero: Optional[Tensor]  # int32 [N]

    def plain(self) -> Tensor:
        """Float32 [N, K]."""
        values = self.values.float()
        return (values if self.zero is None else values - self.zero[:, None]) * self.scale[:, None]


def rounded(weight: Tensor, kind: Scaling) -> Rounded:
    """A weight [N, K], as a scheme rounds it."""
    if weight.dtype == torch.float64:
        weight = weight.float()
    if kind.by_channel and not kind.with_zeros:
        return Rounded(*rounded_int8(weight), None)
    weight = weight.float()
    low, high = torch.aminmax(weight, dim=1) if kind.by_channel else torch.aminmax(weight)
    scale, zero = steps(low.expand(weight.shape[0]), high.expand(weight.shape[0]), kind.with_zeros)
    values = (weight / scale[:, None]).round_()
    if zero is not None:
        values += zero[:, None]
    return Rounded(values.clamp_(-128, 127).to(torch.int8), scale, zero)


def scaling_of(name: str) -> Scaling:
    """That of SCALINGS. Raises ValueError."""
    if name not in SCALINGS:
        raise ValueError(f"scheme must be one of {', '.join(SCALINGS)}, not {name!r}")
    return SCALINGS[name]


def _check(linear: torch.nn.Linear, kind: Scaling, seen: Optional[LinearRange]) -> None:
    more = besides_weight(linear)
    if more:
        raise ValueError(f"it has {more} besides a weight and a bias: name it in skip")
    weight = linear.weight
    if not weight.is_floating_point() or weight.is_meta or not bool(weight.isfinite().all()):
        raise ValueError(f"its weight must be finite floating-point numbers, not {weight.dtype}")
    if not kind.static:
        return
    if seen is None:
        raise ValueError("no statistics of its inputs: calibrate with more of them, or name it in skip")
    if seen.max.shape != weight.shape[1:]:
        raise ValueError(f"statistics of {seen.max.numel()} channels for {weight.shape[1]}")
