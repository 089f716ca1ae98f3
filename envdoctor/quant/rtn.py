"""Weights rounded to nearest: what is there without calibration, and what others must beat."""

import torch
from torch import Tensor

from envdoctor.kernels.grid import rounded
from envdoctor.quant.grid import Device, Fit, Grid, QuantizedWeight, fit, usable


def rtn(weight: Tensor, grid: Grid, device: Device = None, fit: Fit = fit) -> QuantizedWeight:
    """The weight [N, K] of a linear, each value at the nearest of its grid's."""
    weight = usable(weight, device)
    codes, scales, zeros, group = rounded(weight, grid, fit)
    groups = torch.arange(weight.shape[1], dtype=torch.int32, device=weight.device) // group
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
