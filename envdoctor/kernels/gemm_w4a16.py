"""Products of float16 or bfloat16 activations and weights of a GPTQ checkpoint, of 2, 3, 4 or 8 bits.

Source of the formulas: cpp/gemm_w4a16/README.md.
"""

import ctypes
import struct
from typing import NamedTuple, Optional, Sequence, Tuple

import torch
from torch import Tensor

from envdoctor.kernels.calls import (
    ANYWHERE,
    FLOATS,
    NONE,
    TYPES,
    Device,
    address,
    check,
    check_packed,
    check_x,
    chosen,
    function,
    place,
    rows_of,
    rows_of_groups,
    vector,
    where,
)
from envdoctor.kernels.forcing import Forcing
from envdoctor.kernels.gptq import GptqValues, gptq_values, group_of_channels
from envdoctor.kernels.kinds import checked, explained
from envdoctor.kernels.registry import registry
from envdoctor.kernels.variants import AUTO, VARIANTS, Ask, variant_of

#: GemmW4A16 of cpp/gemm_w4a16/gemm_w4a16.h: sizes; x; packed; groups; y; bias; bits, types, variant.
_CALL = struct.Struct("@3q Pq P qPq Pq P 5i0q")

_int, _long, _pointer = ctypes.c_int, ctypes.c_int64, ctypes.c_void_p
_gemm = function("envdoctor_gemm_w4a16", _int, ctypes.c_char_p, _int, _pointer)
_variant = function("envdoctor_gemm_w4a16_variant", _int, ctypes.c_char_p, _int)
_packed_bytes = function("envdoctor_gemm_w4a16_packed_bytes", ctypes.c_size_t, _long, _long, _int, _int)
_pack = function("envdoctor_gemm_w4a16_pack", _int, _pointer, _long, _long, _int, _int, _pointer)

forcing = Forcing("envdoctor_gemm_w4a16_variant_name")

_SIXTEEN_BITS = (torch.float16, torch.bfloat16)
#: What a group's length is a multiple of.
_UNIT = 32


class PackedW4A16(NamedTuple):
    """Weights [k, n] in the layout of the device that they lie on, groups one after the other along k."""

    data: Tensor
    n: int
    k: int  # with what groups were filled up by
    bits: int  # 4 or 8
    group: int  # values of k
    #: int32 [groups, n up to a multiple of 64]: the bits of the scale, above them the zero point
    scale_zero: Tensor
    scale_dtype: torch.dtype
    in_features: int  # channels of x
    channels: Optional[Tensor] = None  # of x, which each k is; None: the same


@checked
def pack_w4a16(
    qweight: Tensor,
    qzeros: Tensor,
    scales: Tensor,
    g_idx: Optional[Tensor] = None,
    bits: int = 4,
    v2: bool = False,
    device: Device = None,
) -> PackedW4A16:
    """Bring a linear of a GPTQ checkpoint (see gptq_values) into the layout of a device (default: its own). Done once.

    Channels are sorted by their groups, so any g_idx will do; where that moves one, x is gathered in each call. Raises
    TypeError and ValueError for what does not fit.
    """
    target = torch.device(device) if device is not None else qweight.device
    g_idx = None if g_idx is None else g_idx.cpu()
    values = gptq_values(qweight.cpu(), qzeros.cpu(), scales.cpu(), g_idx, bits, v2)
    of_channels = group_of_channels(g_idx, values.codes.shape[0], values.scales.shape[0])
    return pack_values(values, of_channels, bits, target)


def pack_values(values: GptqValues, of_channels: Tensor, bits: int, device: torch.device) -> PackedW4A16:
    """What a checkpoint says, brought into the layout of a device; of_channels is the group of each channel."""
    values = GptqValues(*(each.cpu() for each in values))
    in_features = values.codes.shape[0]
    values, group, channels = _sorted(values, of_channels)
    k, n = values.codes.shape
    scale, width = _sixteen_bits(values.scales), 8 if bits == 8 else 4
    data = packed_for(values.codes, width, device)
    words = rows_of_groups((scale.view(torch.int16).int() & 0xFFFF) | values.zeros.int() << 16)
    channels = None if channels is None else channels.to(device)
    words = words.to(device)
    return PackedW4A16(data.to(device), n, k, width, group, words, scale.dtype, in_features, channels)


def packed_for(codes: Tensor, bits: int, device: torch.device) -> Tensor:
    """Codes [k, n] in the layout of a device, still on the CPU."""
    k, n = codes.shape
    source = codes.contiguous()
    data = torch.empty(_packed_bytes(n, k, bits, where(device)), dtype=torch.uint8, device="cpu")
    check(_pack(address(source), n, k, bits, where(device), address(data)), "pack_w4a16")
    return data


def _sixteen_bits(scales: Tensor) -> Tensor:
    """As a checkpoint has them; wider ones if nothing is lost."""
    if scales.dtype in _SIXTEEN_BITS:
        return scales.contiguous()
    for dtype in _SIXTEEN_BITS:
        narrow = scales.to(dtype)
        if bool((narrow.to(scales.dtype) == scales).all()):
            return narrow.contiguous()
    raise ValueError(f"scales must be values of float16 or bfloat16; round the {scales.dtype} before packing")


def _sorted(values: GptqValues, of_channels: Tensor) -> Tuple[GptqValues, int, Optional[Tensor]]:
    """Channels in the order of their groups, all of them equally long; then their length and the order.

    Uneven groups are taken apart into runs of 32, the last of each filled up with a channel of the group and its zero
    point, which is a weight of 0.
    """
    k, groups = of_channels.numel(), values.scales.shape[0]
    order = torch.sort(of_channels, stable=True)[1]
    counts = torch.bincount(of_channels, minlength=groups)
    largest = int(counts.max()) if k else 0
    if groups == 1 or (bool((counts[:-1] == largest).all()) and largest % _UNIT == 0):
        group = max(-(-largest // _UNIT), 1) * _UNIT
        if torch.equal(order, torch.arange(k, device="cpu")):
            return values, group, None
        return values._replace(codes=values.codes[order]), group, order
    runs = (counts + _UNIT - 1) // _UNIT
    of_runs = torch.arange(groups, device="cpu").repeat_interleave(runs)
    begin, first = (runs.cumsum(0) - runs) * _UNIT, counts.cumsum(0) - counts
    rank = torch.arange(k, device="cpu") - first[of_channels[order]]
    at = begin[of_channels[order]] + rank
    of_places = of_runs.repeat_interleave(_UNIT)
    codes, channels = values.zeros[of_places], order[first[of_places]]
    codes[at], channels[at] = values.codes[order], order
    return GptqValues(codes, values.zeros[of_runs], values.scales[of_runs]), _UNIT, channels


def ask_w4a16(weight: PackedW4A16, dtype: torch.dtype) -> Ask:
    """What the library takes for rows of a type that lie one after the other in aligned memory."""
    device, _ = place(weight.data)
    groups = (weight.group, ANYWHERE, -(-weight.n // 64) * 64)
    pointers = (weight.n, weight.k, ANYWHERE, weight.k, ANYWHERE, *groups, ANYWHERE, weight.n, 0)
    types = (weight.bits, TYPES[dtype], TYPES[weight.scale_dtype], NONE)

    def ask(rows: int, variant: int) -> int:
        return chosen(_variant(_CALL.pack(rows, *pointers, *types, variant), device), "linear_w4a16")

    return ask


@explained
def linear_w4a16(x: Tensor, weight: PackedW4A16, bias: Optional[Tensor] = None) -> Tensor:
    """y[..., n] = sum_k x[..., k] * (code[k, n] - zero[g, n]) * scale[g, n] + bias[n], summed in float32.

    x is float16 or bfloat16 [..., K], and so is y; weights are those of pack_w4a16.
    """
    check_packed(weight, PackedW4A16, "pack_w4a16")
    return linear_operator(x, *weight, bias, [forcing.number])


def _linear_real(
    x: Tensor,
    packed: Tensor,
    n: int,
    k: int,
    bits: int,
    group: int,
    scale_zero: Tensor,
    scale_dtype: torch.dtype,
    in_features: int,
    channels: Optional[Tensor],
    bias: Optional[Tensor],
    variants: Sequence[int] = AUTO,
) -> Tensor:
    check_x(
        x, _SIXTEEN_BITS, in_features, packed
    )  # before it is gathered: a GPU would take no calls after that
    if channels is not None:
        x = x.index_select(-1, channels)
    y = x.new_empty((*x.shape[:-1], n))
    flat, m, row = rows_of(x, k)
    if len(variants) > 1 and (flat.data_ptr() % 16 or (row != k and row % 8)):
        variants = AUTO  # a table is for rows that the fastest variants can read
    if bias is not None:
        bias = vector(bias, n, FLOATS, x.get_device(), "bias")
    groups = (group, scale_zero.data_ptr(), scale_zero.shape[1])
    pointers = (flat.data_ptr(), row, packed.data_ptr(), *groups, y.data_ptr(), n)
    types = (TYPES[x.dtype], TYPES[scale_dtype], NONE if bias is None else TYPES[bias.dtype])
    call = _CALL.pack(m, n, k, *pointers, address(bias), bits, *types, variant_of(variants, m))
    check(_gemm(call, *place(x)), "linear_w4a16")
    return y


linear_operator = registry.operator(
    "linear_w4a16(Tensor x, Tensor packed, int n, int k, int bits, int group, Tensor scale_zero, "
    f"ScalarType scale_dtype, int in_features, Tensor? channels, Tensor? bias, {VARIANTS}) -> Tensor",
    _linear_real,
    lambda x, packed, n, *arguments: x.new_empty((*x.shape[:-1], n)),
)
