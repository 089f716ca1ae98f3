"""The operators of torch-int's compiled module; acc is the int32 sum of products, all else is float32.

They run where `input` is, which may be a CPU. alpha may be a tensor of one value, too, which then is not waited for.
"""

from typing import Optional, Tuple, Union

import torch
from torch import Tensor

from envdoctor.kernels import bmm_w8a8, gemm_w8a8, layernorm_q

__all__ = [
    "bmm_s8t_s8n_f32t",
    "bmm_s8t_s8n_s8t",
    "bmm_s8t_s8n_s32t",
    "dq_add_layernorm_q",
    "linear_a8_w8_b8_o8",
    "linear_a8_w8_b32_o32",
    "linear_a8_w8_b32_o32_with_scaling",
    "linear_a8_w8_bfp32_ofp32",
    "linear_relu_a8_w8_b8_o8",
]

_Scale = Union[float, Tensor]


def linear_a8_w8_b8_o8(input: Tensor, weight: Tensor, bias: Tensor, alpha: _Scale, beta: float) -> Tensor:
    """int8 [M, N] of alpha * acc + beta * bias, to nearest, saturating; weight int8 [N, K], bias int8, N values."""
    return _linear(input, weight, bias, torch.int8, torch.int8, alpha, beta)


def linear_relu_a8_w8_b8_o8(
    input: Tensor, weight: Tensor, bias: Tensor, alpha: _Scale, beta: float
) -> Tensor:
    """linear_a8_w8_b8_o8 with a ReLU before it is rounded: 0 to 127."""
    return _linear(input, weight, bias, torch.int8, torch.int8, alpha, beta, relu=True)


def linear_a8_w8_b32_o32(input: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """int32 [M, N] of acc + bias, bias int32: integers, modulo 2^32."""
    return _linear(input, weight, bias, torch.int32, torch.int32)


def linear_a8_w8_b32_o32_with_scaling(
    input: Tensor, weight: Tensor, bias: Tensor, alpha: _Scale, beta: float
) -> Tensor:
    """int32 [M, N] of alpha * acc + beta * bias, to nearest, saturating; bias int32."""
    return _linear(input, weight, bias, torch.int32, torch.int32, alpha, beta)


def linear_a8_w8_bfp32_ofp32(
    input: Tensor, weight: Tensor, bias: Tensor, alpha: _Scale, beta: float
) -> Tensor:
    """float32 [M, N] of alpha * acc + beta * bias, bias float32."""
    return _linear(input, weight, bias, torch.float32, torch.float32, alpha, beta)


def bmm_s8t_s8n_s8t(a: Tensor, b: Tensor, alpha: _Scale) -> Tensor:
    """int8 [B, M, N] of alpha * a b^T, to nearest, saturating; a int8 [B, M, K], b int8 [B, N, K]."""
    return bmm_w8a8(a, b, _on_device(alpha, a), torch.int8)


def bmm_s8t_s8n_f32t(a: Tensor, b: Tensor, alpha: _Scale) -> Tensor:
    """float32 [B, M, N] of alpha * a b^T."""
    return bmm_w8a8(a, b, _on_device(alpha, a), torch.float32)


def bmm_s8t_s8n_s32t(a: Tensor, b: Tensor) -> Tensor:
    """int32 [B, M, N] of a b^T, exact."""
    return bmm_w8a8(a, b, None, torch.int32)


def dq_add_layernorm_q(
    input: Tensor, input_scale: float, residual: Tensor, gamma: Tensor, beta: Tensor, eps: float
) -> Tuple[Tensor, Tensor]:
    """(total, int8 of its LayerNorm), total = residual + input * input_scale, input int32; see cpp/layernorm_q."""
    total, q = layernorm_q(input, float(input_scale), residual, gamma, beta, float(eps))
    return total, q


def _linear(
    input: Tensor,
    weight: Tensor,
    bias: Tensor,
    bias_dtype: torch.dtype,
    out_dtype: torch.dtype,
    alpha: Optional[_Scale] = None,
    beta: float = 1.0,
    relu: bool = False,
) -> Tensor:
    if bias.dtype != bias_dtype:
        raise TypeError(f"bias must be {str(bias_dtype)[6:]}, not {str(bias.dtype)[6:]}")
    if input.dim() != 2:
        raise ValueError(f"input must be [M, K], not {list(input.shape)}")
    return gemm_w8a8(
        input,
        weight,
        x_scale=None if alpha is None else _on_device(alpha, input),
        bias=bias.to(input.device).reshape(-1),
        bias_scale=float(beta),
        relu=relu,
        out_dtype=out_dtype,
    )


def _on_device(scale: _Scale, x: Tensor) -> Tensor:
    """float32 [1]. A number is filled in on the device, which nobody waits for."""
    if isinstance(scale, Tensor):
        return scale.detach().to(x.device, torch.float32).reshape(1)
    return x.new_full((1,), float(scale), dtype=torch.float32)
