"""LLM.int8() as a module."""

import contextlib
from typing import Dict, Optional

import torch
from torch import Tensor

from envdoctor.kernels.calls import FLOAT32, FLOATS, Device, check_packed
from envdoctor.kernels.gemm_w8a8 import PackedW8A8, pack_w8a8
from envdoctor.kernels.kinds import checked, explained
from envdoctor.kernels.layouts import unpack_w8a8
from envdoctor.kernels.llm_int8 import ask_llm_int8, forcing, linear_operator, pack_llm_int8
from envdoctor.kernels.packed_linear import PackedLinear, flat
from envdoctor.kernels.variants import AUTO, Ask, resolve


class LinearLlmInt8(PackedLinear):
    """y = x W^T + bias in the dtype of x, by linear_llm_int8: columns of x with any |x| >= threshold stay 16 bits.

    weight and w_scale are of pack_llm_int8. x is float16 or bfloat16; float32 is computed as float16, so that what is
    beyond its range becomes infinity. threshold 0: all is int8.
    """

    STATE = ("weight", "w_scale", "bias")
    forcing = forcing
    w_scale: Tensor

    @checked
    def __init__(
        self, weight: PackedW8A8, w_scale: Tensor, bias: Optional[Tensor] = None, threshold: float = 6.0
    ) -> None:
        super().__init__()
        check_packed(weight, PackedW8A8, "pack_llm_int8")
        if not threshold >= 0:
            raise ValueError(f"threshold must not be negative or NaN, but it is {threshold}")
        self.in_features, self.out_features, self.threshold = weight.k, weight.n, float(threshold)
        held = {
            "w_scale": flat(w_scale, weight.n, FLOAT32, "w_scale"),
            "bias": flat(bias, weight.n, FLOATS, "bias"),
        }
        tables = {torch.float16: resolve(ask_llm_int8(weight, torch.float16))}
        with contextlib.suppress(NotImplementedError):  # a GPU without it, which a call will say
            tables[torch.bfloat16] = resolve(ask_llm_int8(weight, torch.bfloat16))
        self._hold(tables, packed=weight.data, **held)

    @classmethod
    @explained
    def from_linear(
        cls, linear: torch.nn.Linear, threshold: float = 6.0, device: Device = None
    ) -> "LinearLlmInt8":
        """Rounded to nearest, with a scale for each row of the weight."""
        return cls(*pack_llm_int8(linear.weight, device), linear.bias, threshold)

    @explained
    def forward(self, x: Tensor) -> Tensor:
        """x [..., K] to y [..., N]."""
        return self.product(x, self._buffers["bias"], self.threshold)

    def product(self, x: Tensor, bias: Optional[Tensor], threshold: float) -> Tensor:
        """With another bias, and another threshold."""
        if x.dtype == torch.float32:
            return self.product(x.to(torch.float16), bias, threshold).to(torch.float32)
        held = self._buffers
        weight = (held["packed"], held["w_scale"], self.out_features, self.in_features)
        return linear_operator(x, *weight, threshold, bias, self.variants.get(x.dtype, AUTO))

    def ask(self, dtype: torch.dtype) -> Ask:
        """See PackedLinear."""
        # Sums of rows are not asked about.
        return ask_llm_int8(PackedW8A8(self.packed, self.packed, self.out_features, self.in_features), dtype)

    def weight_values(self) -> Tensor:
        """int8."""
        return unpack_w8a8(self.packed, self.out_features, self.in_features, self.packed.device.type)

    def plain(self) -> Dict[str, Tensor]:
        """`weight` is int8 [N, K]."""
        return {"weight": self.weight_values(), **self._held("w_scale", "bias")}

    def made_of(self, plain: Dict[str, Tensor], device: torch.device) -> "LinearLlmInt8":
        """See PackedLinear."""
        weight = pack_w8a8(plain["weight"], device)
        return LinearLlmInt8(weight, plain["w_scale"], plain.get("bias"), self.threshold)

    def sizes(self) -> Dict[str, float]:
        """With the threshold."""
        return {**super().sizes(), "threshold": self.threshold}

    def example(self, rows: int, dtype: torch.dtype) -> Tensor:
        """See PackedLinear; six columns have outliers, as in a model of 7B parameters."""
        x = super().example(rows, dtype)
        x[:, :: max(self.in_features // 6, 1)] += 2 * self.threshold
        return x
