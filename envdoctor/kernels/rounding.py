"""Weights [N, K] of a linear rounded to the nearest integers: what is there without calibration."""

from typing import Tuple

import torch
from torch import Tensor

from envdoctor.kernels.gptq import GptqValues
from envdoctor.kernels.grid import Grid, finite, rounded
from envdoctor.kernels.quantize import quantize_rows


def rounded_int8(weight: Tensor) -> Tuple[Tensor, Tensor]:
    """Values -127 to 127 and a scale for each row, float32 [N]."""
    made = quantize_rows(finite(weight))
    return made.values, made.scale


def rounded_int4(weight: Tensor, group: int = 0) -> Tuple[Tensor, Tensor]:
    """Values -7 to 7, int8 [N, K], and float32 scales: [N], or [N, groups] for groups of so many values along K."""
    grid = Grid(4, group or -1, numerics="absmax", scale_dtype=torch.float32)
    made = rounded(finite(weight), grid)
    return (made.codes - grid.middle).to(torch.int8), made.scales if group else made.scales[:, 0]


def rounded_codes(weight: Tensor, group: int) -> Tuple[GptqValues, Tensor]:
    """Codes of 4 bits with a scale and a zero point for each group (-1: of all K), and the group of each channel.

    0 is a code of its own, so that it stays 0. Scales have the weight's type if that has 16 bits, else float16.
    """
    dtype = torch.bfloat16 if weight.dtype == torch.bfloat16 else torch.float16
    made = rounded(finite(weight), Grid(4, group, symmetric=False, scale_dtype=dtype))
    codes, zeros = (each.t().to(torch.uint8).contiguous() for each in (made.codes, made.zeros))
    values = GptqValues(codes, zeros, made.scales.t().to(dtype).contiguous())
    return values, torch.arange(weight.shape[1], device="cpu") // made.group
