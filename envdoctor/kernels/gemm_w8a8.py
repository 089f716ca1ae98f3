"""Products of int8 activations and int8 weights: plain, batched, and with weights that are packed once.

Source of the formulas: cpp/gemm_w8a8/README.md.
"""

import ctypes
import math
from typing import Any, NamedTuple, Optional

import torch
from torch import Tensor

from envdoctor.kernels import epilogue
from envdoctor.kernels.calls import address, check, function, place, registry, rows_adjacent, where
from envdoctor.kernels.epilogue import CEpilogue, Epilogue
from envdoctor.kernels.forcing import Forcing


class _Call(ctypes.Structure):
    """GemmW8A8 of cpp/gemm_w8a8/gemm_w8a8.h."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("batch", "m", "n", "k")),
        *(("x", ctypes.c_void_p), ("x_batch", ctypes.c_int64), ("x_row", ctypes.c_int64)),
        *(("w", ctypes.c_void_p), ("w_batch", ctypes.c_int64), ("w_row", ctypes.c_int64)),
        *(("packed", ctypes.c_void_p), ("out", CEpilogue), ("variant", ctypes.c_int32)),
    )


_int, _long, _pointer = ctypes.c_int, ctypes.c_int64, ctypes.c_void_p
_gemm = function("envdoctor_gemm_w8a8", _int, ctypes.POINTER(_Call), _int, _pointer)
_packed_bytes = function("envdoctor_gemm_w8a8_packed_bytes", ctypes.c_size_t, _long, _long, _int)
_pack = function("envdoctor_gemm_w8a8_pack", _int, _pointer, _long, _long, _long, _int, _pointer)


forcing = Forcing("envdoctor_gemm_w8a8_variant_name")


class PackedW8A8(NamedTuple):
    """Weights [n, k] in the layout of the device that they lie on, with the sums of their rows (int32 [n])."""

    data: Tensor
    sums: Tensor
    n: int
    k: int


def pack_w8a8(weight: Tensor, device: "Optional[torch.device | str]" = None) -> PackedW8A8:
    """Bring int8 weights [N, K] into the layout of a device (default: theirs). Done once, when a model is loaded.

    Raises TypeError for another dtype and ValueError for another rank.
    """
    if weight.dtype != torch.int8:
        raise TypeError(f"weight must be int8, not {weight.dtype}")
    if weight.dim() != 2:
        raise ValueError(f"weight must be [N, K], not {list(weight.shape)}")
    target = torch.device(device) if device is not None else weight.device
    n, k = weight.shape
    source = rows_adjacent(weight.cpu())
    data = torch.empty(_packed_bytes(n, k, where(target)), dtype=torch.int8)
    check(_pack(address(source), source.stride(0), n, k, where(target), address(data)), "pack_w8a8")
    return PackedW8A8(data.to(target), source.sum(1, dtype=torch.int32).to(target), n, k)


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
    return _plain(x, w, *arguments)


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
    arguments = (x_scale, w_scale, x_zero, w_zero, bias, bias_scale, relu, out_dtype)
    return _linear(x, *weight, *arguments)


def bmm_w8a8(
    x: Tensor, w: Tensor, scale: Optional[Tensor] = None, out_dtype: torch.dtype = torch.int32
) -> Tensor:
    """y[b, m, n] = out(scale * sum_k x[b, m, k] * w[b, n, k]): int8 [B, M, K] and [B, N, K], scale float32 [1]."""
    return _batched(x, w, scale, out_dtype)


def _plain_real(x: Tensor, w: Tensor, *arguments: Any) -> Tensor:
    _check_operands(x, w, w.dim() == 2 and x.dim() > 0)
    w = rows_adjacent(w)
    out = Epilogue(*arguments)
    w_sum = w.sum(1, dtype=torch.int32) if out.x_zero is not None else None
    return _rows(x, _Call(n=w.shape[0], k=w.shape[1], w=address(w), w_row=w.stride(0)), w_sum, out)


def _linear_real(x: Tensor, packed: Tensor, w_sum: Tensor, n: int, k: int, *arguments: Any) -> Tensor:
    if x.dtype != torch.int8 or x.dim() < 1 or x.shape[-1] != k or x.device != packed.device:
        found = f"{x.dtype} {list(x.shape)} on {x.device}"
        raise ValueError(f"x must be int8 [..., {k}] on {packed.device}, not {found}")
    return _rows(x, _Call(n=n, k=k, packed=address(packed)), w_sum, Epilogue(*arguments))


def _rows(x: Tensor, call: _Call, w_sum: Optional[Tensor], out: Epilogue) -> Tensor:
    """All leading dimensions of x are its rows."""
    epilogue.output_type(out.out_dtype)
    y = x.new_empty((*x.shape[:-1], call.n), dtype=out.out_dtype)
    flat = rows_adjacent(x.reshape(math.prod(x.shape[:-1]), x.shape[-1]))
    call.batch, call.m, call.x, call.x_row = 1, flat.shape[0], address(flat), flat.stride(0)
    call.variant = forcing.number
    kept = out.fill(call.out, y, flat, w_sum)
    check(_gemm(ctypes.byref(call), *place(x)), "gemm_w8a8")
    del kept
    return y


def _batched_real(x: Tensor, w: Tensor, scale: Optional[Tensor], out_dtype: torch.dtype) -> Tensor:
    _check_operands(x, w, x.dim() == w.dim() == 3 and x.shape[0] == w.shape[0])
    x, w = rows_adjacent(x), rows_adjacent(w)
    (batch, m, k), n = x.shape, w.shape[1]
    epilogue.output_type(out_dtype)
    y = x.new_empty((batch, m, n), dtype=out_dtype)
    call = _Call(batch, m, n, k, address(x), x.stride(0), x.stride(1), address(w), w.stride(0), w.stride(1))
    kept = Epilogue(scale, out_dtype=out_dtype).fill(call.out, y, x.new_empty((1, k)), None)
    call.out.y_batch, call.variant = m * n, forcing.number
    check(_gemm(ctypes.byref(call), *place(x)), "bmm_w8a8")
    del kept
    return y


def _check_operands(x: Tensor, w: Tensor, shapes_fit: bool) -> None:
    if x.dtype != torch.int8 or w.dtype != torch.int8:
        raise TypeError(f"x and w must be int8, not {x.dtype} and {w.dtype}")
    if not shapes_fit or x.shape[-1] != w.shape[-1]:
        raise ValueError(f"x {list(x.shape)} and w {list(w.shape)} do not fit each other")
    if x.device != w.device:
        raise ValueError(f"x is on {x.device} and w on {w.device}")


_plain = registry.operator(
    f"gemm_w8a8(Tensor x, Tensor w, {epilogue.SCHEMA}) -> Tensor",
    _plain_real,
    lambda x, w, *arguments: x.new_empty((*x.shape[:-1], w.shape[0]), dtype=arguments[-1]),
)
_linear = registry.operator(
    f"linear_w8a8(Tensor x, Tensor packed, Tensor w_sum, int n, int k, {epilogue.SCHEMA}) -> Tensor",
    _linear_real,
    lambda x, packed, w_sum, n, k, *arguments: x.new_empty((*x.shape[:-1], n), dtype=arguments[-1]),
)
_batched = registry.operator(
    "bmm_w8a8(Tensor x, Tensor w, Tensor? scale, ScalarType out_dtype) -> Tensor",
    _batched_real,
    lambda x, w, scale, out_dtype: x.new_empty((x.shape[0], x.shape[1], w.shape[1]), dtype=out_dtype),
)
