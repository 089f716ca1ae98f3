"""16-bit activations to int8 by rows: ours with sums of rows, bitsandbytes without, and torch."""

from functools import partial
from typing import Any, Tuple

import torch

from envdoctor import kernels
from envdoctor.kernels.quantize import forcing
from kernel_benchmarks.measure import Methods, add_ours


def methods(m: int, k: int, sweep: str, compiled: bool, bitsandbytes: Any) -> Methods:
    x = torch.randn(m, k, device="cuda").half()
    found: Methods = {}
    add_ours(found, "quantize", forcing, sweep, partial(kernels.quantize_rows, with_sums=True), [x])
    if bitsandbytes:
        found["bitsandbytes"] = [partial(bitsandbytes.functional.int8_vectorwise_quant, x)]
    found["torch"] = [partial(by_torch, x)]
    if compiled:
        torch._dynamo.reset()
        function = torch.compile(by_torch, fullgraph=True, dynamic=False)
        function(x)
        found["torch, compiled"] = [partial(function, x)]
    return found


def by_torch(x: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    wide = x.float()
    scale = wide.abs().amax(-1, keepdim=True).clamp(min=2**-100) / 127
    values = (wide / scale).round().to(torch.int8)
    return values, scale, values.sum(-1, dtype=torch.int32)


def bytes_moved(m: int, k: int) -> int:
    """x, the int8 values, a scale and a sum for each row."""
    return 3 * m * k + 8 * m
