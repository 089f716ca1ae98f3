"""What a call of an operator costs before its kernel has anything to do: a product of 1 x 64 and 64 x 64.

    python ci/bench_calls.py [--device cuda] [--rounds 60] [--calls 500]

All methods take turns for some rounds, so that what else runs on the machine hits them alike; printed is the fastest
round of each, in microseconds a call, as usual and in torch.inference_mode. torch.mm of the same size is the measure;
torch._int_mm has the 17 rows that it wants at least. Start it with `taskset -c 1`: threads that sleep take a while to
wake, which is another matter. On a GPU the host's part of a call is measured: kernels this small take less.
"""

import argparse
import sys
import time
from typing import Any, Callable, Dict

import torch

from envdoctor import kernels

N = K = 64
Call = Callable[[], Any]


def int8(*shape: int, low: int = -127, high: int = 128) -> torch.Tensor:
    return torch.randint(low, high, shape, dtype=torch.int8)


def of_torch() -> Dict[str, Call]:
    """What a user has without this package."""
    x, w, rows, columns = torch.randn(1, K), torch.randn(K, N), int8(17, K), int8(N, K).t()
    return {"torch.mm": lambda: torch.mm(x, w), "torch._int_mm": lambda: torch._int_mm(rows, columns)}


def of_operators() -> Dict[str, Call]:
    """The functional forms."""
    x, x8, x_scale, w_scale = torch.randn(1, K), int8(1, K), torch.rand(1), torch.rand(N)
    pairs = kernels.int4_pairs(int8(N, K, low=-8, high=8))
    w8a8, w4a8 = kernels.pack_w8a8(int8(N, K)), kernels.pack_w4a8(pairs)
    grouped = kernels.pack_w4a8(pairs, group=32, group_scale=torch.rand(N, K // 32))
    codes, zeros = (torch.randint(1, 16, (rows, N), dtype=torch.uint8) for rows in (K, K // 32))
    w4a16 = kernels.pack_w4a16(*kernels.gptq_pack(codes, zeros, torch.rand(K // 32, N).half()))
    llm_int8, x16 = kernels.pack_llm_int8(torch.randn(N, K)), x.half()
    return {
        "quantize_rows": lambda: kernels.quantize_rows(x),
        "linear_w8a8": lambda: kernels.linear_w8a8(x8, w8a8, x_scale, w_scale),
        "linear_w4a8": lambda: kernels.linear_w4a8(x8, w4a8, x_scale, w_scale),
        "linear_w4a8, groups": lambda: kernels.linear_w4a8(x8, grouped, x_scale),
        "linear_w4a16": lambda: kernels.linear_w4a16(x16, w4a16),
        "linear_llm_int8": lambda: kernels.linear_llm_int8(x16, *llm_int8),
    }


def of_linears() -> Dict[str, Call]:
    """The modules: what quantises x, then the product."""
    of, x = torch.nn.Linear(K, N, bias=False), torch.randn(1, K)
    w8a8, w4a8 = kernels.LinearW8A8.from_linear(of), kernels.LinearW4A8.from_linear(of)
    w4a16, llm_int8 = kernels.LinearW4A16.from_linear(of), kernels.LinearLlmInt8.from_linear(of)
    x16 = x.half()
    return {
        "nn.Linear": lambda: of(x),
        "LinearW8A8": lambda: w8a8(x),
        "LinearW4A8": lambda: w4a8(x),
        "LinearW4A16": lambda: w4a16(x16),
        "LinearLlmInt8": lambda: llm_int8(x16),
    }


def fastest(methods: Dict[str, Call], rounds: int, calls: int) -> Dict[str, float]:
    """Microseconds for a call of each."""
    found = dict.fromkeys(methods, float("inf"))
    for _ in range(rounds):
        for name, call in methods.items():
            start = time.perf_counter()
            for _ in range(calls):
                call()
            found[name] = min(found[name], (time.perf_counter() - start) * 1e6 / calls)
            if torch.cuda.is_initialized():
                torch.cuda.synchronize()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--calls", type=int, default=500)
    arguments = parser.parse_args()
    with torch.device(arguments.device):
        methods = {**of_torch(), **of_operators(), **of_linears()}
    usual = fastest(methods, arguments.rounds, arguments.calls)
    with torch.inference_mode():
        inference = fastest(methods, arguments.rounds, arguments.calls)
    print(f"torch {torch.__version__}: microseconds a call, as usual and in inference_mode; times torch.mm")
    for name in methods:
        ratios = usual[name] / usual["torch.mm"], inference[name] / inference["torch.mm"]
        print(f"{name:24} {usual[name]:7.2f} {inference[name]:7.2f}   {ratios[0]:5.1f}x {ratios[1]:5.1f}x")
    return 0


if __name__ == "__main__":
    sys.exit(main())
