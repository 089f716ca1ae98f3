"""Time quantize_rows and layernorm_q: every variant that runs, the table's choice, and torch, as a part of the bound.

    python cpp/quantize/bench_quantize.py [--device cuda] [--m 1,128,1024,8192] [--k 4096,7168,28672] [--dtype float16]

On a GPU a call is one node of a replayed graph, with inputs that take turns so that they are never in the L2; on a CPU
it is timed as it is. The bound is the bytes that must be moved, at --bandwidth (default: 4.33 TB/s, an H200's).
"""

import argparse
import itertools
import sys
import time
from pathlib import Path
from typing import Any, Callable, List

import torch

from envdoctor import kernels
from envdoctor.kernels import layernorm_q as layernorm
from envdoctor.kernels import quantize_rows
from envdoctor.kernels.layernorm_q import forcing as layernorm_forcing
from envdoctor.kernels.quantize import forcing as quantize_forcing

sys.path.append(str(Path(__file__).parents[2] / "ci"))
from kernel_benchmarks.measure import time_of

Call = Callable[[int], Any]


def by_torch(x: torch.Tensor) -> Any:
    value = x.float()
    scale = value.abs().amax(-1, keepdim=True) / 127
    return (value * (1 / scale)).round().to(torch.int8), scale


def on_cpu(call: Call, copies: int) -> float:
    """Microseconds for one call, the best of some."""
    best = float("inf")
    for i in range(20):
        begin = time.perf_counter()
        call(i % copies)
        best = min(best, (time.perf_counter() - begin) * 1e6)
    return best


def measure(name: str, call: Call, forcing: Any, moved: int, copies: int, given: argparse.Namespace) -> None:
    """Print a line for each variant that runs."""
    timed = on_cpu if given.device == "cpu" else time_of
    bound = moved / given.bandwidth / 1e6
    for variant in ["auto", *forcing.variants()] if forcing else ["torch"]:
        try:
            if forcing and variant != "auto":
                with forcing.to(variant):
                    took = timed(call, copies)
            else:
                took = timed(call, copies)
        except NotImplementedError:
            continue
        print(f"  {name:<16} {variant:<16} {took:10.2f} µs {bound / took:7.2f} of the bound, {bound:.2f} µs")


def measure_size(m: int, k: int, given: argparse.Namespace) -> None:
    dtype, size = getattr(torch, given.dtype), getattr(torch, given.dtype).itemsize
    copies = 1 if given.device == "cpu" else max(1, min(64, 250_000_000 // (m * k * (size + 5))))
    xs = [torch.randn(m, k, device=given.device).to(dtype) for _ in range(copies)]
    sums = [torch.randint(-3000, 3000, (m, k), dtype=torch.int32, device=given.device) for _ in range(copies)]
    smooth = torch.rand(k, device=given.device) + 0.5
    print(f"M={m} K={k} {given.dtype}")
    rows = m * k * (size + 1)
    measure("torch", lambda i: by_torch(xs[i]), None, rows, copies, given)
    measure("rows", lambda i: quantize_rows(xs[i]), quantize_forcing, rows, copies, given)
    measure(
        "rows, sums", lambda i: quantize_rows(xs[i], with_sums=True), quantize_forcing, rows, copies, given
    )
    measure("rows, smooth", lambda i: quantize_rows(xs[i], smooth), quantize_forcing, rows, copies, given)
    measure(
        "layernorm_q",
        lambda i: layernorm(sums[i], 0.001, xs[i], smooth, smooth),
        layernorm_forcing,
        m * k * (2 * size + 5),
        copies,
        given,
    )


def numbers(text: str) -> List[int]:
    return [int(number) for number in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--m", type=numbers, default=[1, 128, 1024, 8192])
    parser.add_argument("--k", type=numbers, default=[4096, 7168, 28672])
    parser.add_argument("--dtype", default="float16", choices=["float16", "bfloat16", "float32"])
    parser.add_argument("--bandwidth", type=float, default=4.33, help="TB/s")
    parser.add_argument("--threads", type=int, default=0, help="of the CPU; 0: all")
    given = parser.parse_args()
    kernels.set_threads(given.threads)
    for m, k in itertools.product(given.m, given.k):
        measure_size(m, k, given)


if __name__ == "__main__":
    main()
