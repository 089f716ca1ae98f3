"""Int8 activations, int4 weights: ours with one scale for each column, and with groups of 128."""

import functools
from functools import partial
from typing import Any

import torch

from envdoctor import kernels
from envdoctor.kernels.gemm_w4a8 import forcing
from kernel_benchmarks.measure import Methods, add_ours, copies_of


@functools.lru_cache(maxsize=2)
def zeros(n: int, k: int, group: int) -> Any:
    pairs = torch.zeros(n, k // 2, dtype=torch.int8)
    return kernels.pack_w4a8(pairs, "cuda", group, torch.rand(n, k // group) if group else None)


def methods(m: int, n: int, k: int, sweep: str) -> Methods:
    x = torch.randint(-127, 128, (m, k), dtype=torch.int8, device="cuda")
    scales = {"x_scale": torch.rand(m, device="cuda"), "w_scale": torch.rand(n, device="cuda")}
    ours = partial(kernels.linear_w4a8, x, out_dtype=torch.bfloat16, **scales)
    found: Methods = {}
    for name, group in (("W4A8", 0), ("W4A8 g128", 128)):
        add_ours(found, name, forcing, sweep, ours, copies_of(zeros(n, k, group), n * k / 2))
    return found
