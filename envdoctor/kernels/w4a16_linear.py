"""16-bit activations times the weights of a GPTQ checkpoint as a module."""

import contextlib
from typing import Dict, Optional, Tuple

import torch
from torch import Tensor

from envdoctor.kernels.calls import FLOATS, Device, check_matrix, check_packed, check_type
from envdoctor.kernels.gemm_w4a16 import PackedW4A16, ask_w4a16, forcing, linear_operator, pack_values
from envdoctor.kernels.gptq import GptqValues
from envdoctor.kernels.kinds import checked, explained
from envdoctor.kernels.layouts import unpack_w4a16
from envdoctor.kernels.packed_linear import PackedLinear, flat
from envdoctor.kernels.rounding import rounded_codes
from envdoctor.kernels.variants import AUTO, Ask, resolve

_BYTES = (torch.uint8,)


class LinearW4A16(PackedLinear):
    """y = x W^T + bias in the dtype of x (float16 or bfloat16), by linear_w4a16; weight is of pack_w4a16."""

    STATE = ("weight", "scales", "zeros", "channels", "bias")
    FREE = ("channels",)
    WITH_WEIGHTS = ("variants", "k", "scale_dtype")
    forcing = forcing
    scale_zero: Tensor
    channels: Optional[Tensor]

    @checked
    def __init__(self, weight: PackedW4A16, bias: Optional[Tensor] = None) -> None:
        super().__init__()
        check_packed(weight, PackedW4A16, "pack_w4a16")
        self.k, self.bits, self.group, self.scale_dtype = (
            weight.k,
            weight.bits,
            weight.group,
            weight.scale_dtype,
        )
        self.in_features, self.out_features = weight.in_features, weight.n
        held = {"scale_zero": weight.scale_zero, "channels": weight.channels}
        bias = flat(bias, weight.n, FLOATS, "bias")
        tables = {torch.float16: resolve(ask_w4a16(weight, torch.float16))}
        with contextlib.suppress(NotImplementedError):  # a GPU without it, which a call will say
            tables[torch.bfloat16] = resolve(ask_w4a16(weight, torch.bfloat16))
        self._hold(tables, packed=weight.data, bias=bias, **held)

    @classmethod
    @explained
    def from_linear(cls, linear: torch.nn.Linear, group: int = 128, device: Device = None) -> "LinearW4A16":
        """Rounded to nearest, to 4 bits: a scale and a zero point for so many values of each row of the weight."""
        values, of_channels = rounded_codes(linear.weight, group)
        target = torch.device(device or linear.weight.device)
        return cls(pack_values(values, of_channels, 4, target), linear.bias)

    @explained
    def forward(self, x: Tensor) -> Tensor:
        """x [..., K] to y [..., N]."""
        held = self._buffers
        table = self.variants.get(x.dtype, AUTO)
        weight = (held["packed"], self.out_features, self.k, self.bits, self.group, held["scale_zero"])
        rest = (self.scale_dtype, self.in_features, held["channels"], held["bias"])
        return linear_operator(x, *weight, *rest, table)

    def ask(self, dtype: torch.dtype) -> Ask:
        """See PackedLinear."""
        sizes = (self.out_features, self.k, self.bits, self.group)
        rest = (self.scale_zero, self.scale_dtype, self.in_features, self.channels)
        return ask_w4a16(PackedW4A16(self.packed, *sizes, *rest), dtype)

    @property
    def weight_dtype(self) -> torch.dtype:
        """That of scales."""
        return self.scale_dtype

    def weight_values(self) -> Tensor:
        """scale * (code - zero), in the order of x's channels."""
        scales, zeros = (each.float().repeat_interleave(self.group, 0) for each in self._scales_zeros())
        values = (self._codes().float() - zeros[: self.k]) * scales[: self.k]
        if self.channels is not None:  # what fills groups up is zero
            ordered = values.new_zeros(self.in_features, self.out_features)
            values = ordered.index_add_(0, self.channels, values)
        return values.t().to(self.scale_dtype)

    def _codes(self) -> Tensor:
        """uint8 [K, N]."""
        return unpack_w4a16(self.packed, self.out_features, self.k, self.bits, self.packed.device.type)

    def _scales_zeros(self) -> Tuple[Tensor, Tensor]:
        """[groups, N], the second one uint8."""
        words = self.scale_zero[:, : self.out_features]
        return (words << 16 >> 16).to(torch.int16).view(self.scale_dtype), (words >> 16).to(torch.uint8)

    def plain(self) -> Dict[str, Tensor]:
        """`weight` is codes [K, N], of 4 bits two in a byte along K; scales and zeros are [groups, N]."""
        codes, (scales, zeros) = self._codes(), self._scales_zeros()
        if self.bits == 4:
            codes = torch.nn.functional.pad(codes, (0, 0, 0, self.k % 2))
            codes = codes[::2] | codes[1::2] << 4
        return {"weight": codes, "scales": scales, "zeros": zeros, **self._held("channels", "bias")}

    def made_of(self, plain: Dict[str, Tensor], device: torch.device) -> "LinearW4A16":
        """See PackedLinear."""
        for name, dtypes in (("weight", _BYTES), ("zeros", _BYTES), ("scales", FLOATS)):
            check_matrix(plain[name], dtypes, name, "[K, N]" if name == "weight" else "[groups, N]")
        codes, channels = plain["weight"].cpu(), plain.get("channels")
        if self.bits == 4:
            codes = torch.stack([codes & 15, codes >> 4], 1).flatten(0, 1)
            codes = codes[: self.in_features if channels is None else channels.numel()]
        of_channels = torch.arange(codes.shape[0], device="cpu") // self.group
        groups = -(-codes.shape[0] // self.group)
        values = GptqValues(codes, plain["zeros"], plain["scales"])
        if any(each.shape != (max(groups, 1), codes.shape[1]) for each in values[1:]):
            found = f"zeros {list(values.zeros.shape)} and scales {list(values.scales.shape)}"
            raise ValueError(
                f"{found} are not of {groups} groups of {self.group} and {codes.shape[1]} columns"
            )
        weight = pack_values(values, of_channels, self.bits, device)
        if channels is not None:
            self._check_channels(channels, codes.shape[0])
            weight = weight._replace(in_features=self.in_features, channels=channels.to(device))
        return LinearW4A16(weight, plain.get("bias"))

    def _check_channels(self, channels: Tensor, k: int) -> None:
        """Kernels read x where these say: as many as weights, and each channel of x has a place."""
        check_type(channels, (torch.int64,), "channels")
        if channels.shape != (k,):
            raise ValueError(f"channels must be [{k}], not {list(channels.shape)}")
        if not torch.equal(channels.unique().cpu(), torch.arange(self.in_features, device="cpu")):
            raise ValueError(f"channels must be each of 0 to {self.in_features - 1}")

    def sizes(self) -> Dict[str, float]:
        """With the group, and how many bits a code takes."""
        return {**super().sizes(), "group": self.group, "bits": self.bits}
