"""bitsandbytes.matmul: 16-bit activations times weights that are rounded to int8 on the way, with gradients of both."""

from typing import Any, Dict, Optional, Tuple

import torch
from torch import Tensor

from envdoctor.kernels import LinearLlmInt8, gemm_w8a8, quantize_rows
from envdoctor.kernels.llm_int8 import levels_of
from envdoctor.kernels.seen_plain import SeenPlain
from envdoctor.quant.bitsandbytes.functional import (
    int8_double_quant,
    int8_mixed_scaled_mm,
    int8_vectorwise_dequant,
    int8_vectorwise_quant,
    multiplied,
)

_Grads = Tuple[Optional[Tensor], ...]


class MatmulLtState:
    """What a linear knows of its weight: int8 `CB` [N, K] and the largest magnitudes `SCB`, float32 [N]."""

    # Of the class, so that a state which bitsandbytes has pickled, with fewer names, has them too.
    CB: Optional[Tensor] = None
    SCB: Optional[Tensor] = None
    idx: Optional[Tensor] = None
    threshold = 0.0
    is_training = True
    has_fp16_weights = True

    def __getstate__(self) -> Dict[str, Any]:
        # Without what follows from the weight beside it.
        follows = self.has_fp16_weights or isinstance(self.CB, SeenPlain)
        return {name: value for name, value in vars(self).items() if name != "CB" or not follows}

    def reset_grads(self) -> None:
        """Forget the weight."""
        self.CB = self.SCB = None

    def quantize(self, weight: Tensor) -> Tuple[Tensor, Tensor]:
        """CB and SCB; of this weight in each call while it has 16 bits, as nothing tells whether it was written to."""
        if self.has_fp16_weights or self.CB is None or self.SCB is None:
            self.CB, self.SCB = levels_of(weight)
        return self.CB.detach(), self.SCB


def matmul(
    A: Tensor,
    B: Tensor,
    out: Optional[Tensor] = None,
    state: Optional[MatmulLtState] = None,
    threshold: float = 0.0,
    bias: Optional[Tensor] = None,
) -> Tensor:
    """A [..., K] times B^T, B [N, K], plus bias, in the dtype of A; B is rounded to int8 unless state.CB is there.

    Gradients of A are those of the int8 weight; those of B are int8 products themselves, but for outlier columns.
    """
    state = state or MatmulLtState()
    if threshold > 0:
        state.threshold = threshold
    made: Tensor = MatMul8bitLt.apply(A, B, bias, state)
    return made if out is None else out.copy_(made)


class MatMul8bitLt(torch.autograd.Function):  # type: ignore[misc]
    """The product of `matmul`."""

    @staticmethod
    def forward(ctx: Any, A: Tensor, B: Tensor, bias: Optional[Tensor], state: MatmulLtState) -> Tensor:
        """A [..., K], B [N, K], bias [N]."""
        CB, SCB = state.quantize(B)
        x = A.reshape(-1, A.shape[-1])
        half = x.to(torch.float16) if x.dtype == torch.float32 else x
        by_columns = of_columns = None
        if ctx.needs_input_grad[1]:
            quantized = int8_double_quant(half, threshold=state.threshold)
            CA, by_columns, SCA, of_columns, state.idx = quantized
        else:
            CA, SCA, state.idx = int8_vectorwise_quant(half, state.threshold)
        y, outliers = int8_mixed_scaled_mm(x, CA, CB, SCA, SCB, state.idx, bias)
        ctx.save_for_backward(CB, SCB, by_columns, of_columns, outliers, state.idx)
        ctx.dtypes = (A.dtype, B.dtype, None if bias is None else bias.dtype)
        return y.view(*A.shape[:-1], CB.shape[0])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> _Grads:
        """Of A, B and bias."""
        CB, SCB, by_columns, of_columns, outliers, columns = ctx.saved_tensors
        rows = grad.reshape(-1, grad.shape[-1])
        of_a = of_b = None
        if ctx.needs_input_grad[0]:
            of_a = multiplied(grad, int8_vectorwise_dequant(CB, SCB).to(grad.dtype))
        if ctx.needs_input_grad[1]:
            of_b = _grad_of_weight(rows, by_columns, of_columns / 127)
            if columns is not None and columns.numel():
                of_b[:, columns] = multiplied(rows.t(), outliers).to(of_b.dtype)
            of_b = of_b.to(ctx.dtypes[1])
        return of_a, of_b, _grad_of_bias(rows, ctx.needs_input_grad[2], ctx.dtypes[2]), None


class Frozen(torch.autograd.Function):  # type: ignore[misc]
    """The product with a weight that has no gradient, packed for inference."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, bias: Optional[Tensor], product: LinearLlmInt8, threshold: float
    ) -> Tensor:
        """x [..., K], bias [N]."""
        ctx.product, ctx.dtype = product, None if bias is None else bias.dtype
        return product.product(x, bias, threshold)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> _Grads:
        """Of x and bias."""
        of_x = None
        if ctx.needs_input_grad[0]:
            plain = ctx.product.plain()
            of_x = multiplied(grad, (plain["weight"] * plain["w_scale"][:, None]).to(grad.dtype))
        rows = grad.reshape(-1, grad.shape[-1])
        return of_x, _grad_of_bias(rows, ctx.needs_input_grad[1], ctx.dtype), None, None


def _grad_of_weight(rows: Tensor, by_columns: Tensor, scale: Tensor) -> Tensor:
    """float32 [N, K] of gradients [M, N] and int8 activations [M, K]; both have a scale for each column."""
    values, of_rows, _ = quantize_rows(rows.t())
    return gemm_w8a8(values, by_columns.t(), of_rows, scale, out_dtype=torch.float32)


def _grad_of_bias(rows: Tensor, needed: bool, dtype: Optional[torch.dtype]) -> Optional[Tensor]:
    return rows.sum(0, dtype=dtype) if needed else None
