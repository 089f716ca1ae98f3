"""Batched products of int8 [B, L, H] and int8 [B, L, H], the second one transposed."""

from torch import Tensor

from envdoctor.quant.torch_int._CUDA import bmm_s8t_s8n_s8t, bmm_s8t_s8n_s32t


def bmm_i8_o8(a: Tensor, b: Tensor, scale: float) -> Tensor:
    """int8 of scale * a b^T."""
    return bmm_s8t_s8n_s8t(a, b, scale)


def bmm_i8_o32(a: Tensor, b: Tensor) -> Tensor:
    """int32 a b^T."""
    return bmm_s8t_s8n_s32t(a, b)
