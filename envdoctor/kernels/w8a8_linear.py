"""Int8 activations times int8 weights as a module."""

from typing import Dict, Optional

import torch
from torch import Tensor

from envdoctor.kernels.calls import INT32, Device, check_packed
from envdoctor.kernels.gemm_w8a8 import PackedW8A8, ask_w8a8, forcing, of_floats_operator, pack_w8a8
from envdoctor.kernels.int8_activations import Int8Linear
from envdoctor.kernels.kinds import checked, explained
from envdoctor.kernels.layouts import unpack_w8a8
from envdoctor.kernels.packed_linear import flat
from envdoctor.kernels.rounding import rounded_int8
from envdoctor.kernels.variants import AUTO, Ask


class LinearW8A8(Int8Linear):
    """y = x W^T + bias in the dtype of x (float16, bfloat16 or float32), by linear_w8a8.

    weight is of pack_w8a8, w_scale float32 [N]. Without x_scale each row of x gets a scale of its own when it comes;
    with x_scale, float32 [1], all rows have that one and the zero point x_zero, int32 [1]. w_zero has the zero points
    of the weight, int32 [N]; with it a call also adds up each row of x.
    """

    STATE = ("weight", "w_scale", "bias", "x_scale", "x_zero", "w_zero")
    forcing = forcing
    w_scale: Tensor
    w_zero: Optional[Tensor]

    @checked
    def __init__(
        self,
        weight: PackedW8A8,
        w_scale: Tensor,
        bias: Optional[Tensor] = None,
        x_scale: Optional[Tensor] = None,
        x_zero: Optional[Tensor] = None,
        w_zero: Optional[Tensor] = None,
    ) -> None:
        super().__init__()
        check_packed(weight, PackedW8A8, "pack_w8a8")
        w_zero = flat(w_zero, weight.n, INT32, "w_zero")
        self._hold_int8(ask_w8a8(weight), weight, w_scale, bias, x_scale, x_zero, w_zero=w_zero)

    @classmethod
    @explained
    def from_linear(
        cls,
        linear: torch.nn.Linear,
        device: Device = None,
        x_scale: Optional[Tensor] = None,
        x_zero: Optional[Tensor] = None,
    ) -> "LinearW8A8":
        """Rounded to nearest, with a scale for each row of the weight."""
        values, scale = rounded_int8(linear.weight)
        return cls(pack_w8a8(values, device), scale, linear.bias, x_scale, x_zero)

    @explained
    def forward(self, x: Tensor) -> Tensor:
        """x [..., K] to y [..., N]."""
        held = self._buffers  # itself: each name of a module that is a buffer's costs a microsecond
        weight = (held["packed"], held["sums"], self.out_features, self.in_features)
        scales = (held["x_scale"], held["x_zero"], held["w_scale"], held["w_zero"])
        table = self.variants.get(x.dtype, AUTO)
        return of_floats_operator(x, *weight, self.levels, *scales, held["bias"], table)

    def ask(self, dtype: torch.dtype) -> Ask:
        """See PackedLinear."""
        return ask_w8a8(PackedW8A8(self.packed, self.sums, self.out_features, self.in_features))

    def weight_values(self) -> Tensor:
        """int8."""
        return unpack_w8a8(self.packed, self.out_features, self.in_features, self.packed.device.type)

    def plain(self) -> Dict[str, Tensor]:
        """`weight` is int8 [N, K]."""
        return {"weight": self.weight_values(), **self._held(*self.STATE[1:])}

    def made_of(self, plain: Dict[str, Tensor], device: torch.device) -> "LinearW8A8":
        """See PackedLinear."""
        rest = {name: plain[name] for name in plain if name != "weight"}
        return LinearW8A8(pack_w8a8(plain["weight"], device), **rest)
