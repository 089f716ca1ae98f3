"""Products of int8 activations and int8 weights: plain, batched, and with weights that are packed once."""

import ctypes
import math
from typing import NamedTuple, Optional, Tuple

import torch

from envdoctor.kernels.calls import NONE, TYPES, address, check, function, place, registry, rows_adjacent

Tensor = torch.Tensor


class _Call(ctypes.Structure):
    """GemmW8A8 of cpp/gemm_w8a8/gemm_w8a8.h."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("batch", "m", "n", "k")),
        *(("x", ctypes.c_void_p), ("x_batch", ctypes.c_int64), ("x_row", ctypes.c_int64)),
        *(("w", ctypes.c_void_p), ("w_batch", ctypes.c_int64), ("w_row", ctypes.c_int64)),
        ("packed", ctypes.c_void_p),
        *(("y", ctypes.c_void_p), ("y_batch", ctypes.c_int64), ("y_row", ctypes.c_int64)),
        *((name, ctypes.c_void_p) for name in ("x_scale", "w_scale", "x_zero", "x_sum", "w_zero", "w_sum", "bias")),
        *((name, ctypes.c_int32) for name in ("x_scale_step", "w_scale_step", "x_zero_step", "w_zero_step")),
        *((name, ctypes.c_int32) for name in ("y_type", "bias_type")),
        *(("bias_scale", ctypes.c_float), ("relu", ctypes.c_int32)),
    )


_gemm = function("envdoctor_gemm_w8a8", ctypes.c_int, ctypes.POINTER(_Call), ctypes.c_int, ctypes.c_void_p)
_packed_bytes = function("envdoctor_gemm_w8a8_packed_bytes", ctypes.c_size_t, ctypes.c_int64, ctypes.c_int64, ctypes.c_int)
_pack = function(
    *("envdoctor_gemm_w8a8_pack", ctypes.c_int, ctypes.c_void_p),
    *(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_int, ctypes.c_void_p),
)
_variant = function("envdoctor_gemm_w8a8_variant", ctypes.c_char_p, ctypes.POINTER(_Call), ctypes.c_int)


class PackedW8A8(NamedTuple):
    """Weights [n, k] in the layout of the device that they lie on, with the sums of their rows (int32 [n])."""

    data: Tensor
    n: int
    k: int
    sums: Tensor


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
    kind = -1 if target.type == "cpu" else 0
    source = rows_adjacent(weight.cpu())
    data = torch.empty(_packed_bytes(n, k, kind), dtype=torch.int8)
    check(_pack(source.data_ptr(), source.stride(0), n, k, kind, data.data_ptr()), "pack_w8a8")
    sums = source.sum(1, dtype=torch.int32)
    return PackedW8A8(data.to(target), n, k, sums.to(target))


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
    """y[..., n] = out(s * sum_k (x[..., k] - x_zero) * (w[n, k] - w_zero[n]) + bias_scale * bias[n]), s = x_scale * w_scale.

    x int8 [..., K] and w int8 [N, K]; scales float32 and zero points int32, one for all or one per row of x (x_*) and
    per row of w (w_*); bias of any listed dtype, [N]. out_dtype: int8 (saturating, ties to even), int32 (exact where
    there is no scale), float16, bfloat16, float32. Source of the formula: cpp/gemm_w8a8/README.md.
    Raises TypeError and ValueError for operands that do not fit each other.
    """
    return _plain(x, w, x_scale, w_scale, x_zero, w_zero, bias, bias_scale, relu, out_dtype)  # type: ignore[no-any-return]


def bmm_w8a8(x: Tensor, w: Tensor, scale: Optional[Tensor] = None, out_dtype: torch.dtype = torch.int32) -> Tensor:
    """y[b, m, n] = out(scale * sum_k x[b, m, k] * w[b, n, k]): x int8 [B, M, K], w int8 [B, N, K], scale float32 [1]."""
    return _batched(x, w, scale, out_dtype)  # type: ignore[no-any-return]


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
    packed = weight.data, weight.sums, weight.n, weight.k
    return _linear(x, *packed, x_scale, w_scale, x_zero, w_zero, bias, bias_scale, relu, out_dtype)  # type: ignore[no-any-return]


def _plain_real(
    x: Tensor,
    w: Tensor,
    x_scale: Optional[Tensor],
    w_scale: Optional[Tensor],
    x_zero: Optional[Tensor],
    w_zero: Optional[Tensor],
    bias: Optional[Tensor],
    bias_scale: float,
    relu: bool,
    out_dtype: torch.dtype,
) -> Tensor:
    _check_operands(x, w, 2)
    w = rows_adjacent(w)
    w_sum = w.sum(1, dtype=torch.int32) if x_zero is not None else None
    weights = {"w": w.data_ptr(), "w_row": w.stride(0), "n": w.shape[0], "k": w.shape[1]}
    epilogue = (x_scale, w_scale, x_zero, w_zero, w_sum, bias, bias_scale, relu, out_dtype)
    return _rows(x, weights, *epilogue)


def _linear_real(
    x: Tensor,
    packed: Tensor,
    w_sum: Tensor,
    n: int,
    k: int,
    x_scale: Optional[Tensor],
    w_scale: Optional[Tensor],
    x_zero: Optional[Tensor],
    w_zero: Optional[Tensor],
    bias: Optional[Tensor],
    bias_scale: float,
    relu: bool,
    out_dtype: torch.dtype,
) -> Tensor:
    if x.dtype != torch.int8 or x.shape[-1] != k or x.device != packed.device:
        raise ValueError(f"x must be int8 [..., {k}] on {packed.device}, not {x.dtype} {list(x.shape)} on {x.device}")
    weights = {"packed": packed.data_ptr(), "n": n, "k": k}
    epilogue = (x_scale, w_scale, x_zero, w_zero, w_sum, bias, bias_scale, relu, out_dtype)
    return _rows(x, weights, *epilogue)


def _rows(
    x: Tensor,
    weights: "dict[str, int]",
    x_scale: Optional[Tensor],
    w_scale: Optional[Tensor],
    x_zero: Optional[Tensor],
    w_zero: Optional[Tensor],
    w_sum: Optional[Tensor],
    bias: Optional[Tensor],
    bias_scale: float,
    relu: bool,
    out_dtype: torch.dtype,
) -> Tensor:
    """Rows of x are all its leading dimensions."""
    n = weights["n"]
    y = x.new_empty((*x.shape[:-1], n), dtype=out_dtype)
    m = math.prod(x.shape[:-1])
    flat = rows_adjacent(x.reshape(m, x.shape[-1]))
    x_sum = flat.sum(1, dtype=torch.int32) if w_zero is not None else None
    kept = [
        x_sum,
        _values(x_scale, m, torch.float32, "x_scale"),
        _values(w_scale, n, torch.float32, "w_scale"),
        _values(x_zero, m, torch.int32, "x_zero"),
        _values(w_zero, n, torch.int32, "w_zero"),
        _bias(bias, n),
    ]
    call = _Call(batch=1, m=m, x=flat.data_ptr(), x_row=flat.stride(0), y=y.data_ptr(), y_row=n, **weights)
    call.x_sum, call.w_sum = address(x_sum), address(w_sum if x_zero is not None else None)
    for name, values in zip(("x_scale", "w_scale", "x_zero", "w_zero"), kept[1:5]):
        setattr(call, name, address(values))
        setattr(call, f"{name}_step", int(values is not None and values.numel() != 1))
    call.bias, call.bias_type = address(kept[5]), NONE if kept[5] is None else TYPES[kept[5].dtype]
    call.bias_scale, call.relu, call.y_type = bias_scale, relu, _type(out_dtype)
    check(_gemm(ctypes.byref(call), *place(x)), "gemm_w8a8")
    return y


def _batched_real(x: Tensor, w: Tensor, scale: Optional[Tensor], out_dtype: torch.dtype) -> Tensor:
    _check_operands(x, w, 3)
    x, w = rows_adjacent(x), rows_adjacent(w)
    (batch, m, k), n = x.shape, w.shape[1]
    y = x.new_empty((batch, m, n), dtype=out_dtype)
    factor = _values(scale, 1, torch.float32, "scale")
    call = _Call(
        *(batch, m, n, k, x.data_ptr(), x.stride(0), x.stride(1), w.data_ptr(), w.stride(0), w.stride(1)),
        *(None, y.data_ptr(), m * n, n, address(factor)),
        y_type=_type(out_dtype),
    )
    check(_gemm(ctypes.byref(call), *place(x)), "bmm_w8a8")
    return y


def _check_operands(x: Tensor, w: Tensor, rank: int) -> None:
    if x.dtype != torch.int8 or w.dtype != torch.int8:
        raise TypeError(f"x and w must be int8, not {x.dtype} and {w.dtype}")
    batches = x.shape[0] == w.shape[0] and x.dim() == 3 if rank == 3 and x.dim() and w.dim() else rank == 2
    if w.dim() != rank or x.dim() < 1 or not batches or x.shape[-1] != w.shape[-1]:
        raise ValueError(f"x {list(x.shape)} and w {list(w.shape)} do not fit each other")
    if x.device != w.device:
        raise ValueError(f"x is on {x.device} and w on {w.device}")


def _values(values: Optional[Tensor], count: int, dtype: torch.dtype, name: str) -> Optional[Tensor]:
    """One value for all, or one each, contiguous."""
    if values is None:
        return None
    if values.numel() not in (1, count):
        raise ValueError(f"{name} must have 1 or {count} values, not {values.numel()}")
    return values.reshape(-1).to(dtype).contiguous()


def _bias(bias: Optional[Tensor], n: int) -> Optional[Tensor]:
    if bias is None:
        return None
    if bias.numel() != n:
        raise ValueError(f"bias must have {n} values, not {bias.numel()}")
    return bias.reshape(-1).contiguous()


def _type(dtype: torch.dtype) -> int:
    if dtype not in TYPES:
        raise TypeError(f"out_dtype must be one of {', '.join(str(known)[6:] for known in TYPES)}, not {dtype}")
    return TYPES[dtype]


_EPILOGUE: Tuple[str, ...] = (
    "Tensor? x_scale, Tensor? w_scale, Tensor? x_zero, Tensor? w_zero, Tensor? bias",
    "float bias_scale, bool relu, ScalarType out_dtype",
)
_plain = registry.operator(
    f"gemm_w8a8(Tensor x, Tensor w, {', '.join(_EPILOGUE)}) -> Tensor",
    _plain_real,
    lambda x, w, *epilogue: x.new_empty((*x.shape[:-1], w.shape[0]), dtype=epilogue[-1]),
)
_linear = registry.operator(
    f"linear_w8a8(Tensor x, Tensor packed, Tensor w_sum, int n, int k, {', '.join(_EPILOGUE)}) -> Tensor",
    _linear_real,
    lambda x, packed, w_sum, n, k, *epilogue: x.new_empty((*x.shape[:-1], n), dtype=epilogue[-1]),
)
_batched = registry.operator(
    "bmm_w8a8(Tensor x, Tensor w, Tensor? scale, ScalarType out_dtype) -> Tensor",
    _batched_real,
    lambda x, w, scale, out_dtype: x.new_empty((x.shape[0], x.shape[1], w.shape[1]), dtype=out_dtype),
)
