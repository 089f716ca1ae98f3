"""int32 sums scaled and added to the residual, then LayerNorm, then int8: in plain torch, and as one kernel."""

from typing import Tuple

import torch
from torch import Tensor

from envdoctor.quant.torch_int._CUDA import dq_add_layernorm_q


def dq_add_layernorm_q_py(
    input_int32: Tensor,
    input_scale_fp: float,
    residual_input_fp: Tensor,
    gamma: Tensor,
    beta: Tensor,
    eps: float,
) -> Tuple[Tensor, Tensor]:
    """dq_add_layernorm_q_cpp in plain torch."""
    total, norm = dq_add_layernorm(input_int32, input_scale_fp, residual_input_fp, gamma, beta, eps)
    return total, norm.clamp(-128, 127).round().to(torch.int8)


def dq_add_layernorm(
    input_int32: Tensor,
    input_scale_fp: float,
    residual_input_fp: Tensor,
    gamma: Tensor,
    beta: Tensor,
    eps: float,
) -> Tuple[Tensor, Tensor]:
    """(residual + input * scale, its LayerNorm), both of the residual's type."""
    total = torch.add(residual_input_fp, input_int32, alpha=input_scale_fp)
    return total, torch.nn.functional.layer_norm(total, total.shape[-1:], gamma, beta, eps)


def dq_add_layernorm_q_cpp(
    input_int32: Tensor,
    input_scale_fp: float,
    residual_input_fp: Tensor,
    gamma: Tensor,
    beta: Tensor,
    eps: float,
) -> Tuple[Tensor, Tensor]:
    """(residual + input * scale, int8 of its LayerNorm) in one pass."""
    return dq_add_layernorm_q(input_int32, input_scale_fp, residual_input_fp, gamma, beta, eps)
