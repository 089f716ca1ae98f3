"""Int8 activations times int4 weights as a module."""

from typing import Dict, Optional

import torch
from torch import Tensor

from envdoctor.kernels.calls import Device, check_packed
from envdoctor.kernels.gemm_w4a8 import (
    PackedW4A8,
    ask_w4a8,
    forcing,
    int4_pairs,
    int4_values,
    of_floats_operator,
    pack_w4a8,
)
from envdoctor.kernels.int8_activations import Int8Linear
from envdoctor.kernels.kinds import checked, explained
from envdoctor.kernels.layouts import unpack_w4a8
from envdoctor.kernels.quantize import ROWS
from envdoctor.kernels.rounding import rounded_int4
from envdoctor.kernels.variants import AUTO, Ask


class LinearW4A8(Int8Linear):
    """LinearW8A8 with int4 weights of pack_w4a8, which have one scale for each column (w_scale), or groups, or both.

    With groups activations have no zero point. Where K is odd a call copies x. `levels` is
    that of quantize_rows: 127.5 as torchao has it.
    """

    STATE = ("weight", "w_scale", "group_scale", "group_zero", "bias", "x_scale", "x_zero")
    forcing = forcing
    w_scale: Optional[Tensor]
    group_scale: Optional[Tensor]
    group_zero: Optional[Tensor]

    @checked
    def __init__(
        self,
        weight: PackedW4A8,
        w_scale: Optional[Tensor] = None,
        bias: Optional[Tensor] = None,
        x_scale: Optional[Tensor] = None,
        x_zero: Optional[Tensor] = None,
        levels: float = 127,
    ) -> None:
        super().__init__()
        if levels not in ROWS:
            raise ValueError(f"levels must be 127 or 127.5, not {levels}")
        self.levels = float(levels)
        check_packed(weight, PackedW4A8, "pack_w4a8")
        if weight.group and x_zero is not None:
            raise ValueError("with groups activations have no zero point")
        self.group = weight.group
        groups = {"group_scale": weight.group_scale, "group_zero": weight.group_zero}
        self._hold_int8(ask_w4a8(weight), weight, w_scale, bias, x_scale, x_zero, **groups)

    @classmethod
    @explained
    def from_linear(
        cls,
        linear: torch.nn.Linear,
        group: int = 0,
        device: Device = None,
        x_scale: Optional[Tensor] = None,
        x_zero: Optional[Tensor] = None,
    ) -> "LinearW4A8":
        """Rounded to nearest, with a scale for each row of the weight, or for each group of so many values of it."""
        values, scale = rounded_int4(linear.weight, group)
        weight = pack_w4a8(int4_pairs(values), device, group, scale if group else None, k=values.shape[1])
        return cls(weight, None if group else scale, linear.bias, x_scale, x_zero)

    @explained
    def forward(self, x: Tensor) -> Tensor:
        """x [..., K] to y [..., N]."""
        held = self._buffers
        groups = (self.group, held["group_scale"], held["group_zero"])
        weight = (held["packed"], self.out_features, self.in_features, held["sums"], *groups)
        scales = (held["x_scale"], held["x_zero"], held["w_scale"])
        table = self.variants.get(x.dtype, AUTO)
        return of_floats_operator(x, *weight, self.levels, *scales, held["bias"], table)

    def ask(self, dtype: torch.dtype) -> Ask:
        """See PackedLinear."""
        groups = (self.group, self.group_scale, self.group_zero)
        return ask_w4a8(PackedW4A8(self.packed, self.out_features, self.in_features, self.sums, *groups))

    def weight_values(self) -> Tensor:
        """-8 to 7, int8."""
        return int4_values(self._pairs())[:, : self.in_features]

    def _pairs(self) -> Tensor:
        sizes = (self.out_features, self.in_features + self.in_features % 2)
        return unpack_w4a8(self.packed, *sizes, self.packed.device.type)

    def plain(self) -> Dict[str, Tensor]:
        """`weight` is int4_pairs [N, ceil(K / 2)], group_* are [N, groups]."""
        groups = self._held("group_scale", "group_zero")
        return {
            "weight": self._pairs(),
            **{name: each[:, : self.out_features].t().contiguous() for name, each in groups.items()},
            **self._held("w_scale", "bias", "x_scale", "x_zero"),
        }

    def made_of(self, plain: Dict[str, Tensor], device: torch.device) -> "LinearW4A8":
        """See PackedLinear."""
        groups = (plain.get("group_scale"), plain.get("group_zero"))
        k = plain["weight"].shape[-1:].numel() * 2 - self.in_features % 2
        weight = pack_w4a8(plain["weight"], device, self.group, *groups, k=k)
        rest = ("w_scale", "bias", "x_scale", "x_zero")
        return LinearW4A8(weight, levels=self.levels, **{name: plain[name] for name in rest if name in plain})

    def sizes(self) -> Dict[str, float]:
        """With the group (0: none), and what levels activations have."""
        return {**super().sizes(), "group": self.group, "levels": self.levels}
