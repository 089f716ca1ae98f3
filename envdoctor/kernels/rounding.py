"""Weights [N, K] of a linear rounded to the nearest integers: what is there without calibration."""

from typing import Tuple

import torch
from torch import Tensor

from envdoctor.kernels.gptq import GptqValues
from envdoctor.kernels.quantize import quantize_rows


def rounded_int8(weight: Tensor) -> Tuple[Tensor, Tensor]:
    """Values -127 to 127 and a scale for each row, float32 [N]."""
    made = quantize_rows(_finite(weight))
    return made.values, made.scale


def rounded_int4(weight: Tensor, group: int = 0) -> Tuple[Tensor, Tensor]:
    """Values -7 to 7, int8 [N, K], and float32 scales: [N], or [N, groups] for groups of so many values along K."""
    parts = _in_groups(weight, group or -1)
    scale = parts.abs().amax(-1) / 7
    values = (parts / _not_zero(scale)[..., None]).round().to(torch.int8)
    return values.flatten(1)[:, : weight.shape[1]], scale if group else scale[:, 0]


def rounded_codes(weight: Tensor, group: int) -> Tuple[GptqValues, Tensor]:
    """Codes of 4 bits with a scale and a zero point for each group (-1: of all K), and the group of each channel.

    0 is a code of its own, so that it stays 0. Scales have the weight's type if that has 16 bits, else float16.
    """
    parts = _in_groups(weight, group)
    low, high = parts.amin(-1).clamp(max=0), parts.amax(-1).clamp(min=0)
    dtype = torch.bfloat16 if weight.dtype == torch.bfloat16 else torch.float16
    scales = ((high - low) / 15).to(dtype)
    by = _not_zero(scales.float())
    zeros = (-low / by).round().clamp(0, 15)
    codes = ((parts / by[..., None]).round() + zeros[..., None]).clamp(0, 15).flatten(1)
    channels = weight.shape[1]
    values = GptqValues(
        codes[:, :channels].t().to(torch.uint8).contiguous(),
        zeros.t().to(torch.uint8).contiguous(),
        scales.t().contiguous(),
    )
    return values, torch.arange(channels) // parts.shape[2]


def _in_groups(weight: Tensor, group: int) -> Tensor:
    """Float32 [N, groups, group], the last group filled up with zeros; group -1: all of a row."""
    if group < 1 and group != -1:
        raise ValueError(f"group must be how many values of a row have a scale, or -1 for all, not {group}")
    wide = _finite(weight).float()
    group = max(wide.shape[1], 1) if group == -1 else group
    return torch.nn.functional.pad(wide, (0, -wide.shape[1] % group)).unflatten(1, (-1, group))


def _finite(weight: Tensor) -> Tensor:
    weight = weight.detach()
    if not bool(weight.isfinite().all()):
        raise ValueError("weight must not have infinity or NaN in it")
    return weight


def _not_zero(scale: Tensor) -> Tensor:
    return torch.where(scale > 0, scale, torch.ones_like(scale))
