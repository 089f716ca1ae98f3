"""Batched products of int8 as modules, for attention: a [B, M, K] times b [B, N, K] transposed."""

from typing import Union

import torch
from torch import Tensor

from envdoctor.quant.torch_int._CUDA import bmm_s8t_s8n_f32t, bmm_s8t_s8n_s8t, bmm_s8t_s8n_s32t
from envdoctor.quant.torch_int.nn.keeping_types import KeepingTypes, scalar

_Scale = Union[float, Tensor]


class BMM_S8T_S8N_S8T(KeepingTypes):
    """int8 [B, M, N] of alpha * a b^T; the buffer `a` is alpha."""

    def __init__(self, alpha: _Scale) -> None:
        super().__init__()
        self.register_buffer("a", scalar(alpha))

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """See the class."""
        return bmm_s8t_s8n_s8t(a, b, self.a)

    @staticmethod
    def from_scale(a_scale: _Scale, b_scale: _Scale, output_scale: _Scale) -> "BMM_S8T_S8N_S8T":
        """Of the scales of both operands and of the result."""
        return BMM_S8T_S8N_S8T(a_scale * b_scale / output_scale)


class BMM_S8T_S8N_F32T(KeepingTypes):
    """float32 [B, M, N] of alpha * a b^T; the buffer `a` is alpha."""

    def __init__(self, alpha: _Scale) -> None:
        super().__init__()
        self.register_buffer("a", scalar(alpha))

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """See the class."""
        return bmm_s8t_s8n_f32t(a, b, self.a)

    @staticmethod
    def from_scale(a_scale: _Scale, b_scale: _Scale) -> "BMM_S8T_S8N_F32T":
        """Of the scales of both operands."""
        return BMM_S8T_S8N_F32T(a_scale * b_scale)


class BMM_S8T_S8N_S32T(torch.nn.Module):  # type: ignore[misc]
    """int32 [B, M, N] of a b^T, exact."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """See the class."""
        return bmm_s8t_s8n_s32t(a, b)
