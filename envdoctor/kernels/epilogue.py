"""What follows the sums of products in every family: scales, zero points, bias, ReLU, output type."""

import ctypes
from typing import List, NamedTuple, Optional

import torch
from torch import Tensor

from envdoctor.kernels.calls import NONE, TYPES, address

#: Of an operator's schema, its last arguments.
SCHEMA = (
    "Tensor? x_scale, Tensor? w_scale, Tensor? x_zero, Tensor? w_zero, Tensor? bias, "
    "float bias_scale, bool relu, ScalarType out_dtype"
)


class CEpilogue(ctypes.Structure):
    """Epilogue of cpp/common/epilogue.h."""

    _fields_ = (
        *(("y", ctypes.c_void_p), ("y_batch", ctypes.c_int64), ("y_row", ctypes.c_int64)),
        *(("n", ctypes.c_int64), ("k", ctypes.c_int64)),
        *(
            (name, ctypes.c_void_p)
            for name in ("x_scale", "w_scale", "x_zero", "x_sum", "w_zero", "w_sum", "bias")
        ),
        *((name, ctypes.c_int32) for name in ("x_scale_step", "w_scale_step", "x_zero_step", "w_zero_step")),
        *((name, ctypes.c_int32) for name in ("y_type", "bias_type")),
        *(("bias_scale", ctypes.c_float), ("relu", ctypes.c_int32)),
    )


class Epilogue(NamedTuple):
    """The arguments of SCHEMA."""

    x_scale: Optional[Tensor] = None
    w_scale: Optional[Tensor] = None
    x_zero: Optional[Tensor] = None
    w_zero: Optional[Tensor] = None
    bias: Optional[Tensor] = None
    bias_scale: float = 1.0
    relu: bool = False
    out_dtype: torch.dtype = torch.float32

    def fill(self, into: CEpilogue, y: Tensor, x: Tensor, w_sum: Optional[Tensor]) -> List[Optional[Tensor]]:
        """For rows of x [m, k] and y [m, n]; the tensors returned must live until the call is launched.

        Raises ValueError for a wrong number of values.
        """
        m, n = x.shape[0], y.shape[-1]
        kept = [
            _values(self.x_scale, m, torch.float32, "x_scale"),
            _values(self.w_scale, n, torch.float32, "w_scale"),
            _values(self.x_zero, m, torch.int32, "x_zero"),
            _values(self.w_zero, n, torch.int32, "w_zero"),
        ]
        for name, values in zip(("x_scale", "w_scale", "x_zero", "w_zero"), kept):
            setattr(into, name, address(values))
            setattr(into, f"{name}_step", int(values is not None and values.numel() != 1))
        bias = _bias(self.bias, n)
        x_sum = x.sum(1, dtype=torch.int32) if self.w_zero is not None else None
        into.x_sum, into.w_sum = address(x_sum), address(w_sum if self.x_zero is not None else None)
        into.bias, into.bias_type = address(bias), NONE if bias is None else TYPES[bias.dtype]
        into.bias_scale, into.relu = self.bias_scale, self.relu
        into.y, into.y_row, into.y_type = y.data_ptr(), n, output_type(self.out_dtype)
        return [*kept, bias, x_sum, w_sum]


def output_type(dtype: torch.dtype) -> int:
    """Its number; raises TypeError for one that no kernel writes."""
    if dtype not in TYPES:
        known = ", ".join(str(known)[6:] for known in TYPES)
        raise TypeError(f"out_dtype must be one of {known}, not {dtype}")
    return TYPES[dtype]


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
