"""What follows the sums of products in every family: scales, zero points, bias, ReLU, output type."""

from typing import Any, NamedTuple, Optional, Sequence, Tuple

import torch
from torch import Tensor

from envdoctor.kernels.calls import ANYWHERE, FLOAT32, INT32, NONE, TYPES, address, vector
from envdoctor.kernels.variants import AUTO, VARIANTS

#: Of an operator's schema, its last arguments.
SCHEMA = (
    "Tensor? x_scale, Tensor? w_scale, Tensor? x_zero, Tensor? w_zero, Tensor? bias, "
    f"float bias_scale, bool relu, ScalarType out_dtype, {VARIANTS}"
)

#: Epilogue of cpp/common/epilogue.h for `struct`: y, its strides, n and k; pointers; steps; types; bias_scale, relu.
FORMAT = "P4q 7P 4i 2i fi"
#: Values of it for a call that is only asked about: no variant depends on them.
ASKED = (ANYWHERE, *[0] * 4, *[0] * 7, *[0] * 4, TYPES[torch.float16], NONE, 1.0, 0)


#: Where values are, the step to the next (0: one for all), and what holds them.
Steps = Tuple[int, int, Optional[Tensor]]


class OfRows(NamedTuple):
    """What there is for each row of x, or for all of them; sums: where those of the rows are, if weights have zeros."""

    scale: Steps
    zero: Steps
    sums: int
    kept: Optional[Tensor]


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
    variants: Sequence[int] = AUTO

    def empty(self, x: Tensor, *shape: int) -> Tensor:
        """An output; raises TypeError for a type that no kernel writes."""
        if self.out_dtype not in TYPES:
            known = ", ".join(str(known)[6:] for known in TYPES)
            raise TypeError(f"out_dtype must be one of {known}, not {self.out_dtype}")
        return x.new_empty(shape, dtype=self.out_dtype)

    def fields(
        self, x: Tensor, m: int, y: Tensor, n: int, w_sum: Optional[Tensor]
    ) -> Tuple[Tuple[Any, ...], Any]:
        """Values of FORMAT for m rows of x and n columns of y, and what must live until the call is launched.

        Raises TypeError for values of another type, ValueError for a wrong number of them or another device.
        """
        device = y.get_device()
        x_scale = steps(self.x_scale, m, FLOAT32, device, "x_scale")
        x_zero = steps(self.x_zero, m, INT32, device, "x_zero")
        x_sum = None if self.w_zero is None else x.sum(-1, dtype=torch.int32)
        return self.fields_of(OfRows(x_scale, x_zero, address(x_sum), x_sum), m, y, n, w_sum)

    def fields_of(
        self, rows: OfRows, m: int, y: Tensor, n: int, w_sum: Optional[Tensor]
    ) -> Tuple[Tuple[Any, ...], Any]:
        """The same where x_scale and x_zero are those of the rows."""
        device = y.get_device()
        w_scale = steps(self.w_scale, n, FLOAT32, device, "w_scale")
        w_zero = steps(self.w_zero, n, INT32, device, "w_zero")
        bias = vector(self.bias, n, _BIASES, device, "bias")
        # The library sets n and k itself.
        place = (y.data_ptr(), m * n, n, 0, 0)
        of_zeros = (rows.zero[0], rows.sums, w_zero[0], address(w_sum) if rows.zero[0] else 0)
        to_next = (address(bias), rows.scale[1], w_scale[1], rows.zero[1], w_zero[1])
        types = (TYPES[self.out_dtype], 0 if bias is None else TYPES[bias.dtype], self.bias_scale, self.relu)
        fields = (*place, rows.scale[0], w_scale[0], *of_zeros, *to_next, *types)
        return fields, (rows, w_scale, w_zero, bias)


def steps(
    values: Optional[Tensor], count: int, dtypes: Sequence[torch.dtype], device: int, name: str
) -> Steps:
    """Of one for all, or of so many."""
    if values is None:
        return NO_STEPS
    made = vector(values, count, dtypes, device, name, True)
    assert made is not None
    return made.data_ptr(), 0 if made.numel() == 1 else 1, made


NO_STEPS: Steps = (0, 0, None)
_BIASES = tuple(TYPES)
