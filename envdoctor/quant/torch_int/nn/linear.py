"""torch-int's linears: int8 throughout (W8A8), and int8 weights with 16-bit activations (W8A16, W8FakeA8)."""

from typing import Any, Dict, Tuple, Type, TypeVar, Union

import torch
from torch import Tensor

from envdoctor.kernels.calls import Device
from envdoctor.quant.torch_int.functional.quantization import (
    fake_quantize_activation_per_tensor_absmax,
    fake_quantize_activation_per_token_absmax,
    quantize_per_tensor_absmax,
    quantize_weight_per_channel_absmax,
)
from envdoctor.quant.torch_int.nn.int8_linear import Int8Linear
from envdoctor.quant.torch_int.nn.keeping_types import fit_state, scalar

__all__ = [
    "W8A8B8O8Linear",
    "W8A8B8O8LinearReLU",
    "W8A8B32O32Linear",
    "W8A8B32O32LinearWithoutScaling",
    "W8A8BFP32OFP32Linear",
    "W8A16Linear",
    "W8FakeA8Linear",
]

_Scale = Union[float, Tensor]
_Made = TypeVar("_Made", bound="_Scaled")


class _Scaled(Int8Linear):
    """With buffers for scales: `a` is alpha and, where there is one, `b` is beta."""

    SCALES: Tuple[str, ...] = ("a", "b")

    def __init__(
        self,
        in_features: int,
        out_features: int,
        alpha: _Scale = 1.0,
        beta: _Scale = 1.0,
        device: Device = None,
    ) -> None:
        super().__init__(in_features, out_features, device)
        for name, scale in zip(self.SCALES, (alpha, beta)):
            self.register_buffer(name, scalar(scale, device))

    @classmethod
    def _of(cls: Type[_Made], module: torch.nn.Linear, bias: Tensor, *scales: _Scale) -> _Made:
        """With all but the weight, which is to come."""
        made = cls(module.in_features, module.out_features, device="meta")
        made.bias = bias
        for name, scale in zip(cls.SCALES, scales):
            setattr(made, name, scalar(scale, bias.device))
        return made


class _Int8Out(_Scaled):
    """a is input_scale * weight_scale / output_scale, b is bias_scale / output_scale."""

    @classmethod
    def from_float(
        cls: Type[_Made],
        module: torch.nn.Linear,
        input_scale: _Scale,
        output_scale: _Scale,
        device: Device = None,
    ) -> _Made:
        """Of a linear, and the scales of x and of the result."""
        weight, weight_scale = _rounded(module.weight)
        bias, bias_scale = _rounded(_bias_of(module))
        alpha = input_scale * weight_scale / output_scale
        made = cls._of(module, bias, alpha, bias_scale / output_scale)
        made.weight = weight
        made.to(device or weight.device)
        return made


class W8A8B8O8Linear(_Int8Out):
    """int8 out, int8 bias."""


class W8A8B8O8LinearReLU(_Int8Out):
    """int8 out, int8 bias, with a ReLU before rounding."""

    RELU = True


class W8A8B32O32LinearWithoutScaling(Int8Linear):
    """int32 out, int32 bias: integers, modulo 2^32."""

    BIAS = OUT = torch.int32


class W8A8B32O32Linear(_Scaled):
    """int32 out, int32 bias, scaled likewise."""

    BIAS = OUT = torch.int32

    @classmethod
    def from_float(
        cls, module: torch.nn.Linear, input_scale: _Scale, output_scale: _Scale, device: Device = None
    ) -> "W8A8B32O32Linear":
        """Of a linear, and the scales of x and of the result, which it keeps as attributes with its own two."""
        weight, weight_scale = _rounded(module.weight)
        bias = _bias_of(module).float()
        bias_scale = bias.abs().max() / (2**31 - 1)
        # In float32 2^31 - 1 is 2^31, and that is what the largest bias becomes before it is clamped.
        levels = bias.double() / torch.where(bias_scale > 0, bias_scale, torch.ones_like(bias_scale)).double()
        levels = levels.round().clamp(-(2**31), 2**31 - 1).to(torch.int32)
        alpha = input_scale * weight_scale / output_scale
        made = cls._of(module, levels, alpha, bias_scale / output_scale)
        made.weight = weight
        made.input_scale, made.output_scale = input_scale, output_scale
        made.weight_scale, made.bias_scale = weight_scale, bias_scale
        made.to(device or weight.device)
        return made


class W8A8BFP32OFP32Linear(_Scaled):
    """float32 out, float32 bias, which nothing scales. a is input_scale * weight_scale; beta means nothing."""

    BIAS = OUT = torch.float32
    SCALES = ("a",)

    @classmethod
    def from_float(
        cls, module: torch.nn.Linear, input_scale: _Scale, device: Device = None
    ) -> "W8A8BFP32OFP32Linear":
        """Of a linear, and the scale of x, which it keeps as an attribute with that of its weight."""
        weight, weight_scale = _rounded(module.weight)
        bias = _bias_of(module).to(torch.float32, copy=True)
        made = cls._of(module, bias, input_scale * weight_scale)
        made.weight = weight
        made.input_scale, made.weight_scale = input_scale, weight_scale
        made.to(device or weight.device)
        return made


class _W8(torch.nn.Module):  # type: ignore[misc]
    """y = x (weight * weight_scales)^T + bias in the type of x.

    Buffers are weight int8 [N, K], bias float16 [1, N] or None, and weight_scales: one for each row of the weight, or
    one for all.
    """

    weight_scales: Tensor

    def __init__(self, in_features: int, out_features: int, bias: bool = True, device: Device = None) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        sizes = (out_features, in_features)
        self.register_buffer("weight", torch.randint(-127, 127, sizes, dtype=torch.int8, device=device))
        zeros = torch.zeros((1, out_features), dtype=torch.float16, device=device) if bias else None
        self.register_buffer("bias", zeros)
        ones = torch.ones(out_features, dtype=torch.float16, device=device)
        self.register_buffer("weight_scales", ones)

    def _product(self, x: Tensor) -> Tensor:
        weight = self.weight.to(x.dtype).mul_(self.weight_scales.reshape(-1, 1))
        bias = None if self.bias is None else self.bias.reshape(-1).to(x.dtype)
        return torch.nn.functional.linear(x, weight, bias)

    def _take_bias(self, module: torch.nn.Linear) -> None:
        if module.bias is not None:
            self.bias = module.bias.detach().reshape(1, -1).to(torch.float16, copy=True)

    def _load_from_state_dict(self, state_dict: Dict[str, Any], prefix: str, *rest: Any) -> None:
        fit_state(state_dict, prefix, self.bias, rest[-1])
        scales = state_dict.get(prefix + "weight_scales")
        if scales is not None and scales.numel() in (1, self.out_features):
            self.weight_scales = torch.empty_like(scales, device=self.weight_scales.device)
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def extra_repr(self) -> str:
        """As of torch.nn.Linear."""
        bias = self.bias is not None
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={bias}"


class W8A16Linear(_W8):
    """int8 weights, made 16 bits in each call; x keeps its type."""

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def forward(self, x: Tensor) -> Tensor:
        """x [..., K] to [..., N]."""
        return self._product(x)

    @staticmethod
    def from_float(
        module: torch.nn.Linear, weight_quant: str = "per_channel", device: Device = None
    ) -> "W8A16Linear":
        """Of a linear; weight_quant is per_channel or per_tensor."""
        if weight_quant not in _WEIGHT_QUANTISERS:
            raise ValueError(f"weight_quant must be per_channel or per_tensor, not {weight_quant!r}")
        bias = module.bias is not None
        made = W8A16Linear(module.in_features, module.out_features, bias, device="meta")
        made.weight, made.weight_scales = _WEIGHT_QUANTISERS[weight_quant](module.weight.detach())
        made._take_bias(module)
        made.to(device or module.weight.device)
        return made


class W8FakeA8Linear(_W8):
    """W8A16Linear whose x is rounded to what int8 could hold, by token or by tensor."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        act_quant: str = "per_token",
        device: Device = None,
    ) -> None:
        super().__init__(in_features, out_features, bias, device)
        if act_quant not in _FAKE_QUANTISERS:
            raise ValueError(f"act_quant must be per_token or per_tensor, not {act_quant!r}")
        self.activation_fake_quantizer = _FAKE_QUANTISERS[act_quant]

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def forward(self, x: Tensor) -> Tensor:
        """x [..., K] to [..., N]."""
        return self._product(self.activation_fake_quantizer(x))

    @staticmethod
    def from_float(
        module: torch.nn.Linear, act_quant: str = "per_token", device: Device = None
    ) -> "W8FakeA8Linear":
        """Of a linear, with a scale for each row of its weight; act_quant is per_token or per_tensor."""
        bias = module.bias is not None
        made = W8FakeA8Linear(module.in_features, module.out_features, bias, act_quant, device="meta")
        made.weight, made.weight_scales = quantize_weight_per_channel_absmax(module.weight.detach())
        made._take_bias(module)
        made.to(device or module.weight.device)
        return made


_WEIGHT_QUANTISERS = {
    "per_channel": quantize_weight_per_channel_absmax,
    "per_tensor": quantize_per_tensor_absmax,
}
_FAKE_QUANTISERS = {
    "per_token": fake_quantize_activation_per_token_absmax,
    "per_tensor": fake_quantize_activation_per_tensor_absmax,
}


def _rounded(values: Tensor) -> Tuple[Tensor, Tensor]:
    """int8, and a scale in float32."""
    levels, scale = quantize_per_tensor_absmax(values.detach())
    return levels, scale.float()


def _bias_of(module: torch.nn.Linear) -> Tensor:
    """[1, N], zeros where there is none."""
    bias = module.weight.new_zeros(module.out_features) if module.bias is None else module.bias
    return bias.detach().reshape(1, -1)
