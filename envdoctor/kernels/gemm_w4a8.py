"""Products of int8 activations and int4 weights, with one scale for each column or for each group along k.

Source of the formulas: cpp/gemm_w4a8/README.md.
"""

import ctypes
import struct
from typing import Any, NamedTuple, Optional, Sequence, Tuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from envdoctor.kernels.calls import (
    ANYWHERE,
    FLOATS,
    INT8,
    INTEGERS,
    Device,
    address,
    check,
    check_matrix,
    check_packed,
    check_type,
    check_x,
    chosen,
    function,
    place,
    rows_adjacent,
    rows_of,
    rows_of_groups,
    where,
)
from envdoctor.kernels.epilogue import ASKED, FORMAT, SCHEMA, Epilogue
from envdoctor.kernels.forcing import Forcing
from envdoctor.kernels.kinds import checked, explained
from envdoctor.kernels.quantize import int8_rows
from envdoctor.kernels.registry import registry
from envdoctor.kernels.variants import AUTO, VARIANTS, Ask, variant_of

#: GemmW4A8 of cpp/gemm_w4a8/gemm_w4a8.h: sizes; x; packed; groups; out, variant.
_CALL = struct.Struct(f"@3q Pq P q2Pq {FORMAT} i0q")

_int, _long, _pointer = ctypes.c_int, ctypes.c_int64, ctypes.c_void_p
_gemm = function("envdoctor_gemm_w4a8", _int, ctypes.c_char_p, _int, _pointer)
_variant = function("envdoctor_gemm_w4a8_variant", _int, ctypes.c_char_p, _int)
_packed_bytes = function("envdoctor_gemm_w4a8_packed_bytes", ctypes.c_size_t, _long, _long, _int)
_pack = function("envdoctor_gemm_w4a8_pack", _int, _pointer, _long, _long, _long, _int, _pointer)

forcing = Forcing("envdoctor_gemm_w4a8_variant_name")


class PackedW4A8(NamedTuple):
    """Weights [n, k] in the layout of the device that they lie on.

    With groups: scales float32 [ceil(k / group), n up to a multiple of 64] and, where groups have zero points,
    int8 of the same shape.
    """

    data: Tensor
    n: int
    k: int  # may be odd; the last value of the last pair is then 0
    sums: Tensor  # of the rows, int32 [n]
    group: int = 0
    group_scale: Optional[Tensor] = None
    group_zero: Optional[Tensor] = None


@checked
def int4_pairs(values: Tensor) -> Tensor:
    """Values -8 to 7, int8 [N, K], as bytes [N, ceil(K / 2)]: the even one in the low half (torchao's layout).

    Where K is odd a value of 0 is added; pack_w4a8 then wants to be told K. Raises TypeError and ValueError for others.
    """
    check_matrix(values, INTEGERS, "values", "[N, K]")
    _check_int4(values, "values")
    values = pad(values, (0, values.shape[1] % 2))
    return (values[:, ::2] & 15 | values[:, 1::2] << 4).to(torch.int8)


@checked
def int4_values(pairs: Tensor) -> Tensor:
    """The opposite of int4_pairs, [N, K] with K even."""
    low = (pairs << 4).to(torch.int8) >> 4
    return torch.stack([low, pairs >> 4], -1).flatten(-2).to(torch.int8)


@checked
def pack_w4a8(
    pairs: Tensor,
    device: Device = None,
    group: int = 0,
    group_scale: Optional[Tensor] = None,
    group_zero: Optional[Tensor] = None,
    k: Optional[int] = None,
) -> PackedW4A8:
    """Bring int4 weights [N, ceil(K / 2)] (see int4_pairs) into the layout of a device (default: theirs). Done once.

    Without k they are as many as there are pairs; an odd k is one fewer, and their last value must be 0: each call then
    copies x to add a column of zeros. With `group` (a multiple of 32) each group of values along K has its scale, and
    its zero point where some are given. Raises TypeError and ValueError for what does not fit.
    """
    check_matrix(pairs, (torch.int8, torch.uint8), "pairs", "[N, ceil(K / 2)]")
    _check_group(group, group_scale, group_zero)
    target = torch.device(device) if device is not None else pairs.device
    n, even = pairs.shape[0], pairs.shape[1] * 2
    k = even if k is None else k
    if k + k % 2 != even:
        raise ValueError(f"k must be {even} or {even - 1} with {pairs.shape[1]} pairs, not {k}")
    groups = -(-k // group) if group else 0
    for name, values in (("group_scale", group_scale), ("group_zero", group_zero)):
        if values is not None and values.shape != (n, groups):
            raise ValueError(f"{name} must be [{n}, {groups}], not {list(values.shape)}")
    source = rows_adjacent(pairs.cpu())
    if k % 2 and bool((source[:, -1] >> 4).any()):
        raise ValueError(f"where k is odd, {k}, the last value of each row must be 0")
    data = torch.empty(_packed_bytes(n, even, where(target)), dtype=torch.int8, device="cpu")
    check(_pack(address(source), source.stride(0), n, even, where(target), address(data)), "pack_w4a8")
    return PackedW4A8(
        data.to(target),
        n,
        k,
        int4_values(source.view(torch.int8)).sum(1, dtype=torch.int32).to(target),
        group,
        None if group_scale is None else rows_of_groups(group_scale.detach().to(target, torch.float32).t()),
        None if group_zero is None else rows_of_groups(group_zero.to(target, torch.int8).t()),
    )


def _check_int4(values: Tensor, name: str) -> None:
    if values.numel() and not -8 <= int(values.min()) <= int(values.max()) <= 7:
        raise ValueError(f"{name} must be from -8 to 7, not from {int(values.min())} to {int(values.max())}")


def _check_group(group: int, scale: Optional[Tensor], zero: Optional[Tensor]) -> None:
    if group % 32 or group < 0:
        raise ValueError(f"group must be a multiple of 32, not {group}")
    for name, values, dtypes in (("group_scale", scale, FLOATS), ("group_zero", zero, INTEGERS)):
        if values is None:
            continue
        check_type(values, dtypes, name)
        if not group:
            raise ValueError(f"{name} goes with group, which is missing: how many values along K have one")
    if group and scale is None:
        raise ValueError("group goes with group_scale, which is missing")
    if zero is not None:
        _check_int4(zero, "group_zero")


def ask_w4a8(weight: PackedW4A8) -> Ask:
    """What the library takes for rows in new memory, as quantize_rows makes them."""
    device, _ = place(weight.data)
    scale, zero = (
        ANYWHERE if values is not None else 0 for values in (weight.group_scale, weight.group_zero)
    )
    even = weight.k + weight.k % 2
    before = (
        weight.n,
        even,
        ANYWHERE,
        even,
        ANYWHERE,
        weight.group,
        scale,
        zero,
        -(-weight.n // 64) * 64,
    )

    def ask(rows: int, variant: int) -> int:
        return chosen(_variant(_CALL.pack(rows, *before, *ASKED, variant), device), "linear_w4a8")

    return ask


@explained
def linear_w4a8(
    x: Tensor,
    weight: PackedW4A8,
    x_scale: Optional[Tensor] = None,
    w_scale: Optional[Tensor] = None,
    x_zero: Optional[Tensor] = None,
    w_zero: Optional[Tensor] = None,
    bias: Optional[Tensor] = None,
    bias_scale: float = 1.0,
    relu: bool = False,
    out_dtype: torch.dtype = torch.float16,
) -> Tensor:
    """y[..., n] = out(x_scale * w_scale * sum_k x[..., k] * w[n, k] + bias_scale * bias[n]), as gemm_w8a8.

    x int8 [..., K]; weights of pack_w4a8. Weights with groups bring their scales; activations then have no zero point.
    Where K is odd x is copied, and zero points are of x or of w, not of both.
    """
    check_packed(weight, PackedW4A8, "pack_w4a8")
    arguments = (x_scale, w_scale, x_zero, w_zero, bias, bias_scale, relu, out_dtype)
    return linear_operator(x, *weight, *arguments, [forcing.number])


def _linear_real(
    x: Tensor,
    packed: Tensor,
    n: int,
    k: int,
    w_sum: Tensor,
    group: int,
    group_scale: Optional[Tensor],
    group_zero: Optional[Tensor],
    *arguments: Any,
) -> Tensor:
    check_x(x, INT8, k, packed)
    out = Epilogue(*arguments)
    y = out.empty(x, *x.shape[:-1], n)
    if k % 2:
        if out.x_zero is not None and out.w_zero is not None:
            raise ValueError("where K is odd, x_zero and w_zero do not go together")
        x, k = pad(x, (0, 1)), k + 1
    flat, m, row = rows_of(x, k)
    fields, kept = out.fields(flat, m, y, n, w_sum)
    groups = _groups(group, group_scale, group_zero)
    variant = variant_of(out.variants, m)
    call = _CALL.pack(m, n, k, flat.data_ptr(), row, packed.data_ptr(), *groups, *fields, variant)
    check(_gemm(call, *place(x)), "linear_w4a8")
    del kept
    return y


def _of_floats_real(
    x: Tensor,
    packed: Tensor,
    n: int,
    k: int,
    w_sum: Tensor,
    group: int,
    group_scale: Optional[Tensor],
    group_zero: Optional[Tensor],
    levels: float,
    x_scale: Optional[Tensor],
    x_zero: Optional[Tensor],
    w_scale: Optional[Tensor],
    bias: Optional[Tensor],
    variants: Sequence[int] = AUTO,
) -> Tensor:
    check_x(x, FLOATS, k, packed)
    on = place(x)
    if k % 2:
        x, k = pad(x, (0, 1)), k + 1
    rows = int8_rows(x, k, levels, x_scale, x_zero, False, on)
    y = x.new_empty((*x.shape[:-1], n))
    out = Epilogue(None, w_scale, None, None, bias, out_dtype=x.dtype)
    fields, kept = out.fields_of(rows.of, rows.m, y, n, w_sum)
    groups = _groups(group, group_scale, group_zero)
    variant = variant_of(variants, rows.m)
    call = _CALL.pack(rows.m, n, k, rows.values, k, packed.data_ptr(), *groups, *fields, variant)
    check(_gemm(call, *on), "linear_w4a8")
    del kept
    return y


def _groups(group: int, scale: Optional[Tensor], zero: Optional[Tensor]) -> Tuple[int, int, int, int]:
    return group, address(scale), address(zero), 0 if scale is None else scale.shape[1]


linear_operator = registry.operator(
    "linear_w4a8(Tensor x, Tensor packed, int n, int k, Tensor w_sum, int group, Tensor? group_scale, "
    f"Tensor? group_zero, {SCHEMA}) -> Tensor",
    _linear_real,
    lambda x, packed, n, k, w_sum, group, group_scale, group_zero, *arguments: Epilogue(*arguments).empty(
        x, *x.shape[:-1], n
    ),
)
#: quantize_rows, or quantize_static where there is a scale of x, and linear_w4a8 in one call.
of_floats_operator = registry.operator(
    "linear_w4a8_of_floats(Tensor x, Tensor packed, int n, int k, Tensor w_sum, int group, Tensor? group_scale, "
    "Tensor? group_zero, float levels, Tensor? x_scale, Tensor? x_zero, Tensor? w_scale, Tensor? bias, "
    f"{VARIANTS}) -> Tensor",
    _of_floats_real,
    lambda x, packed, n, *arguments: x.new_empty((*x.shape[:-1], n)),
)
