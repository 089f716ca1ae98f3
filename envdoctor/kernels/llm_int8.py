"""LLM.int8(): products of 16-bit activations and int8 weights in which columns with large activations stay 16 bits.

Source of the formulas: cpp/llm_int8/README.md.
"""

import ctypes
import math
import struct
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
    rows_of,
    vector,
)
from envdoctor.kernels.forcing import Forcing
from envdoctor.kernels.gemm_w8a8 import PackedW8A8, pack_w8a8
from envdoctor.kernels.kinds import checked, explained
from envdoctor.kernels.registry import registry
from envdoctor.kernels.variants import AUTO, VARIANTS, Ask, variant_of

#: LlmInt8 of cpp/llm_int8/llm_int8.h: sizes; x; packed, w_scale, bias; y; q; scale, flags, columns, count; the rest.
_CALL = struct.Struct("@3q Pq 3P Pq Pq 4P f3i0q")

_llm_int8 = function("envdoctor_llm_int8", ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p)
_variant = function("envdoctor_llm_int8_variant", ctypes.c_int, ctypes.c_char_p, ctypes.c_int)

forcing = Forcing("envdoctor_llm_int8_variant_name")

SIXTEEN_BITS = (torch.float16, torch.bfloat16)
#: Of float32.
_LARGEST = 3.4028234e38


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
    rows_of_x = (weight.n, weight.k, ANYWHERE, weight.k, *[ANYWHERE] * 3, ANYWHERE, weight.n)
    parts = (ANYWHERE, -(-weight.k // 16) * 16, *[ANYWHERE] * 4)
    before = (*rows_of_x, *parts, 6.0, TYPES[dtype], NONE)

    def ask(rows: int, variant: int) -> int:
        return chosen(_variant(_CALL.pack(rows, *before, variant), device), "linear_llm_int8")

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
    parts, k = _room(x), x.shape[-1]
    call = parts.call(0, k, (0, 0, 0), 0, threshold, (TYPES[x.dtype], NONE, forcing.number))
    check(_llm_int8(call, *place(x)), "take_apart")

    def part(begin: int, size: int, dtype: torch.dtype) -> Tensor:
        return parts.room[begin : begin + size].view(dtype)

    values = part(0, parts.m * parts.q_row, torch.int8).view(parts.m, parts.q_row)[:, :k]
    count = int(part(parts.counted, 4, torch.int32)) if threshold and parts.m and k else 0
    return TakenApart(
        values.reshape(x.shape),
        part(parts.scale, 4 * parts.m, torch.float32).view(x.shape[:-1]),
        part(parts.columns, 4 * count, torch.int32),
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
    if y.numel():
        parts = _room(x)
        types = (TYPES[x.dtype], NONE if bias is None else TYPES[bias.dtype], variant_of(variants, parts.m))
        weight = (packed.data_ptr(), address(scale), address(bias))
        call = parts.call(n, k, weight, y.data_ptr(), threshold, types)
        check(_llm_int8(call, *place(x)), "linear_llm_int8")
    return y


class _Room(NamedTuple):
    """The rows of x and room for what they are taken apart into: tensors that live until the launch."""

    flat: Tensor
    m: int
    row: int
    room: Tensor  # q is at its begin, [m, q_row]
    q_row: int
    flags: int  # where they begin, in bytes
    columns: int
    counted: int
    scale: int

    def call(
        self,
        n: int,
        k: int,
        weight: Tuple[int, int, int],
        y: int,
        threshold: float,
        types: Tuple[int, int, int],
    ) -> bytes:
        """Of _CALL; weight is packed, w_scale and bias, types those of x and bias, and the variant."""
        at = self.room.data_ptr()
        parts = (
            at,
            self.q_row,
            *(at + begin for begin in (self.scale, self.flags, self.columns, self.counted)),
        )
        threshold = math.inf if threshold > _LARGEST else threshold
        x = (self.flat.data_ptr(), self.row)
        return _CALL.pack(self.m, n, k, *x, *weight, y, n, *parts, threshold, *types)


def _room(x: Tensor) -> _Room:
    """All leading dimensions of x are its rows."""
    k = x.shape[-1]
    flat, m, row = rows_of(x, k)
    q_row, size_of_flags = -(-k // 16) * 16, -(-k // 64) * 64
    # One allocation for all: each begins where it may, as all sizes before it are multiples of 4.
    flags = m * q_row
    columns = flags + size_of_flags
    count = columns + 4 * k
    room = x.new_empty(count + 4 + 4 * m, dtype=torch.uint8)
    return _Room(flat, m, row, room, q_row, flags, columns, count, count + 4)


linear_operator = registry.operator(
    "linear_llm_int8(Tensor x, Tensor packed, Tensor w_scale, int n, int k, float threshold, Tensor? bias, "
    f"{VARIANTS}) -> Tensor",
    _linear_real,
    lambda x, packed, w_scale, n, *arguments: x.new_empty((*x.shape[:-1], n)),
)
