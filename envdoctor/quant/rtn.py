"""Weights rounded to nearest: what is there without calibration, and what others must beat."""

from typing import Callable, Tuple

import torch
from torch import Tensor

from envdoctor.quant.grid import Device, Grid, QuantizedWeight, fit, in_groups, usable

#: From groups [..., values] and a grid to scales and zero points [...].
Fit = Callable[[Tensor, Grid], Tuple[Tensor, Tensor]]


def rtn(weight: Tensor, grid: Grid, device: Device = None, fit: Fit = fit) -> QuantizedWeight:
    """The weight [N, K] of a linear, each value at the nearest of its grid's."""
    weight = usable(weight, device)
    channels, group = weight.shape[1], grid.group_of(weight.shape[1])
    parts = in_groups(weight, group)
    scales, zeros = fit(parts, grid)
    codes = grid.codes(parts, scales[..., None], zeros[..., None]).flatten(1)[:, :channels]
    groups = torch.arange(channels, dtype=torch.int32, device=weight.device) // group
    return quantized(codes, zeros, scales, groups, grid)


def quantized(codes: Tensor, zeros: Tensor, scales: Tensor, g_idx: Tensor, grid: Grid) -> QuantizedWeight:
    """From float32 [N, K] and [N, groups] to what is kept."""
    return QuantizedWeight(
        codes.t().to(torch.uint8).contiguous(),
        zeros.t().to(torch.uint8).contiguous(),
        scales.t().to(grid.scales_are).contiguous(),
        g_idx.to(torch.int32),
        grid.bits,
        grid.group,
    )
