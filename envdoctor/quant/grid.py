"""The values that weights are rounded to (envdoctor.kernels.grid), and the weight that comes out."""

from typing import NamedTuple, Optional

import torch
from torch import Tensor

from envdoctor.kernels.calls import Device
from envdoctor.kernels.gemm_w4a8 import int4_pairs, pack_w4a8
from envdoctor.kernels.gemm_w4a16 import pack_values
from envdoctor.kernels.gptq import GptqTensors, GptqValues, gptq_pack
from envdoctor.kernels.grid import Fit, Grid, finite, fit, in_groups
from envdoctor.kernels.w4a8_linear import LinearW4A8
from envdoctor.kernels.w4a16_linear import LinearW4A16

__all__ = ["Device", "Fit", "Grid", "QuantizedWeight", "fit", "in_groups", "usable"]


def usable(weight: Tensor, device: Device) -> Tensor:
    """The weight of a linear as float32 of its own, on a device. Raises ValueError."""
    if weight.dim() != 2 or not weight.numel():
        raise ValueError(f"weight must be [N, K], not {list(weight.shape)}")
    return finite(weight.detach().to(device or weight.device, torch.float32, copy=True))


class QuantizedWeight(NamedTuple):
    """weight[n, k] = scales[g, n] * (codes[k, n] - zeros[g, n]), where g is g_idx[k]."""

    codes: Tensor  # uint8 [K, N]
    zeros: Tensor  # uint8 [groups, N]
    scales: Tensor  # [groups, N]
    g_idx: Tensor  # int32 [K]
    bits: int
    group: int  # -1: all of K

    def dequantized(self) -> Tensor:
        """Float32 [N, K]."""
        of = self.g_idx.long()
        return ((self.codes.float() - self.zeros.float()[of]) * self.scales.float()[of]).t().contiguous()

    def tensors(self, v2: bool = True) -> GptqTensors:
        """As a GPTQ checkpoint stores them; ValueError where format v1 has no place for a zero point of 0."""
        return gptq_pack(self.codes, self.zeros, self.scales, self.g_idx, self.bits, v2)

    def linear_w4a16(self, bias: Optional[Tensor] = None, device: Device = None) -> LinearW4A16:
        """The module that multiplies with it; scales must be of 16 bits."""
        values = GptqValues(self.codes, self.zeros, self.scales)
        target = torch.device(device or self.codes.device)
        return LinearW4A16(pack_values(values, self.g_idx.cpu().long(), self.bits, target), bias)

    def linear_w4a8(
        self,
        bias: Optional[Tensor] = None,
        device: Device = None,
        x_scale: Optional[Tensor] = None,
        x_zero: Optional[Tensor] = None,
        levels: float = 127,
    ) -> LinearW4A8:
        """The module that multiplies with it and rounds activations to int8. Raises ValueError for what has no such.

        That is 8 bits, channels out of the order of their groups (act-order without static groups), groups that are no
        multiple of 32, and zero points without groups of that kind.
        """
        k = self.codes.shape[0]
        group = k if self.group == -1 else self.group
        if self.bits == 8:
            raise ValueError("w4a8 has weights of up to 4 bits, not 8 bits")
        if not torch.equal(self.g_idx.cpu().long(), torch.arange(k, device="cpu") // group):
            raise ValueError("w4a8 has no act-order: quantise with static groups, or without it")
        middle = 2 ** (self.bits - 1)
        pairs = int4_pairs((self.codes.t().short() - middle).to(torch.int8))
        symmetric = bool((self.zeros == middle).all())
        if symmetric and self.scales.shape[0] == 1:
            weight = pack_w4a8(pairs, device or self.codes.device, k=k)
            return LinearW4A8(weight, self.scales[0].float(), bias, x_scale, x_zero, levels)
        if group % 32:
            raise ValueError(f"w4a8 has groups of multiples of 32, not {group}")
        zeros = None if symmetric else (self.zeros.t().short() - middle).to(torch.int8)
        weight = pack_w4a8(pairs, device or self.codes.device, group, self.scales.t().float(), zeros, k)
        return LinearW4A8(weight, None, bias, x_scale, x_zero, levels)
