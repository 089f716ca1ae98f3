"""What linears share whose activations become int8."""

from typing import Optional, Union

import torch
from torch import Tensor

from envdoctor.kernels.calls import FLOAT32, INT32, TYPES
from envdoctor.kernels.gemm_w4a8 import PackedW4A8
from envdoctor.kernels.gemm_w8a8 import PackedW8A8
from envdoctor.kernels.packed_linear import PackedLinear, flat
from envdoctor.kernels.variants import Ask, resolve


class Int8Linear(PackedLinear):
    """One whose activations become int8: each row with a scale of its own, or, with x_scale, all with that one."""

    packed: Tensor
    sums: Tensor
    x_scale: Optional[Tensor]
    x_zero: Optional[Tensor]
    #: Of quantize_rows, for what comes without x_scale.
    levels: float = 127.0

    def _hold_int8(
        self,
        ask: Ask,
        weight: Union[PackedW8A8, PackedW4A8],
        w_scale: Optional[Tensor],
        bias: Optional[Tensor],
        x_scale: Optional[Tensor],
        x_zero: Optional[Tensor],
        **more: Optional[Tensor],
    ) -> None:
        if x_zero is not None and x_scale is None:
            raise ValueError("x_zero goes with x_scale")
        self.in_features, self.out_features = weight.k, weight.n
        self._hold(
            dict.fromkeys((torch.float16, torch.bfloat16, torch.float32), resolve(ask)),
            packed=weight.data,
            sums=weight.sums,
            w_scale=flat(w_scale, weight.n, FLOAT32, "w_scale"),
            bias=flat(bias, weight.n, tuple(TYPES), "bias"),
            x_scale=flat(x_scale, 1, FLOAT32, "x_scale"),
            x_zero=flat(x_zero, 1, INT32, "x_zero"),
            **more,
        )
