"""LLM.int8(): ours, dynamic W8A8 (which leaves outliers to int8), and bitsandbytes.

bitsandbytes asks the device how many outliers there are, so no graph can hold its calls: they are timed outside of one,
and so are ours once more beside them.
"""

from functools import partial
from typing import Any, List, Tuple

import torch

from envdoctor import kernels
from envdoctor.kernels.llm_int8 import forcing
from kernel_benchmarks import peers
from kernel_benchmarks.measure import Call, Methods, add_ours, copies, copies_of
from kernel_benchmarks.w8a8 import zeros

THRESHOLD = 6.0
OUTLIERS = 6  # columns


def activations(m: int, k: int) -> torch.Tensor:
    """Below the threshold but for some columns."""
    x = torch.randn(m, k, device="cuda").clamp(-5, 5)
    x[:, torch.randperm(k, device="cuda")[:OUTLIERS]] *= 20
    return x.half()


def methods(m: int, n: int, k: int, sweep: str, bitsandbytes: Any) -> Tuple[Methods, Methods]:
    """In graphs, and outside of them."""
    x, w_scale = activations(m, k), torch.rand(n, device="cuda")
    packed = copies_of(zeros(n, k), n * k)

    def dynamic(weight: Any) -> torch.Tensor:
        rows = kernels.quantize_rows(x)
        return kernels.linear_w8a8(rows.values, weight, rows.scale, w_scale, out_dtype=x.dtype)

    def ours(weight: Any) -> torch.Tensor:
        return kernels.linear_llm_int8(x, weight, w_scale, THRESHOLD)

    inside: Methods = {"dynamic W8A8": [partial(dynamic, each) for each in packed]}
    add_ours(inside, "LLM.int8()", forcing, sweep, ours, packed)
    outside: Methods = {}
    if bitsandbytes:
        plain = [
            torch.randint(-127, 128, (n, k), dtype=torch.int8, device="cuda") for _ in range(copies(n * k))
        ]
        sixteen = [each.half() for each in plain[: -(-len(plain) // 2)]]
        outside["bitsandbytes, no graph"] = peers.llm_int8(bitsandbytes, x, plain, THRESHOLD)
        outside["LLM.int8(), no graph"] = inside["LLM.int8()"]
        products: List[Call] = [partial(torch.mm, x, each.t()) for each in sixteen]
        outside["float16, no graph"] = products * 2
    return inside, outside
