"""The values that weights are rounded to: bits, groups, scales and zero points; and the weight that comes out."""

from dataclasses import dataclass
from typing import NamedTuple, Optional, Tuple, Union

import torch
from torch import Tensor

from envdoctor.kernels.gemm_w4a8 import int4_pairs, pack_w4a8
from envdoctor.kernels.gemm_w4a16 import pack_values
from envdoctor.kernels.gptq import BITS, GptqTensors, GptqValues, gptq_pack
from envdoctor.kernels.w4a8_linear import LinearW4A8
from envdoctor.kernels.w4a16_linear import LinearW4A16

Device = Union[torch.device, str, None]

#: What the largest magnitude of a symmetric group is divided by: half of all steps, or what is left of them without the
#: lowest. With half of them a largest value that is positive is clipped by half a step.
_HALF, _ALL = "gptq", "absmax"
#: Half of them as well (7.5 and 127.5), with what `int8adq-int4w-symm` has besides: float32 scales, not below its
#: epsilon, and a product with their reciprocal.
_TORCHAO = "torchao"


@dataclass(frozen=True)
class Grid:
    """Which values a weight can take: weight = scale * (code - zero), 0 <= code < 2^bits.

    A scale and a zero point are those of `group` values of a row, or of all of them (-1). `scale_dtype` None: float16;
    of numerics "torchao" float32.
    """

    bits: int = 4
    group: int = -1
    symmetric: bool = True
    numerics: str = _HALF
    scale_dtype: Optional[torch.dtype] = None

    def __post_init__(self) -> None:
        if self.bits not in BITS:
            raise ValueError(f"bits must be 2, 3, 4 or 8, not {self.bits}")
        if self.group != -1 and self.group < 1:
            raise ValueError(f"group must be positive, or -1 for a whole row, not {self.group}")
        if self.numerics not in (_HALF, _ALL, _TORCHAO):
            raise ValueError(f"numerics must be {_HALF}, {_ALL} or {_TORCHAO}, not {self.numerics!r}")
        if self.numerics != _HALF and not self.symmetric:
            raise ValueError(f"numerics {self.numerics!r} are symmetric")
        if self.numerics == _TORCHAO and (self.bits not in (4, 8) or self.scales_are != torch.float32):
            raise ValueError(f"numerics {_TORCHAO!r} have 4 or 8 bits and scales of float32")

    @property
    def scales_are(self) -> torch.dtype:
        """Their type."""
        return self.scale_dtype or (torch.float32 if self.numerics == _TORCHAO else torch.float16)

    @property
    def highest(self) -> int:
        """The highest code."""
        return (1 << self.bits) - 1

    @property
    def middle(self) -> int:
        """The zero point of a symmetric group."""
        return 1 << (self.bits - 1)

    def group_of(self, k: int) -> int:
        """How many of k channels a group has."""
        return max(k, 1) if self.group == -1 else self.group

    def codes(self, values: Tensor, scales: Tensor, zeros: Tensor) -> Tensor:
        """The nearest codes, float32; scales and zero points are broadcast."""
        steps = values * scales.reciprocal() if self.numerics == _TORCHAO else values / scales
        return (steps.round() + zeros).clamp(0, self.highest)


def fit(parts: Tensor, grid: Grid, shrink: float = 1.0) -> Tuple[Tensor, Tensor]:
    """The scale and the zero point of each group [..., values], float32 [...], for its range times `shrink`.

    Scales are rounded as they will be stored, so that codes are the nearest for what a reader multiplies with. 0 is a
    value of every grid: what is pruned stays so, and so does a group of zeros, the scale of which is 1.
    """
    low, high = parts.amin(-1).clamp(max=0) * shrink, parts.amax(-1).clamp(min=0) * shrink
    if not grid.symmetric:
        scales = _stored((high - low) / grid.highest, grid)
        return scales, (-low / scales).round().clamp(0, grid.highest)
    most = torch.maximum(-low, high)
    scales = most / (grid.middle - 1 if grid.numerics == _ALL else grid.highest / 2)
    if grid.numerics == _TORCHAO:
        scales = scales.clamp(min=torch.finfo(torch.float32).eps)
    return _stored(scales, grid), torch.full_like(most, grid.middle)


def _stored(scales: Tensor, grid: Grid) -> Tensor:
    scales = scales.to(grid.scales_are).float()
    if not bool(scales.isfinite().all()):
        raise ValueError(f"weights are too large for scales of {grid.scales_are}: name another scale_dtype")
    return torch.where(scales > 0, scales, torch.ones_like(scales))


def in_groups(weight: Tensor, group: int) -> Tensor:
    """[N, K] as [N, groups, group], the last one filled up with zeros."""
    return torch.nn.functional.pad(weight, (0, -weight.shape[1] % group)).unflatten(1, (-1, group))


def usable(weight: Tensor, device: Device) -> Tensor:
    """The weight of a linear as float32 of its own, on a device. Raises ValueError."""
    if weight.dim() != 2 or not weight.numel():
        raise ValueError(f"weight must be [N, K], not {list(weight.shape)}")
    weight = weight.detach().to(device or weight.device, torch.float32, copy=True)
    if not bool(weight.isfinite().all()):
        raise ValueError("weight must not have infinity or NaN in it")
    return weight


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
    ) -> LinearW4A8:
        """The module that multiplies with it and rounds activations to int8. Raises ValueError for what has no such.

        That is 8 bits, channels out of the order of their groups (act-order without static groups), groups that are no
        multiple of 32, and zero points without groups of that kind.
        """
        k = self.codes.shape[0]
        group = k if self.group == -1 else self.group
        if self.bits == 8 or k % 2:
            raise ValueError(f"w4a8 has weights of up to 4 bits, in pairs: not {self.bits} bits and K = {k}")
        if not torch.equal(self.g_idx.cpu().long(), torch.arange(k) // group):
            raise ValueError("w4a8 has no act-order: quantise with static groups, or without it")
        middle = 2 ** (self.bits - 1)
        pairs = int4_pairs((self.codes.t().short() - middle).to(torch.int8))
        symmetric = bool((self.zeros == middle).all())
        if symmetric and self.scales.shape[0] == 1:
            weight = pack_w4a8(pairs, device or self.codes.device)
            return LinearW4A8(weight, self.scales[0].float(), bias, x_scale, x_zero)
        if group % 32:
            raise ValueError(f"w4a8 has groups of multiples of 32, not {group}")
        zeros = None if symmetric else (self.zeros.t().short() - middle).to(torch.int8)
        weight = pack_w4a8(pairs, device or self.codes.device, group, self.scales.t().float(), zeros)
        return LinearW4A8(weight, None, bias, x_scale, x_zero)
