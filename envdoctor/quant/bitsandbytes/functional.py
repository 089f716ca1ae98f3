"""bitsandbytes.functional as far as LLM.int8() goes: rounding to int8 and back, and products of what was rounded.

Statistics are the largest magnitudes, so that a value is int8 * statistic / 127; those of rows of zeros are 0.
"""

from typing import Optional, Tuple

import torch
from torch import Tensor

from envdoctor.kernels import gemm_w8a8, quantize_rows
from envdoctor.kernels.calls import FLOATS, INT8, INT32, check_matrix, check_type
from envdoctor.kernels.llm_int8 import SIXTEEN_BITS, take_apart

__all__ = [
    "int8_double_quant",
    "int8_linear_matmul",
    "int8_mixed_scaled_mm",
    "int8_mm_dequant",
    "int8_scaled_mm",
    "int8_vectorwise_dequant",
    "int8_vectorwise_quant",
]


def int8_vectorwise_quant(A: Tensor, threshold: float = 0.0) -> Tuple[Tensor, Tensor, Optional[Tensor]]:
    """(int8 [M, K], float32 [M], outlier columns int64 or None) of A, float16 or bfloat16 [M, K].

    With a threshold columns with any |A| >= threshold are zeros, and such values do not count for a row's statistic.
    """
    check_matrix(A, SIXTEEN_BITS, "A", "[M, K]")
    A = A.detach()
    if not threshold:
        values, scale, _ = quantize_rows(A)
        return values, _largest(scale, A.dtype), None
    parts = take_apart(A, threshold)
    return parts.values.contiguous(), _largest(parts.scale, A.dtype), parts.columns.long()


def int8_double_quant(
    A: Tensor,
    col_stats: None = None,
    row_stats: None = None,
    out_col: None = None,
    out_row: None = None,
    threshold: float = 0.0,
) -> Tuple[Tensor, Tensor, Tensor, Tensor, Optional[Tensor]]:
    """(int8 by rows, int8 by columns, statistics of rows [M] and of columns [K], outlier columns) of A [M, K].

    By columns all values are kept but the outliers themselves. No result is written into given memory.
    """
    given = {"col_stats": col_stats, "row_stats": row_stats, "out_col": out_col, "out_row": out_row}
    for name, tensor in given.items():
        if tensor is not None:
            raise ValueError(f"{name} must be None: results are new tensors")
    by_rows, of_rows, columns = int8_vectorwise_quant(A, threshold)
    kept = A.detach()
    if threshold:
        kept = kept.masked_fill(kept.abs() >= threshold, 0)
    by_columns, scale, _ = quantize_rows(kept.t())
    return by_rows, by_columns.t(), of_rows, _largest(scale, A.dtype), columns


def int8_vectorwise_dequant(A: Tensor, stats: Tensor) -> Tensor:
    """float32 of A, int8 [N, K], and its statistics [N]."""
    return A * stats.float().view(-1, 1) / 127


def int8_linear_matmul(
    A: Tensor, B: Tensor, out: Optional[Tensor] = None, dtype: torch.dtype = torch.int32
) -> Tensor:
    """int32 [..., N] of A B^T, exact for any K; A int8 [..., K], B int8 [N, K]."""
    if dtype != torch.int32:
        raise ValueError(f"dtype must be int32, not {dtype}")
    product = gemm_w8a8(A, B)
    if out is None:
        return product
    check_type(out, INT32, "out")
    if out.shape != product.shape:
        raise ValueError(f"out must be {list(product.shape)}, not {list(out.shape)}")
    return out.copy_(product)


def int8_mm_dequant(
    A: Tensor,
    row_stats: Tensor,
    col_stats: Tensor,
    out: Optional[Tensor] = None,
    bias: Optional[Tensor] = None,
) -> Tensor:
    """float16 [..., N] of int32 sums A [..., N]: A * row_stats * col_stats / 127^2 + bias."""
    check_type(A, INT32, "A")
    scaled = A * (row_stats.float().view(*A.shape[:-1], 1) / 127) * (col_stats.float().view(-1) / 127)
    made = (scaled if bias is None else scaled + bias).to(torch.float16)
    return made if out is None else out.copy_(made)


def int8_scaled_mm(
    A: Tensor,
    B: Tensor,
    row_stats: Tensor,
    col_stats: Tensor,
    bias: Optional[Tensor] = None,
    dtype: torch.dtype = torch.float16,
) -> Tensor:
    """int8_linear_matmul and int8_mm_dequant in one, rounded once, to a dtype."""
    check_type(A, INT8, "A")
    scales = (row_stats / 127, col_stats / 127)
    return gemm_w8a8(A, B, *scales, bias=None if bias is None else bias.detach(), out_dtype=dtype)


def int8_mixed_scaled_mm(
    A: Tensor,
    CA: Tensor,
    CB: Tensor,
    SCA: Tensor,
    SCB: Tensor,
    outlier_cols: Optional[Tensor] = None,
    bias: Optional[Tensor] = None,
) -> Tuple[Tensor, Tensor]:
    """(int8_scaled_mm in A's dtype plus the product of A's outlier columns, those columns [M, outliers])."""
    check_matrix(A, FLOATS, "A", "[M, K]")
    y = int8_scaled_mm(CA, CB, SCA, SCB, bias, A.dtype)
    if outlier_cols is None or not outlier_cols.numel():
        return y, A.new_empty(0)
    columns = A.detach()[:, outlier_cols]
    weights = int8_vectorwise_dequant(CB[:, outlier_cols], SCB).to(A.dtype)
    return y + multiplied(columns, weights.t()), columns


def multiplied(a: Tensor, b: Tensor) -> Tensor:
    """a @ b in the dtype of a. Torch has no product of float16 on a CPU before 2.1, and a slow one on many later."""
    if a.is_cpu and a.dtype == torch.float16:
        return (a.float() @ b.float()).to(a.dtype)
    return a @ b


def _largest(scale: Tensor, dtype: torch.dtype) -> Tensor:
    """What was divided by 127: a value of a type, exactly, or 0 for a row of zeros, which has 2^-100 in its place."""
    largest = scale * 127
    return torch.where(largest > 2.0**-99, largest.to(dtype).float(), torch.zeros_like(largest))
