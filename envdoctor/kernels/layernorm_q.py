"""Between two int8 products: dequantise int32, add to the residual, LayerNorm, quantise, in one pass over each row.

Source of the formulas: cpp/layernorm_q/README.md.
"""

import ctypes
import math
from typing import Tuple

import torch
from torch import Tensor

from envdoctor.kernels.calls import TYPES, address, check, function, place, registry, rows_adjacent
from envdoctor.kernels.forcing import Forcing


class _Call(ctypes.Structure):
    """LayernormQ of cpp/layernorm_q/layernorm_q.h."""

    _fields_ = (
        *(("rows", ctypes.c_int64), ("k", ctypes.c_int64), ("x", ctypes.c_void_p), ("x_row", ctypes.c_int64)),
        *(("residual", ctypes.c_void_p), ("residual_row", ctypes.c_int64)),
        *(("gamma", ctypes.c_void_p), ("beta", ctypes.c_void_p)),
        *(("sum", ctypes.c_void_p), ("sum_row", ctypes.c_int64)),
        *(("q", ctypes.c_void_p), ("q_row", ctypes.c_int64)),
        *(("x_scale", ctypes.c_float), ("eps", ctypes.c_float)),
        *((name, ctypes.c_int32) for name in ("type", "parameters_type", "variant")),
    )


_layernorm_q = function(
    "envdoctor_layernorm_q", ctypes.c_int, ctypes.POINTER(_Call), ctypes.c_int, ctypes.c_void_p
)

forcing = Forcing("envdoctor_layernorm_q_variant_name")

_FLOATS = (torch.float16, torch.bfloat16, torch.float32)


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
    _check_operands(x, residual, gamma, beta)
    if gamma.dtype != beta.dtype:
        gamma, beta = gamma.float(), beta.float()
    total, q = _fake(x, input_scale, residual, gamma, beta, eps)
    rows, k = math.prod(x.shape[:-1]), x.shape[-1]
    x, residual = rows_adjacent(x.reshape(rows, k)), rows_adjacent(residual.reshape(rows, k))
    gamma, beta = gamma.contiguous(), beta.contiguous()
    call = _Call(rows, k, address(x), x.stride(0), address(residual), residual.stride(0))
    call.gamma, call.beta, call.parameters_type = address(gamma), address(beta), TYPES[gamma.dtype]
    call.sum, call.sum_row, call.q, call.q_row = address(total), k, address(q), k
    call.x_scale, call.eps, call.type, call.variant = input_scale, eps, TYPES[total.dtype], forcing.number
    check(_layernorm_q(ctypes.byref(call), *place(x)), "layernorm_q")
    return total, q


def _fake(
    x: Tensor, input_scale: float, residual: Tensor, gamma: Tensor, beta: Tensor, eps: float
) -> Tuple[Tensor, Tensor]:
    return residual.new_empty(x.shape), x.new_empty(x.shape, dtype=torch.int8)


def _check_operands(x: Tensor, residual: Tensor, gamma: Tensor, beta: Tensor) -> None:
    if x.dtype != torch.int32:
        raise TypeError(f"x must be int32, not {str(x.dtype)[6:]}")
    for name, values in (("residual", residual), ("gamma", gamma), ("beta", beta)):
        if values.dtype not in _FLOATS:
            raise TypeError(f"{name} must be float16, bfloat16 or float32, not {str(values.dtype)[6:]}")
        if values.device != x.device:
            raise ValueError(f"x is on {x.device} and {name} on {values.device}")
    if x.dim() < 1 or x.shape != residual.shape:
        raise ValueError(f"x {list(x.shape)} and residual {list(residual.shape)} must both be [..., K]")
    if gamma.shape != x.shape[-1:] or beta.shape != x.shape[-1:]:
        found = f"{list(gamma.shape)} and {list(beta.shape)}"
        raise ValueError(f"gamma and beta must be [{x.shape[-1]}], not {found}")


_operator = registry.operator(
    "layernorm_q(Tensor x, float input_scale, Tensor residual, Tensor gamma, Tensor beta, float eps)"
    " -> (Tensor, Tensor)",
    _real,
    _fake,
)
