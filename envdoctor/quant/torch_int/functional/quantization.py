"""Symmetric int8 of tensors, rows and tokens. Scales have the type of what they scale; nothing is changed in place.

Levels are of a division in float32 by the scale as it is returned, so they mean what the scale says.
"""

from typing import Tuple

import torch
from torch import Tensor


@torch.no_grad()  # type: ignore[untyped-decorator]
def quantize_per_tensor_absmax(t: Tensor) -> Tuple[Tensor, Tensor]:
    """int8 and one scale, max |t| / 127."""
    scale = t.abs().max() / 127
    return _levels(t, scale).to(torch.int8), scale


@torch.no_grad()  # type: ignore[untyped-decorator]
def quantize_weight_per_channel_absmax(w: Tensor) -> Tuple[Tensor, Tensor]:
    """int8 [out, in] and a scale for each row, [out, 1]."""
    scales = w.abs().amax(1, keepdim=True) / 127
    return _levels(w, scales).to(torch.int8), scales


@torch.no_grad()  # type: ignore[untyped-decorator]
def dynamic_quantize_activation_per_tensor_zeropoint(t: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    """int8, scale and zp, with t about int8 * scale + zp: zp is a number of whole steps, in units of t."""
    top, bottom = t.max().float(), t.min().float()
    step, middle = (top - bottom) / 254, (top + bottom) / 2
    zp = torch.where(step > 0, (middle / _not_zero(step)).round() * step, middle).to(t.dtype)
    scale = _scale((top - bottom) / 2, t.dtype)
    return _levels(t.float() - zp.float(), scale).to(torch.int8), scale, zp


@torch.no_grad()  # type: ignore[untyped-decorator]
def dynamic_quantize_activation_per_tensor_absmax(t: Tensor) -> Tuple[Tensor, Tensor]:
    """int8 and one scale, max |t| / 127, of at least 1e-8 / 127."""
    scale = _scale(t.abs().max(), t.dtype)
    return _levels(t, scale).to(torch.int8), scale


@torch.no_grad()  # type: ignore[untyped-decorator]
def dynamic_quantize_activation_per_token_absmax(t: Tensor) -> Tuple[Tensor, Tensor]:
    """int8 [..., K] and a scale for each token, [..., 1]."""
    scale = _scale(t.abs().amax(-1, keepdim=True), t.dtype)
    return _levels(t, scale).to(torch.int8), scale


@torch.no_grad()  # type: ignore[untyped-decorator]
def fake_quantize_activation_per_tensor_absmax(t: Tensor) -> Tensor:
    """t as int8 with one scale would give it back."""
    scale = _scale(t.abs().max(), t.dtype)
    return (_levels(t, scale) * scale.float()).to(t.dtype)


@torch.no_grad()  # type: ignore[untyped-decorator]
def fake_quantize_activation_per_token_absmax(t: Tensor) -> Tensor:
    """t as int8 with a scale for each token would give it back."""
    scale = _scale(t.abs().amax(-1, keepdim=True), t.dtype)
    return (_levels(t, scale) * scale.float()).to(t.dtype)


@torch.no_grad()  # type: ignore[untyped-decorator]
def dequantize_activation_w_per_channel_a_per_token(
    q_act: Tensor, w_scales: Tensor, a_scales: Tensor
) -> Tensor:
    """Sums [B, dim] of products times w_scales, dim values, and a_scales, B values, in the type of a_scales."""
    values = q_act.to(torch.float32) * w_scales.reshape(1, -1) * a_scales.reshape(-1, 1)
    return values.to(a_scales.dtype)


@torch.no_grad()  # type: ignore[untyped-decorator]
def dequantize_activation_w_per_channel_a_per_tensor(
    q_act: Tensor, w_scales: Tensor, a_scales: Tensor
) -> Tensor:
    """Sums [..., dim] of products times w_scales, dim values, and a_scales, one value, in the type of a_scales."""
    values = q_act.to(torch.float32) * w_scales.reshape(1, -1) * a_scales
    return values.to(a_scales.dtype)


def _scale(largest: Tensor, dtype: torch.dtype) -> Tensor:
    return (largest.float().clamp(min=1e-8) / 127).to(dtype)


def _levels(t: Tensor, scale: Tensor) -> Tensor:
    """float32, -128 to 127. A scale of 0 is of zeros, or of what rounds to them."""
    return (t.float() / _not_zero(scale.float())).round().clamp(-128, 127)


def _not_zero(scale: Tensor) -> Tensor:
    return torch.where(scale > 0, scale, torch.ones_like(scale))
