"""LayerNorms whose result is int8: weight and bias are those of the LayerNorm divided by the scale of the result."""

from typing import Tuple, Union

import torch
from torch import Tensor

from envdoctor.kernels.calls import Device
from envdoctor.quant.torch_int.functional.fused import dq_add_layernorm_q_cpp


class LayerNormQ(torch.nn.Module):  # type: ignore[misc]
    """int8 of the LayerNorm over the last dimension, in the type of `weight`."""

    def __init__(self, dim: int, eps: float = 1e-5, device: Device = None) -> None:
        super().__init__()
        self.input_scale = 1.0
        self.eps = eps
        self.register_buffer("weight", torch.ones(dim, dtype=torch.float32, device=device))
        self.register_buffer("bias", torch.zeros(dim, dtype=torch.float32, device=device))

    def forward(self, x: Tensor) -> Tensor:
        """x [..., dim] of any floating type."""
        x = x.to(self.weight.dtype)
        norm = torch.nn.functional.layer_norm(x, x.shape[-1:], self.weight, self.bias, self.eps)
        return norm.round().clamp(-128, 127).to(torch.int8)

    @staticmethod
    def from_float(module: torch.nn.LayerNorm, output_scale: Union[float, Tensor]) -> "LayerNormQ":
        """Of a LayerNorm over one dimension, with or without weight and bias."""
        if len(module.normalized_shape) != 1:
            raise ValueError(
                f"a LayerNorm over one dimension, not over {list(module.normalized_shape)}, becomes int8"
            )
        made = LayerNormQ(module.normalized_shape[0], module.eps)
        for name in ("weight", "bias"):
            source = getattr(module, name, None)
            source = getattr(made, name) if source is None else source.detach()
            setattr(made, name, source / output_scale)
        return made


class DQ_Add_LayerNorm_Q(torch.nn.Module):  # type: ignore[misc]
    """(residual + input * input_scale, int8 of its LayerNorm), in one pass."""

    def __init__(self, dim: int, eps: float = 1e-5, device: Device = None) -> None:
        super().__init__()
        self.input_scale = 1.0
        self.eps = eps
        self.register_buffer("weight", torch.ones(dim, dtype=torch.float32, device=device))
        self.register_buffer("bias", torch.zeros(dim, dtype=torch.float32, device=device))

    def forward(self, residual_input_fp: Tensor, input_int32: Tensor) -> Tuple[Tensor, Tensor]:
        """Both [..., dim]."""
        return dq_add_layernorm_q_cpp(
            input_int32, self.input_scale, residual_input_fp, self.weight, self.bias, self.eps
        )
