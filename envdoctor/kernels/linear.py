"""Linears as modules: weights packed and variants chosen when one is made, so that a call quantises and multiplies."""

import contextlib
from typing import Dict, Optional, Sequence, Tuple, Union

import torch
from torch import Tensor

from envdoctor.kernels.calls import (
    FLOAT32,
    FLOATS,
    INT32,
    TYPES,
    check_matrix,
    check_packed,
    check_type,
    vector,
)
from envdoctor.kernels.gemm_w4a8 import PackedW4A8, ask_w4a8, int4_pairs, pack_w4a8
from envdoctor.kernels.gemm_w4a8 import forcing as w4a8_forcing
from envdoctor.kernels.gemm_w4a8 import linear_operator as w4a8
from envdoctor.kernels.gemm_w4a16 import PackedW4A16, ask_w4a16, pack_values
from envdoctor.kernels.gemm_w4a16 import forcing as w4a16_forcing
from envdoctor.kernels.gemm_w4a16 import linear_operator as w4a16
from envdoctor.kernels.gemm_w8a8 import PackedW8A8, ask_w8a8, pack_w8a8
from envdoctor.kernels.gemm_w8a8 import forcing as w8a8_forcing
from envdoctor.kernels.gemm_w8a8 import linear_operator as w8a8
from envdoctor.kernels.gptq import GptqValues
from envdoctor.kernels.layouts import unpack_w4a8, unpack_w4a16, unpack_w8a8
from envdoctor.kernels.packed_linear import PackedLinear
from envdoctor.kernels.quantize import quantize_rows, quantize_static
from envdoctor.kernels.rounding import rounded_codes, rounded_int4, rounded_int8
from envdoctor.kernels.variants import AUTO, Ask, resolve

_Device = Union[torch.device, str, None]
_BYTES = (torch.uint8,)


class _Int8Linear(PackedLinear):
    """One whose activations become int8: each row with a scale of its own, or, with x_scale, all with that one."""

    packed: Tensor
    sums: Tensor
    x_scale: Optional[Tensor]
    x_zero: Optional[Tensor]

    def _hold_int8(
        self,
        ask: Ask,
        weight: "PackedW8A8 | PackedW4A8",
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
            w_scale=_flat(w_scale, weight.n, FLOAT32, "w_scale"),
            bias=_flat(bias, weight.n, tuple(TYPES), "bias"),
            x_scale=_flat(x_scale, 1, FLOAT32, "x_scale"),
            x_zero=_flat(x_zero, 1, INT32, "x_zero"),
            **more,
        )


class LinearW8A8(_Int8Linear):
    """y = x W^T + bias in the dtype of x (float16, bfloat16 or float32), by linear_w8a8.

    weight is of pack_w8a8, w_scale float32 [N]. Without x_scale each row of x gets a scale of its own when it comes;
    with x_scale, float32 [1], all rows have that one and the zero point x_zero, int32 [1]. w_zero has the zero points
    of the weight, int32 [N]; with it a call also adds up each row of x.
    """

    STATE = ("weight", "w_scale", "bias", "x_scale", "x_zero", "w_zero")
    forcing = w8a8_forcing
    w_scale: Tensor
    w_zero: Optional[Tensor]

    def __init__(
        self,
        weight: PackedW8A8,
        w_scale: Tensor,
        bias: Optional[Tensor] = None,
        x_scale: Optional[Tensor] = None,
        x_zero: Optional[Tensor] = None,
        w_zero: Optional[Tensor] = None,
    ) -> None:
        super().__init__()
        check_packed(weight, PackedW8A8, "pack_w8a8")
        w_zero = _flat(w_zero, weight.n, INT32, "w_zero")
        self._hold_int8(ask_w8a8(weight), weight, w_scale, bias, x_scale, x_zero, w_zero=w_zero)

    @classmethod
    def from_linear(
        cls,
        linear: torch.nn.Linear,
        device: _Device = None,
        x_scale: Optional[Tensor] = None,
        x_zero: Optional[Tensor] = None,
    ) -> "LinearW8A8":
        """Rounded to nearest, with a scale for each row of the weight."""
        values, scale = rounded_int8(linear.weight)
        return cls(pack_w8a8(values, device), scale, linear.bias, x_scale, x_zero)

    def forward(self, x: Tensor) -> Tensor:
        """x [..., K] to y [..., N]."""
        held = self._buffers  # itself: each name of a module that is a buffer's costs a microsecond
        values, scale = _quantized(x, held)
        weight = (held["packed"], held["sums"], self.out_features, self.in_features)
        scales = (scale, held["w_scale"], held["x_zero"], held["w_zero"])
        return w8a8(values, *weight, *scales, held["bias"], 1.0, False, x.dtype, self.variants[x.dtype])

    def ask(self, dtype: torch.dtype) -> Ask:
        """See PackedLinear."""
        return ask_w8a8(PackedW8A8(self.packed, self.sums, self.out_features, self.in_features))

    def plain(self) -> Dict[str, Tensor]:
        """`weight` is int8 [N, K]."""
        sizes = (self.out_features, self.in_features)
        return {
            "weight": unpack_w8a8(self.packed, *sizes, self.packed.device.type),
            **self._held(*self.STATE[1:]),
        }

    def made_of(self, plain: Dict[str, Tensor], device: torch.device) -> "LinearW8A8":
        """See PackedLinear."""
        rest = {name: plain[name] for name in plain if name != "weight"}
        return LinearW8A8(pack_w8a8(plain["weight"], device), **rest)


class LinearW4A8(_Int8Linear):
    """LinearW8A8 with int4 weights of pack_w4a8, which have one scale for each column (w_scale), or groups, or both.

    With groups activations have no zero point. Where K is odd a call copies the int8 values of x once more.
    """

    STATE = ("weight", "w_scale", "group_scale", "group_zero", "bias", "x_scale", "x_zero")
    forcing = w4a8_forcing
    w_scale: Optional[Tensor]
    group_scale: Optional[Tensor]
    group_zero: Optional[Tensor]

    def __init__(
        self,
        weight: PackedW4A8,
        w_scale: Optional[Tensor] = None,
        bias: Optional[Tensor] = None,
        x_scale: Optional[Tensor] = None,
        x_zero: Optional[Tensor] = None,
    ) -> None:
        super().__init__()
        check_packed(weight, PackedW4A8, "pack_w4a8")
        if weight.group and x_zero is not None:
            raise ValueError("with groups activations have no zero point")
        self.group = weight.group
        groups = {"group_scale": weight.group_scale, "group_zero": weight.group_zero}
        self._hold_int8(ask_w4a8(weight), weight, w_scale, bias, x_scale, x_zero, **groups)

    @classmethod
    def from_linear(
        cls,
        linear: torch.nn.Linear,
        group: int = 0,
        device: _Device = None,
        x_scale: Optional[Tensor] = None,
        x_zero: Optional[Tensor] = None,
    ) -> "LinearW4A8":
        """Rounded to nearest, with a scale for each row of the weight, or for each group of so many values of it."""
        values, scale = rounded_int4(linear.weight, group)
        weight = pack_w4a8(int4_pairs(values), device, group, scale if group else None, k=values.shape[1])
        return cls(weight, None if group else scale, linear.bias, x_scale, x_zero)

    def forward(self, x: Tensor) -> Tensor:
        """x [..., K] to y [..., N]."""
        held = self._buffers
        values, scale = _quantized(x, held)
        groups = (self.group, held["group_scale"], held["group_zero"])
        weight = (held["packed"], self.out_features, self.in_features, held["sums"], *groups)
        scales = (scale, held["w_scale"], held["x_zero"], None)
        return w4a8(values, *weight, *scales, held["bias"], 1.0, False, x.dtype, self.variants[x.dtype])

    def ask(self, dtype: torch.dtype) -> Ask:
        """See PackedLinear."""
        groups = (self.group, self.group_scale, self.group_zero)
        return ask_w4a8(PackedW4A8(self.packed, self.out_features, self.in_features, self.sums, *groups))

    def plain(self) -> Dict[str, Tensor]:
        """`weight` is int4_pairs [N, ceil(K / 2)], group_* are [N, groups]."""
        sizes = (self.out_features, self.in_features + self.in_features % 2)
        groups = self._held("group_scale", "group_zero")
        return {
            "weight": unpack_w4a8(self.packed, *sizes, self.packed.device.type),
            **{name: each[:, : self.out_features].t().contiguous() for name, each in groups.items()},
            **self._held("w_scale", "bias", "x_scale", "x_zero"),
        }

    def made_of(self, plain: Dict[str, Tensor], device: torch.device) -> "LinearW4A8":
        """See PackedLinear."""
        groups = (plain.get("group_scale"), plain.get("group_zero"))
        k = plain["weight"].shape[-1:].numel() * 2 - self.in_features % 2
        weight = pack_w4a8(plain["weight"], device, self.group, *groups, k=k)
        rest = ("w_scale", "bias", "x_scale", "x_zero")
        return LinearW4A8(weight, **{name: plain[name] for name in rest if name in plain})

    def sizes(self) -> Dict[str, int]:
        """With the group; 0: none."""
        return {**super().sizes(), "group": self.group}


class LinearW4A16(PackedLinear):
    """y = x W^T + bias in the dtype of x (float16 or bfloat16), by linear_w4a16; weight is of pack_w4a16."""

    STATE = ("weight", "scales", "zeros", "channels", "bias")
    FREE = ("channels",)
    WITH_WEIGHTS = ("variants", "k", "scale_dtype")
    forcing = w4a16_forcing
    scale_zero: Tensor
    channels: Optional[Tensor]

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
        bias = _flat(bias, weight.n, FLOATS, "bias")
        tables = {torch.float16: resolve(ask_w4a16(weight, torch.float16))}
        with contextlib.suppress(NotImplementedError):  # a GPU without it, which a call will say
            tables[torch.bfloat16] = resolve(ask_w4a16(weight, torch.bfloat16))
        self._hold(tables, packed=weight.data, bias=bias, **held)

    @classmethod
    def from_linear(cls, linear: torch.nn.Linear, group: int = 128, device: _Device = None) -> "LinearW4A16":
        """Rounded to nearest, to 4 bits: a scale and a zero point for so many values of each row of the weight."""
        values, of_channels = rounded_codes(linear.weight, group)
        target = torch.device(device or linear.weight.device)
        return cls(pack_values(values, of_channels, 4, target), linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        """x [..., K] to y [..., N]."""
        held = self._buffers
        table = self.variants.get(x.dtype, AUTO)
        weight = (held["packed"], self.out_features, self.k, self.bits, self.group, held["scale_zero"])
        rest = (self.scale_dtype, self.in_features, held["channels"], held["bias"])
        return w4a16(x, *weight, *rest, table)

    def ask(self, dtype: torch.dtype) -> Ask:
        """See PackedLinear."""
        sizes = (self.out_features, self.k, self.bits, self.group)
        rest = (self.scale_zero, self.scale_dtype, self.in_features, self.channels)
        return ask_w4a16(PackedW4A16(self.packed, *sizes, *rest), dtype)

    def plain(self) -> Dict[str, Tensor]:
        """`weight` is codes [K, N], of 4 bits two in a byte along K; scales and zeros are [groups, N]."""
        n, words = self.out_features, self.scale_zero[:, : self.out_features]
        codes = unpack_w4a16(self.packed, n, self.k, self.bits, self.packed.device.type)
        if self.bits == 4:
            codes = torch.nn.functional.pad(codes, (0, 0, 0, self.k % 2))
            codes = codes[::2] | codes[1::2] << 4
        return {
            "weight": codes,
            "scales": (words << 16 >> 16).to(torch.int16).view(self.scale_dtype),
            "zeros": (words >> 16).to(torch.uint8),
            **self._held("channels", "bias"),
        }

    def made_of(self, plain: Dict[str, Tensor], device: torch.device) -> "LinearW4A16":
        """See PackedLinear."""
        for name, dtypes in (("weight", _BYTES), ("zeros", _BYTES), ("scales", FLOATS)):
            check_matrix(plain[name], dtypes, name, "[K, N]" if name == "weight" else "[groups, N]")
        codes, channels = plain["weight"].cpu(), plain.get("channels")
        if self.bits == 4:
            codes = torch.stack([codes & 15, codes >> 4], 1).flatten(0, 1)
            codes = codes[: self.in_features if channels is None else channels.numel()]
        of_channels = torch.arange(codes.shape[0]) // self.group
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
        if not torch.equal(channels.unique().cpu(), torch.arange(self.in_features)):
            raise ValueError(f"channels must be each of 0 to {self.in_features - 1}")

    def sizes(self) -> Dict[str, int]:
        """With the group, and how many bits a code takes."""
        return {**super().sizes(), "group": self.group, "bits": self.bits}


def _quantized(x: Tensor, held: Dict[str, Optional[Tensor]]) -> Tuple[Tensor, Tensor]:
    """Values and their scale, by what a linear holds."""
    scale = held["x_scale"]
    made = quantize_rows(x) if scale is None else quantize_static(x, scale, held["x_zero"])
    return made.values, made.scale


def _flat(values: Optional[Tensor], count: int, dtypes: Sequence[torch.dtype], name: str) -> Optional[Tensor]:
    """So many, in one dimension; their device is not yet the linear's."""
    values = vector(values, count, dtypes, None, name)
    return None if values is None else values.reshape(-1)
