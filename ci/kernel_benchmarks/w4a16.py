"""16-bit activations, int4 weights in groups of 128: ours, and tinygemm, which torch has."""

import functools
from functools import partial
from typing import Any

import torch

from envdoctor import kernels
from envdoctor.kernels.gemm_w4a16 import forcing
from kernel_benchmarks.measure import Methods, add_ours, copies, copies_of


@functools.lru_cache(maxsize=2)
def zeros(n: int, k: int, dtype: torch.dtype) -> Any:
    zero, scale = torch.randint(1, 16, (k // 128, n), dtype=torch.uint8), torch.rand(k // 128, n).to(dtype)
    stored = kernels.gptq_pack(torch.zeros(k, n, dtype=torch.uint8), zero, scale)
    return kernels.pack_w4a16(*stored, device="cuda")


def methods(m: int, n: int, k: int, sweep: str) -> Methods:
    x = torch.randn(m, k, device="cuda")
    found: Methods = {}
    for dtype in (torch.float16, torch.bfloat16):
        packed = copies_of(zeros(n, k, dtype), n * k / 2)
        ours = partial(kernels.linear_w4a16, x.to(dtype))
        add_ours(
            found, f"W4A16 {str(dtype)[6:]}", forcing, sweep if dtype == torch.float16 else "", ours, packed
        )
    if m <= 64:  # its time grows with M
        pairs = torch.randint(0, 256, (n, k // 2), dtype=torch.uint8, device="cuda")
        tiny = torch.ops.aten._convert_weight_to_int4pack(pairs, 8)
        scales = torch.rand(k // 128, n, 2, device="cuda").bfloat16()
        product = partial(torch.ops.aten._weight_int4pack_mm, x.bfloat16())
        found["tinygemm"] = [partial(product, tiny.clone(), 128, scales) for _ in range(copies(n * k / 2))]
    return found
