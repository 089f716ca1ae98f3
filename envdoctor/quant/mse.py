"""Weights rounded to nearest in a range that is clipped where that makes the error smaller."""

from functools import partial
from typing import Tuple

import torch
from torch import Tensor

from envdoctor.quant.grid import Device, Grid, QuantizedWeight, fit
from envdoctor.quant.rtn import rtn

#: How far the range is shrunk, in hundredths.
STEPS = 80


def fit_mse(parts: Tensor, grid: Grid, power: float = 2.0) -> Tuple[Tensor, Tensor]:
    """As fit, for that of 80 ranges of each group whose sum of |error|^power is least. AutoGPTQ's power is 2.4.

    The whole range is the first of them, so that no group is worse than with fit.
    """
    best = torch.full(parts.shape[:-1], float("inf"), device=parts.device)
    scales, zeros = torch.ones_like(best), torch.zeros_like(best)
    for step in range(STEPS):
        trial = fit(parts, grid, 1 - step / 100)
        scale, zero = (each[..., None] for each in trial)
        error = ((grid.codes(parts, scale, zero) - zero) * scale - parts).abs_().pow_(power).sum(-1)
        better = error < best
        best = torch.where(better, error, best)
        scales, zeros = torch.where(better, trial[0], scales), torch.where(better, trial[1], zeros)
    return scales, zeros


def mse(weight: Tensor, grid: Grid, device: Device = None, power: float = 2.0) -> QuantizedWeight:
    """The weight [N, K] of a linear, with the clipping of fit_mse."""
    return rtn(weight, grid, device, partial(fit_mse, power=power))
