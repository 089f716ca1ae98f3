"""Time linear_llm_int8 by how many outlier columns there are, beside dynamic W8A8, torch.mm and bitsandbytes if here.

    python cpp/llm_int8/bench_llm_int8.py [--device cuda] [--m 1,16] [--nk 4096x4096] [--outliers 0,8] [--variants]

On a GPU a call is one node of a replayed graph, with weights that take turns so that they are never in the L2
(bitsandbytes waits for the device in each call, so it is timed as it is). On a CPU all calls take turns for some
rounds, and the shortest of each counts.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import torch

from envdoctor import kernels
from envdoctor.kernels import linear_llm_int8, linear_w8a8, pack_llm_int8, quantize_rows
from envdoctor.kernels.gemm_w8a8 import PackedW8A8
from envdoctor.kernels.llm_int8 import forcing

sys.path.append(str(Path(__file__).parents[2] / "ci"))
from kernel_benchmarks.measure import time_of

try:
    import bitsandbytes
except ImportError:
    bitsandbytes = None

Call = Callable[[int], Any]
DYNAMIC = "quantize_rows, linear_w8a8"


def in_turn(calls: Dict[str, Call], copies: int, rounds: int = 60) -> Dict[str, float]:
    """Microseconds for each call as it is, the best of some rounds in which all are made one after the other."""
    best = dict.fromkeys(calls, float("inf"))
    for i in range(rounds):
        for name, call in calls.items():
            begin = time.perf_counter()
            call(i % copies)
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            best[name] = min(best[name], (time.perf_counter() - begin) * 1e6)
    return best


def times(calls: Dict[str, Call], copies: int, device: str) -> Dict[str, float]:
    if device == "cpu":
        return in_turn(calls, copies)
    waits = {name: call for name, call in calls.items() if name.startswith("bitsandbytes")}
    found = {name: time_of(call, copies) for name, call in calls.items() if name not in waits}
    return {**found, **in_turn(waits, copies)}


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


def variants(x: torch.Tensor, weights: List[PackedW8A8], w_scale: torch.Tensor) -> Iterator[Tuple[str, Call]]:
    """What the table takes, and each variant that runs, but for the reference, which takes seconds."""
    for number, name in enumerate(["auto", *forcing.variants()]):
        if name == "reference":
            continue

        def call(i: int, number: int = number) -> torch.Tensor:
            forcing.number = number
            return linear_llm_int8(x, weights[i], w_scale)

        try:
            call(0)
        except NotImplementedError:
            continue
        yield name, call


def measure(m: int, n: int, k: int, given: argparse.Namespace) -> None:
    """Print a line for each: first what does not depend on outliers, then each number of them."""
    copies = 1 if given.device == "cpu" else max(2, min(32, 300_000_000 // (n * k)))
    weight = torch.randn(n, k) * 0.05
    packed, w_scale = pack_llm_int8(weight, given.device)
    weights = [packed._replace(data=packed.data.clone()) for _ in range(copies)]
    x = activations(m, k, 0, given)
    dense = [weight.to(x.device, x.dtype) for _ in range(min(copies, 4))]

    def dynamic(i: int) -> torch.Tensor:
        rows = quantize_rows(x)
        return linear_w8a8(rows.values, weights[i], rows.scale, w_scale, out_dtype=x.dtype)

    calls: Dict[str, Call] = {"torch.mm": lambda i: x @ dense[i % len(dense)].t(), DYNAMIC: dynamic}
    for outliers in given.outliers:
        own = activations(m, k, outliers, given)
        theirs = by_bitsandbytes(weight.half(), own)
        if theirs:
            calls[f"bitsandbytes, {outliers} outliers"] = theirs
        for name, call in variants(own, weights, w_scale):
            if name == "auto" or given.variants:
                calls[f"{name}, {outliers} outliers"] = call
    took = times(calls, copies, given.device)
    print(f"m {m}, n {n}, k {k}, {given.dtype}")
    for name, microseconds in took.items():
        print(f"  {name:<34} {microseconds:10.2f} µs {microseconds / took[DYNAMIC]:6.2f} x dynamic W8A8")


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
