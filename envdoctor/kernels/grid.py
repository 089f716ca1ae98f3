"""The values that weights are rounded to: bits, groups, scales and zero points; and what is nearest of them."""

from dataclasses import dataclass
from typing import Callable, NamedTuple, Optional, Tuple

import torch
from torch import Tensor

from envdoctor.kernels.gptq import BITS

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


#: From groups [..., values] and a grid to scales and zero points [...].
Fit = Callable[[Tensor, Grid], Tuple[Tensor, Tensor]]


class Rounded(NamedTuple):
    """weight[n, k] is nearest to scales[n, g] * (codes[n, k] - zeros[n, g]), where g is k // group; all float32."""

    codes: Tensor  # [N, K]
    scales: Tensor  # [N, groups]
    zeros: Tensor  # [N, groups]
    group: int


def rounded(weight: Tensor, grid: Grid, fit: Fit = fit) -> Rounded:
    """The weight [N, K] of a linear, each value at the nearest of its grid's."""
    channels, group = weight.shape[1], grid.group_of(weight.shape[1])
    parts = in_groups(weight.float(), group)
    scales, zeros = fit(parts, grid)
    codes = grid.codes(parts, scales[..., None], zeros[..., None]).flatten(1)[:, :channels]
    return Rounded(codes, scales, zeros, group)


def finite(weight: Tensor) -> Tensor:
    """The weight without its gradient. Raises ValueError for infinity and NaN."""
    weight = weight.detach()
    if not bool(weight.isfinite().all()):
        raise ValueError("weight must not have infinity or NaN in it")
    return weight
