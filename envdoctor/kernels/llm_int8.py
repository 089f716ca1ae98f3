"""LLM.int8(): products of 16-bit activations and int8 weights in which columns with large activations stay 16 bits.

Source of the formulas: cpp/llm_int8/README.md.
"""

import ctypes
import math
from typing import NamedTuple, Optional, Sequence, Tuple

import torch
from torch import Tensor

from envdoctor.kernels.calls import (
    ANYWHERE,
    FLOAT32,
    FLOATS,
    NONE,
    TYPES,
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
    vector,
)
from envdoctor.kernels.forcing import Forcing
from envdoctor.kernels.gemm_w8a8 import PackedW8A8, pack_w8a8
from envdoctor.kernels.kinds import checked, explained
from envdoctor.kernels.registry import registry
from envdoctor.kernels.variants import AUTO, VARIANTS, Ask, variant_of


class _Call(ctypes.Structure):
    """LlmInt8 of cpp/llm_int8/llm_int8.h."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("m", "n", "k")),
        *(("x", ctypes.c_void_p), ("x_row", ctypes.c_int64)),
        *((name, ctypes.c_void_p) for name in ("packed", "w_scale", "bias")),
        *(("y", ctypes.c_void_p), ("y_row", ctypes.c_int64)),
        *(("q", ctypes.c_void_p), ("q_row", ctypes.c_int64)),
        *((name, ctypes.c_void_p) for name in ("scale", "flags", "columns", "count")),
        ("threshold", ctypes.c_float),
        *((name, ctypes.c_int32) for name in ("type", "bias_type", "variant")),
    )


_pointer = ctypes.POINTER(_Call)
_llm_int8 = function("envdoctor_llm_int8", ctypes.c_int, _pointer, ctypes.c_int, ctypes.c_void_p)
_variant = function("envdoctor_llm_int8_variant", ctypes.c_int, _pointer, ctypes.c_int)

forcing = Forcing("envdoctor_llm_int8_variant_name")

SIXTEEN_BITS = (torch.float16, torch.bfloat16)


class TakenApart(NamedTuple):
    """int8 values [..., K] with their scales, float32 [...], and the outlier columns, int32, in rising order."""

    values: Tensor
    scale: Tensor
    columns: Tensor


@checked
def pack_llm_int8(weight: Tensor, device: Device = None) -> Tuple[PackedW8A8, Tensor]:
    """Weights [N, K] to int8 with a scale for each row, in the layout of a device (default: theirs). Done once.

    weight is float16, bfloat16 or float32. Of a row whose largest magnitude is c, round(127 * weight / c), and the
    scale c / 127, float32 [N]; a row of zeros has zeros and the scale 0. What bitsandbytes has quantised is taken as
    pack_w8a8(CB) and SCB / 127. Raises TypeError for another dtype, ValueError for another rank, infinity or NaN.
    """
    values, largest = levels_of(weight)
    packed = pack_w8a8(values, device)
    return packed, (largest / 127).to(packed.data.device)


def levels_of(weight: Tensor) -> Tuple[Tensor, Tensor]:
    """Of pack_llm_int8 the int8 values [N, K] and the largest magnitude of each row, float32 [N]."""
    check_matrix(weight, FLOATS, "weight", "[N, K]")
    wide = weight.detach().to(torch.float32, copy=True)
    largest = (
        torch.maximum(wide.amax(1), -wide.amin(1)) if weight.shape[1] else wide.new_zeros(weight.shape[0])
    )
    if not bool(largest.isfinite().all()):
        raise ValueError("weight must not have infinity or NaN in it")
    by = torch.where(largest > 0, largest, torch.ones_like(largest))
    # In place: of a large weight there is no room for many copies.
    return wide.mul_(127).div_(by[:, None]).round_().to(torch.int8), largest


def ask_llm_int8(weight: PackedW8A8, dtype: torch.dtype) -> Ask:
    """What the library takes for rows of a type, with a threshold."""
    device, _ = place(weight.data)
    places = ("x", "packed", "w_scale", "y", "q", "scale", "flags", "columns", "count")
    call = _Call(n=weight.n, k=weight.k, x_row=weight.k, y_row=weight.n, q_row=-(-weight.k // 16) * 16)
    call.threshold, call.type = 6.0, TYPES[dtype]
    for name in places:
        setattr(call, name, ANYWHERE)

    def ask(rows: int, variant: int) -> int:
        call.m, call.variant = rows, variant
        return chosen(_variant(ctypes.byref(call), device), "linear_llm_int8")

    return ask


@explained
def linear_llm_int8(
    x: Tensor,
    weight: PackedW8A8,
    w_scale: Tensor,
    threshold: Optional[float] = 6.0,
    bias: Optional[Tensor] = None,
) -> Tensor:
    """x [..., K] times weights of pack_llm_int8, in x's dtype: int8 but for columns with any |x| >= threshold.

    x is float16 or bfloat16, w_scale float32 [N], bias float16, bfloat16 or float32 [N]. The threshold is one of
    float32; 0 or None: all is int8. Nothing waits for the device, and a CUDA graph may hold the call. Raises TypeError
    and ValueError for what does not fit, NotImplementedError for bfloat16 on Turing.
    """
    check_packed(weight, PackedW8A8, "pack_llm_int8")
    arguments = (w_scale, weight.n, weight.k, threshold or 0.0, bias)
    return linear_operator(x, weight.data, *arguments, [forcing.number])


def take_apart(x: Tensor, threshold: float = 6.0) -> TakenApart:
    """What linear_llm_int8 makes of x, to look at: how many columns there are is asked of the device."""
    check_type(x, SIXTEEN_BITS, "x")
    if x.dim() < 1:
        raise ValueError("x must have at least one dimension")
    call = _Call(variant=forcing.number)
    kept = _take(x, threshold, call)
    check(_llm_int8(ctypes.byref(call), *place(x)), "take_apart")

    def part(begin: int, size: int, dtype: torch.dtype) -> Tensor:
        at = begin - kept[0].data_ptr()
        return kept[0][at : at + size].view(dtype)

    values = part(call.q, call.m * call.q_row, torch.int8).view(call.m, call.q_row)[:, : call.k]
    count = int(part(call.count, 4, torch.int32)) if threshold and call.m and call.k else 0
    return TakenApart(
        values.reshape(x.shape),
        part(call.scale, 4 * call.m, torch.float32).view(x.shape[:-1]),
        part(call.columns, 4 * count, torch.int32),
    )


def _linear_real(
    x: Tensor,
    packed: Tensor,
    w_scale: Tensor,
    n: int,
    k: int,
    threshold: float,
    bias: Optional[Tensor],
    variants: Sequence[int] = AUTO,
) -> Tensor:
    check_x(x, SIXTEEN_BITS, k, packed)
    scale = vector(w_scale, n, FLOAT32, x.get_device(), "w_scale")
    bias = vector(bias, n, FLOATS, x.get_device(), "bias")
    y = x.new_empty((*x.shape[:-1], n))
    call = _Call(
        n=n, packed=address(packed), w_scale=address(scale), bias=address(bias), y=address(y), y_row=n
    )
    call.bias_type = NONE if bias is None else TYPES[bias.dtype]
    kept = _take(x, threshold, call)
    call.variant = variant_of(variants, call.m)
    if y.numel():
        check(_llm_int8(ctypes.byref(call), *place(x)), "linear_llm_int8")
    del kept
    return y


def _take(x: Tensor, threshold: float, call: _Call) -> Tuple[Tensor, Tensor]:
    """Fill in x, all leading dimensions its rows, and room for its parts: tensors that live until the launch."""
    m, k = math.prod(x.shape[:-1]), x.shape[-1]
    flat = rows_adjacent(x.reshape(m, k))
    q_row, flags = -(-k // 16) * 16, -(-k // 64) * 64
    # One allocation for all: each begins where it may, as all sizes before it are multiples of 4.
    room = x.new_empty(m * q_row + flags + 4 * (k + 1 + m), dtype=torch.uint8)
    call.m, call.k, call.x, call.x_row = m, k, address(flat), flat.stride(0)
    call.q, call.q_row = room.data_ptr(), q_row
    call.flags = room.data_ptr() + m * q_row
    call.columns = call.flags + flags
    call.count = call.columns + 4 * k
    call.scale = call.count + 4
    call.threshold, call.type = threshold, TYPES[x.dtype]
    return room, flat


linear_operator = registry.operator(
    "linear_llm_int8(Tensor x, Tensor packed, Tensor w_scale, int n, int k, float threshold, Tensor? bias, "
    f"{VARIANTS}) -> Tensor",
    _linear_real,
    lambda x, packed, w_scale, n, *arguments: x.new_empty((*x.shape[:-1], n)),
)
