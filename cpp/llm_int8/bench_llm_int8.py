"""Time linear_llm_int8 by how many outlier columns there are, beside dynamic W8A8, torch.mm and bitsandbytes if here.

    python cpp/llm_int8/bench_llm_int8.py [--device cuda] [--m 1,16] [--nk 4096x4096] [--outliers 0,8] [--variants]

On a GPU a call is one node of a replayed graph, with weights that take turns so that they are never in the L2
(bitsandbytes waits for the device in each call, so it is timed as it is); on a CPU it is timed as it is.
"""

import argparse
import contextlib
import time
from typing import Any, Callable, List, Optional

import torch

from envdoctor import kernels
from envdoctor.kernels import linear_llm_int8, linear_w8a8, pack_llm_int8, quantize_rows
from envdoctor.kernels.gemm_w8a8 import PackedW8A8
from envdoctor.kernels.llm_int8 import forcing

try:
    import bitsandbytes
except ImportError:
    bitsandbytes = None

Call = Callable[[int], Any]


def on_gpu(call: Call, copies: int) -> float:
    """Microseconds for one node of a graph with as many calls."""
    nodes = max(20, copies)
    for i in range(copies):
        call(i)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        kept = [call(i % copies) for i in range(nodes)]
    best = float("inf")
    for _ in range(7):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        graph.replay()
        end.record()
        torch.cuda.synchronize()
        best = min(best, begin.elapsed_time(end) * 1000 / nodes)
    del kept
    return best


def as_it_is(call: Call, copies: int) -> float:
    """Microseconds for one call, the best of some."""
    best = float("inf")
    for i in range(20):
        begin = time.perf_counter()
        call(i % copies)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        best = min(best, (time.perf_counter() - begin) * 1e6)
    return best


def activations(m: int, k: int, outliers: int, given: argparse.Namespace) -> torch.Tensor:
    x = torch.randn(m, k).clamp(-5, 5)
    x[m // 2, torch.randperm(k)[:outliers]] = 40.0
    return x.to(given.device, getattr(torch, given.dtype))


def by_bitsandbytes(weight: torch.Tensor, x: torch.Tensor) -> Optional[Call]:
    """Its layer, where there is one for this device."""
    if bitsandbytes is None or x.device.type != "cuda":
        return None
    layer = bitsandbytes.nn.Linear8bitLt(
        weight.shape[1], weight.shape[0], bias=False, has_fp16_weights=False, threshold=6.0
    )
    layer.weight = bitsandbytes.nn.Int8Params(weight.cpu(), requires_grad=False, has_fp16_weights=False)
    layer = layer.to(x.device)
    return lambda i: layer(x)


def measure_outliers(
    x: torch.Tensor, weights: List[PackedW8A8], w_scale: torch.Tensor, name: str, plain: float, variants: bool
) -> None:
    """Print a line for the table's choice, and for each variant that runs."""
    timed = on_gpu if x.device.type == "cuda" else as_it_is
    for variant in ["auto", *(forcing.variants()[1:] if variants else [])]:
        try:
            with forcing.to(variant) if variant != "auto" else contextlib.nullcontext():
                took = timed(lambda i: linear_llm_int8(x, weights[i], w_scale), len(weights))
        except NotImplementedError:
            continue
        print(f"  {f'{variant}, {name}':<34} {took:10.2f} µs {took / plain:6.2f} x dynamic W8A8")


def measure(m: int, n: int, k: int, given: argparse.Namespace) -> None:
    """Print a line for each: first what does not depend on outliers, then each number of them."""
    timed = as_it_is if given.device == "cpu" else on_gpu
    copies = 1 if given.device == "cpu" else max(2, min(32, 300_000_000 // (n * k)))
    weight = torch.randn(n, k) * 0.05
    packed, w_scale = pack_llm_int8(weight, given.device)
    weights = [packed._replace(data=packed.data.clone()) for _ in range(copies)]
    x = activations(m, k, 0, given)
    dense = [weight.to(x.device, x.dtype) for _ in range(min(copies, 4))]

    def dynamic(i: int) -> torch.Tensor:
        rows = quantize_rows(x)
        return linear_w8a8(rows.values, weights[i], rows.scale, w_scale, out_dtype=x.dtype)

    plain = timed(dynamic, copies)
    print(f"m {m}, n {n}, k {k}, {given.dtype}")
    print(f"  {'torch.mm':<34} {timed(lambda i: x @ dense[i % len(dense)].t(), copies):10.2f} µs")
    print(f"  {'quantize_rows, linear_w8a8':<34} {plain:10.2f} µs")
    for outliers in given.outliers:
        own = activations(m, k, outliers, given)
        theirs = by_bitsandbytes(weight.half(), own)
        if theirs:
            print(f"  {f'bitsandbytes, {outliers} outliers':<34} {as_it_is(theirs, 1):10.2f} µs")
        measure_outliers(own, weights, w_scale, f"{outliers} outliers", plain, given.variants)


def numbers(text: str) -> List[int]:
    return [int(part) for part in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--m", type=numbers, default=[1, 16, 128, 1024, 8192])
    parser.add_argument("--nk", default="4096x4096,11008x4096,4096x11008", help="sizes as NxK,NxK")
    parser.add_argument("--outliers", type=numbers, default=[0, 8, 16, 64])
    parser.add_argument("--dtype", default="float16", choices=["float16", "bfloat16"])
    parser.add_argument("--threads", type=int, default=0, help="of the CPU; 0: all")
    parser.add_argument("--variants", action="store_true", help="each of them, not only what the table takes")
    given = parser.parse_args()
    kernels.set_threads(given.threads)
    for size in given.nk.split(","):
        n, k = map(int, size.split("x"))
        for m in given.m:
            measure(m, n, k, given)


if __name__ == "__main__":
    main()
