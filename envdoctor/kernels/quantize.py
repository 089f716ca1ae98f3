"""Floating point rows to int8, each element read once: a scale for each row found on the way, or one given for all.

Source of the formulas: cpp/quantize/README.md.
"""

import ctypes
import struct
from typing import NamedTuple, Optional, Tuple

import torch
from torch import Tensor

from envdoctor.kernels.calls import (
    FLOAT32,
    FLOATS,
    INT32,
    TYPES,
    address,
    check,
    check_type,
    function,
    inference_only,
    place,
    rows_of,
    vector,
)
from envdoctor.kernels.epilogue import NO_STEPS, OfRows, steps
from envdoctor.kernels.forcing import Forcing
from envdoctor.kernels.kinds import explained
from envdoctor.kernels.registry import registry

#: Quantize of cpp/quantize/quantize.h: sizes; x; q; scale, zero, smooth, sums; type, kind, variant.
_CALL = struct.Struct("@2q Pq Pq 4P 3i0q")

_quantize = function("envdoctor_quantize", ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p)

forcing = Forcing("envdoctor_quantize_variant_name")

#: What a row's largest magnitude may be divided by.
ROWS = {127.0: 0, 127.5: 1}
_STATIC = 2


class Quantized(NamedTuple):
    """int8 values [..., K], the float32 scales to multiply them by, and the int32 sums of rows [...] if asked for."""

    values: Tensor
    scale: Tensor
    sums: Optional[Tensor]


@explained
def quantize_rows(
    x: Tensor, smooth: Optional[Tensor] = None, levels: float = 127, with_sums: bool = False
) -> Quantized:
    """Each row of x [..., K] to int8 with a scale of its own: its largest magnitude / levels, float32 [...].

    x is float16, bfloat16 or float32; with smooth, float32 [K], it is divided by that first. levels 127 uses -127 to
    127, levels 127.5 also -128, as torchao's symmetric quantiser does. Values are rounded to nearest, ties to even. A
    row of zeros gives zeros and a tiny scale; a row with infinity or NaN in it gives zeros, and the scale is infinity
    or NaN. Raises TypeError and ValueError for what does not fit.
    """
    values, scale, sums = rows_operator(x, smooth, float(levels), with_sums)
    return Quantized(values, scale, sums if with_sums else None)


@explained
def quantize_static(
    x: Tensor, scale: Tensor, zero: Optional[Tensor] = None, with_sums: bool = False
) -> Quantized:
    """All of x [..., K] to int8 with one scale: saturate(rint(x * (1 / scale)) + zero).

    scale is float32 [1], zero int32 [1] from -128 to 127; both stay on their device. NaN becomes the zero point.
    Raises TypeError and ValueError for what does not fit.
    """
    values, sums = static_operator(x, scale, zero, with_sums)
    return Quantized(values, scale, sums if with_sums else None)


def _rows_real(
    x: Tensor, smooth: Optional[Tensor], levels: float, with_sums: bool
) -> Tuple[Tensor, Tensor, Tensor]:
    if levels not in ROWS:
        raise ValueError(f"levels must be 127 or 127.5, not {levels}")
    _check_x(x)
    smooth = vector(smooth, x.shape[-1], FLOAT32, x.get_device(), "smooth")
    values, scale, sums = made = _rows_fake(x, smooth, levels, with_sums)
    pointers = (scale.data_ptr(), 0, address(smooth), sums.data_ptr() if with_sums else 0)
    _run(x, values, pointers, ROWS[levels])
    return made


def _rows_fake(
    x: Tensor, smooth: Optional[Tensor], levels: float, with_sums: bool
) -> Tuple[Tensor, Tensor, Tensor]:
    scale = x.new_empty(x.shape[:-1], dtype=torch.float32)
    values, sums = _static_fake(x, scale, None, with_sums)
    return values, scale, sums


def _static_real(x: Tensor, scale: Tensor, zero: Optional[Tensor], with_sums: bool) -> Tuple[Tensor, Tensor]:
    _check_x(x)
    read = vector(scale, 1, FLOAT32, x.get_device(), "scale")
    zero = vector(zero, 1, INT32, x.get_device(), "zero")
    values, sums = _static_fake(x, scale, zero, with_sums)
    pointers = (address(read), address(zero), 0, sums.data_ptr() if with_sums else 0)
    _run(x, values, pointers, _STATIC)
    return values, sums


def _static_fake(x: Tensor, scale: Tensor, zero: Optional[Tensor], with_sums: bool) -> Tuple[Tensor, Tensor]:
    sums = x.new_empty(x.shape[:-1] if with_sums else (0,), dtype=torch.int32)
    return torch.empty_like(x, dtype=torch.int8, memory_format=torch.contiguous_format), sums


def _run(x: Tensor, values: Tensor, pointers: Tuple[int, int, int, int], kind: int) -> None:
    """All leading dimensions of x are its rows; pointers are those of scale, zero, smooth and sums."""
    k = x.shape[-1]
    flat, rows, row = rows_of(x, k)
    operands = (rows, k, flat.data_ptr(), row, values.data_ptr(), k)
    call = _CALL.pack(*operands, *pointers, TYPES[x.dtype], kind, forcing.number)
    check(_quantize(call, *place(x)), "quantize")


def _check_x(x: Tensor) -> None:
    check_type(x, FLOATS, "x")
    inference_only(x, "x")
    if x.dim() < 1:
        raise ValueError("x must have at least one dimension")


class Int8Rows(NamedTuple):
    """Activations as products of int8 take them: address and number of rows, k apart, and what there is for each."""

    values: int
    m: int
    of: OfRows


def int8_rows(
    x: Tensor,
    k: int,
    levels: float,
    x_scale: Optional[Tensor],
    x_zero: Optional[Tensor],
    with_sums: bool,
    on: Tuple[int, Optional[int]],
) -> Int8Rows:
    """x [..., k], which has been checked: by quantize_rows, or by quantize_static where there is a scale.

    on: where it lies, of `place`. All there is to write lies in one allocation, as each takes a while.
    """
    flat, m, row = rows_of(x, k)
    after = -(-m * k // 16) * 16
    room = x.new_empty(after + 4 * m * ((x_scale is None) + with_sums), dtype=torch.uint8)
    values = room.data_ptr()
    if x_scale is None:
        kind, scale, zero, sums = ROWS[levels], (values + after, 1, room), NO_STEPS, values + after + 4 * m
    else:
        device = x.get_device()
        kind, sums, scale = _STATIC, values + after, steps(x_scale, 1, FLOAT32, device, "x_scale")
        zero = steps(x_zero, 1, INT32, device, "x_zero")
    sums = sums if with_sums else 0
    operands = (m, k, flat.data_ptr(), row, values, k)
    call = _CALL.pack(*operands, scale[0], zero[0], 0, sums, TYPES[x.dtype], kind, forcing.number)
    check(_quantize(call, *on), "quantize")
    return Int8Rows(values, m, OfRows(scale, zero, sums, room))


rows_operator = registry.operator(
    "quantize_rows(Tensor x, Tensor? smooth, float levels, bool with_sums) -> (Tensor, Tensor, Tensor)",
    _rows_real,
    _rows_fake,
)
static_operator = registry.operator(
    "quantize_static(Tensor x, Tensor scale, Tensor? zero, bool with_sums) -> (Tensor, Tensor)",
    _static_real,
    _static_fake,
)
