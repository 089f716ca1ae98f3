"""Int8 activations and weights: ours, and what torch has for 16, 8 and fp8 bits."""

import functools
from functools import partial
from typing import Any, List

import torch

from envdoctor import kernels
from envdoctor.kernels.gemm_w8a8 import forcing
from kernel_benchmarks.measure import Call, Methods, add_ours, copies, copies_of


@functools.lru_cache(maxsize=1)
def zeros(n: int, k: int) -> Any:
    return kernels.pack_w8a8(torch.zeros(n, k, dtype=torch.int8), "cuda")


def methods(m: int, n: int, k: int, sweep: str, compiled: bool) -> Methods:
    """fp16 and bf16 mm, _int_mm alone and compiled with its scales, fp8 by rows, and ours."""
    x = torch.randint(-127, 128, (m, k), dtype=torch.int8, device="cuda")
    w = [torch.randint(-127, 128, (n, k), dtype=torch.int8, device="cuda") for _ in range(copies(n * k))]
    x_scale, w_scale = torch.rand(m, 1, device="cuda"), torch.rand(1, n, device="cuda")
    found: Methods = {}
    for dtype in (torch.float16, torch.bfloat16):
        xf, wf = torch.randn(m, k, device="cuda").to(dtype), [each.to(dtype) for each in w[: -(-len(w) // 2)]]
        products: List[Call] = [partial(torch.mm, xf, each.t()) for each in wf]
        found[str(dtype)[6:]] = products * 2
    if m > 16:  # as _int_mm wants
        found["_int_mm"] = [partial(torch._int_mm, x, each.t()) for each in w]
    if m > 16 and compiled:
        scaled = scaled_int_mm()
        found["_int_mm, scales, compiled"] = [partial(scaled, x, each.t(), x_scale, w_scale) for each in w]
        found["_int_mm, scales, compiled"][0]()
    if torch.cuda.get_device_capability() >= (9, 0):  # by rows, torch has it for these alone
        x8 = torch.randn(m, k, device="cuda").to(torch.float8_e4m3fn)
        fp8 = partial(torch._scaled_mm, out_dtype=torch.bfloat16, use_fast_accum=True)
        w8 = [each.to(torch.float8_e4m3fn) for each in w]
        found["fp8 rowwise"] = [partial(fp8, x8, each.t(), x_scale, w_scale) for each in w8]
    ours = partial(kernels.linear_w8a8, x, out_dtype=torch.bfloat16)
    scales = {"x_scale": x_scale.flatten(), "w_scale": w_scale.flatten()}
    add_ours(found, "W8A8", forcing, sweep, partial(ours, **scales), copies_of(zeros(n, k), n * k))
    return found


def scaled_int_mm() -> Any:
    """Compiled for each shape anew, the product's implementation chosen by trying."""

    def product(x: Any, w: Any, x_scale: Any, w_scale: Any) -> Any:
        return (torch._int_mm(x, w) * x_scale * w_scale).bfloat16()

    torch._dynamo.reset()
    return torch.compile(product, mode="max-autotune-no-cudagraphs", fullgraph=True, dynamic=False)
