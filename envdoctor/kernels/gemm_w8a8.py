"""Products of int8 activations and int8 weights: plain, batched, and with weights that are packed once.

Source of the formulas: cpp/gemm_w8a8/README.md.
"""

import ctypes
import struct
from typing import Any, NamedTuple, Optional, Sequence, Tuple

import torch
from torch import Tensor

from envdoctor.kernels.calls import (
    ANYWHERE,
    FLOAT32,
    FLOATS,
    INT8,
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
    vector,
    where,
)
from envdoctor.kernels.epilogue import ASKED, FORMAT, SCHEMA, Epilogue
from envdoctor.kernels.forcing import Forcing
from envdoctor.kernels.kinds import checked, explained
from envdoctor.kernels.quantize import int8_rows
from envdoctor.kernels.registry import registry
from envdoctor.kernels.variants import AUTO, VARIANTS, Ask, variant_of

#: GemmW8A8 of cpp/gemm_w8a8/gemm_w8a8.h: sizes; x; w; packed, out, variant. A call fills one: with `struct` that
#: takes a tenth of the time that ctypes takes.
_CALL = struct.Struct(f"@4q P2q P2q P {FORMAT} i0q")

_int, _long, _pointer = ctypes.c_int, ctypes.c_int64, ctypes.c_void_p
_gemm = function("envdoctor_gemm_w8a8", _int, ctypes.c_char_p, _int, _pointer)
_variant = function("envdoctor_gemm_w8a8_variant", _int, ctypes.c_char_p, _int)
_packed_bytes = function("envdoctor_gemm_w8a8_packed_bytes", ctypes.c_size_t, _long, _long, _int)
_pack = function("envdoctor_gemm_w8a8_pack", _int, _pointer, _long, _long, _long, _int, _pointer)

forcing = Forcing("envdoctor_gemm_w8a8_variant_name")


class PackedW8A8(NamedTuple):
    """Weights [n, k] in the layout of the device that they lie on, with the sums of their rows (int32 [n])."""

    data: Tensor
    sums: Tensor
    n: int
    k: int


@checked
def pack_w8a8(weight: Tensor, device: Device = None) -> PackedW8A8:
    """Bring int8 weights [N, K] into the layout of a device (default: theirs). Done once, when a model is loaded.

    Raises TypeError for another dtype and ValueError for another rank.
    """
    check_matrix(weight, INT8, "weight", "[N, K]")
    target = torch.device(device) if device is not None else weight.device
    n, k = weight.shape
    source = rows_adjacent(weight.cpu())
    data = torch.empty(_packed_bytes(n, k, where(target)), dtype=torch.int8, device="cpu")
    check(_pack(address(source), source.stride(0), n, k, where(target), address(data)), "pack_w8a8")
    return PackedW8A8(data.to(target), source.sum(1, dtype=torch.int32).to(target), n, k)


def ask_w8a8(weight: PackedW8A8) -> Ask:
    """What the library takes for rows in new memory, as quantize_rows makes them."""
    device, _ = place(weight.data)
    before = (weight.n, weight.k, ANYWHERE, 0, weight.k, 0, 0, 0, ANYWHERE)

    def ask(rows: int, variant: int) -> int:
        return chosen(_variant(_CALL.pack(1, rows, *before, *ASKED, variant), device), "linear_w8a8")

    return ask


@explained
def gemm_w8a8(
    x: Tensor,
    w: Tensor,
    x_scale: Optional[Tensor] = None,
    w_scale: Optional[Tensor] = None,
    x_zero: Optional[Tensor] = None,
    w_zero: Optional[Tensor] = None,
    bias: Optional[Tensor] = None,
    bias_scale: float = 1.0,
    relu: bool = False,
    out_dtype: torch.dtype = torch.int32,
) -> Tensor:
    """y[..., n] = out(x_scale * w_scale * sum_k (x[..., k] - x_zero) * (w[n, k] - w_zero[n]) + bias_scale * bias[n]).

    x int8 [..., K] and w int8 [N, K]; scales float32 and zero points int32, one for all or one for each row of x (x_*)
    or of w (w_*); bias of any of the output's dtypes, [N]. out_dtype: int8 (saturating, ties to even), int32 (exact
    where nothing scales), float16, bfloat16, float32. Raises TypeError and ValueError for what does not fit.
    """
    arguments = (x_scale, w_scale, x_zero, w_zero, bias, bias_scale, relu, out_dtype)
    return _plain(x, w, *arguments, [forcing.number])


@explained
def linear_w8a8(
    x: Tensor,
    weight: PackedW8A8,
    x_scale: Optional[Tensor] = None,
    w_scale: Optional[Tensor] = None,
    x_zero: Optional[Tensor] = None,
    w_zero: Optional[Tensor] = None,
    bias: Optional[Tensor] = None,
    bias_scale: float = 1.0,
    relu: bool = False,
    out_dtype: torch.dtype = torch.float16,
) -> Tensor:
    """gemm_w8a8 with weights that pack_w8a8 packed."""
    check_packed(weight, PackedW8A8, "pack_w8a8")
    arguments = (x_scale, w_scale, x_zero, w_zero, bias, bias_scale, relu, out_dtype)
    return linear_operator(x, *weight, *arguments, [forcing.number])


@explained
def bmm_w8a8(
    x: Tensor, w: Tensor, scale: Optional[Tensor] = None, out_dtype: torch.dtype = torch.int32
) -> Tensor:
    """y[b, m, n] = out(scale * sum_k x[b, m, k] * w[b, n, k]): int8 [B, M, K] and [B, N, K], scale float32 [1]."""
    return _batched(x, w, scale, out_dtype, [forcing.number])


def _plain_real(x: Tensor, w: Tensor, *arguments: Any) -> Tensor:
    _check_operands(x, w, w.dim() == 2 and x.dim() > 0)
    w, out = rows_adjacent(w), Epilogue(*arguments)
    w_sum = w.sum(1, dtype=torch.int32) if out.x_zero is not None else None
    return _rows(x, w.shape[0], w.shape[1], (w.data_ptr(), 0, w.stride(0), 0), w_sum, out)


def _linear_real(x: Tensor, packed: Tensor, w_sum: Tensor, n: int, k: int, *arguments: Any) -> Tensor:
    check_x(x, INT8, k, packed)
    return _rows(x, n, k, (0, 0, 0, packed.data_ptr()), w_sum, Epilogue(*arguments))


def _of_floats_real(
    x: Tensor,
    packed: Tensor,
    w_sum: Tensor,
    n: int,
    k: int,
    levels: float,
    x_scale: Optional[Tensor],
    x_zero: Optional[Tensor],
    w_scale: Optional[Tensor],
    w_zero: Optional[Tensor],
    bias: Optional[Tensor],
    variants: Sequence[int] = AUTO,
) -> Tensor:
    check_x(x, FLOATS, k, packed)
    on = place(x)
    rows = int8_rows(x, k, levels, x_scale, x_zero, w_zero is not None, on)
    y = x.new_empty((*x.shape[:-1], n))
    out = Epilogue(None, w_scale, None, w_zero, bias, out_dtype=x.dtype)
    fields, kept = out.fields_of(rows.of, rows.m, y, n, w_sum)
    weight = (0, 0, 0, packed.data_ptr())
    variant = variant_of(variants, rows.m)
    call = _CALL.pack(1, rows.m, n, k, rows.values, 0, k, *weight, *fields, variant)
    check(_gemm(call, *on), "linear_w8a8")
    del kept
    return y


def _rows(
    x: Tensor,
    n: int,
    k: int,
    weight: Tuple[int, int, int, int],
    w_sum: Optional[Tensor],
    out: Epilogue,
) -> Tensor:
    """All leading dimensions of x are its rows; the weight is w, its strides, packed."""
    y = out.empty(x, *x.shape[:-1], n)
    flat, m, row = rows_of(x, k)
    fields, kept = out.fields(flat, m, y, n, w_sum)
    variant = variant_of(out.variants, m)
    call = _CALL.pack(1, m, n, k, flat.data_ptr(), 0, row, *weight, *fields, variant)
    check(_gemm(call, *place(x)), "gemm_w8a8")
    del kept
    return y


def _batched_real(
    x: Tensor,
    w: Tensor,
    scale: Optional[Tensor],
    out_dtype: torch.dtype,
    variants: Sequence[int] = AUTO,
) -> Tensor:
    _check_operands(x, w, x.dim() == w.dim() == 3 and x.shape[0] == w.shape[0])
    scale = vector(scale, 1, FLOAT32, x.get_device(), "scale")
    x, w, out = rows_adjacent(x), rows_adjacent(w), Epilogue(scale, out_dtype=out_dtype)
    (batch, m, k), n = x.shape, w.shape[1]
    y = out.empty(x, batch, m, n)
    fields, kept = out.fields(x, m, y, n, None)
    operands = (x.data_ptr(), *x.stride()[:2], w.data_ptr(), *w.stride()[:2], 0)
    call = _CALL.pack(batch, m, n, k, *operands, *fields, variant_of(variants, m))
    check(_gemm(call, *place(x)), "bmm_w8a8")
    del kept
    return y


def _check_operands(x: Tensor, w: Tensor, shapes_fit: bool) -> None:
    check_type(x, INT8, "x")
    check_type(w, INT8, "w")
    if not shapes_fit or x.shape[-1] != w.shape[-1]:
        raise ValueError(f"x {list(x.shape)} and w {list(w.shape)} do not fit each other")
    if x.device != w.device:
        raise ValueError(f"x is on {x.device} and w on {w.device}")


_plain = registry.operator(
    f"gemm_w8a8(Tensor x, Tensor w, {SCHEMA}) -> Tensor",
    _plain_real,
    lambda x, w, *arguments: Epilogue(*arguments).empty(x, *x.shape[:-1], w.shape[0]),
)
linear_operator = registry.operator(
    f"linear_w8a8(Tensor x, Tensor packed, Tensor w_sum, int n, int k, {SCHEMA}) -> Tensor",
    _linear_real,
    lambda x, packed, w_sum, n, k, *arguments: Epilogue(*arguments).empty(x, *x.shape[:-1], n),
)
#: quantize_rows, or quantize_static where there is a scale of x, and linear_w8a8 in one call.
of_floats_operator = registry.operator(
    "linear_w8a8_of_floats(Tensor x, Tensor packed, Tensor w_sum, int n, int k, float levels, Tensor? x_scale, "
    f"Tensor? x_zero, Tensor? w_scale, Tensor? w_zero, Tensor? bias, {VARIANTS}) -> Tensor",
    _of_floats_real,
    lambda x, packed, w_sum, n, *arguments: x.new_empty((*x.shape[:-1], n)),
)
_batched = registry.operator(
    f"bmm_w8a8(Tensor x, Tensor w, Tensor? scale, ScalarType out_dtype, {VARIANTS}) -> Tensor",
    _batched_real,
    lambda x, w, scale, out_dtype, variants=AUTO: x.new_empty(
        (x.shape[0], x.shape[1], w.shape[1]), dtype=out_dtype
    ),
)
