"""Between two int8 products: dequantise int32, add to the residual, LayerNorm, quantise, in one pass over each row.

Source of the formulas: cpp/layernorm_q/README.md.
"""

import ctypes
import struct
from typing import Tuple

import torch
from torch import Tensor

from envdoctor.kernels.calls import (
    FLOATS,
    INT32,
    TYPES,
    address,
    check,
    check_type,
    function,
    inference_only,
    place,
    rows_of,
    vector,
)
from envdoctor.kernels.forcing import Forcing
from envdoctor.kernels.kinds import explained
from envdoctor.kernels.registry import registry

#: LayernormQ of cpp/layernorm_q/layernorm_q.h: sizes; x; residual; gamma, beta; sum; q; x_scale, eps; types, variant.
_CALL = struct.Struct("@2q Pq Pq 2P Pq Pq 2f 3i0q")

_layernorm_q = function("envdoctor_layernorm_q", ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p)

forcing = Forcing("envdoctor_layernorm_q_variant_name")


@explained
def layernorm_q(
    x: Tensor, input_scale: float, residual: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5
) -> Tuple[Tensor, Tensor]:
    """(total, q): total = residual + x * input_scale, q = rint(clamp(LayerNorm of total)) over the last dimension.

    x int32 and residual float16, bfloat16 or float32, both [..., K]; total is of residual's dtype, q int8. gamma and
    beta [K] are the LayerNorm's weight and bias divided by the scale that q shall have. torch-int calls this
    dq_add_layernorm_q. NaN becomes 0 in q. Raises TypeError and ValueError for what does not fit.
    """
    total, q = _operator(x, input_scale, residual, gamma, beta, eps)
    return total, q


def _real(
    x: Tensor, input_scale: float, residual: Tensor, gamma: Tensor, beta: Tensor, eps: float
) -> Tuple[Tensor, Tensor]:
    _check_operands(x, residual)
    k, device = x.shape[-1], x.get_device()
    if gamma.dtype != beta.dtype and gamma.dtype in FLOATS and beta.dtype in FLOATS:
        gamma, beta = gamma.float(), beta.float()
    weight, bias = vector(gamma, k, FLOATS, device, "gamma"), vector(beta, k, FLOATS, device, "beta")
    total, q = _fake(x, input_scale, residual, gamma, beta, eps)
    x, rows, x_row = rows_of(x, k)
    residual, _, residual_row = rows_of(residual, k)
    inputs = (x.data_ptr(), x_row, residual.data_ptr(), residual_row, address(weight), address(bias))
    outputs = (total.data_ptr(), k, q.data_ptr(), k)
    types = (TYPES[total.dtype], TYPES[gamma.dtype])
    call = _CALL.pack(rows, k, *inputs, *outputs, input_scale, eps, *types, forcing.number)
    check(_layernorm_q(call, *place(x)), "layernorm_q")
    return total, q


def _fake(
    x: Tensor, input_scale: float, residual: Tensor, gamma: Tensor, beta: Tensor, eps: float
) -> Tuple[Tensor, Tensor]:
    return residual.new_empty(x.shape), x.new_empty(x.shape, dtype=torch.int8)


def _check_operands(x: Tensor, residual: Tensor) -> None:
    check_type(x, INT32, "x")
    check_type(residual, FLOATS, "residual")
    inference_only(residual, "residual")
    if residual.device != x.device:
        raise ValueError(f"residual is on {residual.device} and x on {x.device}")
    if x.dim() < 1 or x.shape != residual.shape:
        raise ValueError(f"x {list(x.shape)} and residual {list(residual.shape)} must both be [..., K]")


_operator = registry.operator(
    "layernorm_q(Tensor x, float input_scale, Tensor residual, Tensor gamma, Tensor beta, float eps)"
    " -> (Tensor, Tensor)",
    _real,
    _fake,
)
