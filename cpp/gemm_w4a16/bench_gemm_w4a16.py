"""Time linear_w4a16: every variant that runs and the table's choice, beside torch.mm of the same type.

    python cpp/gemm_w4a16/bench_gemm_w4a16.py [--device cuda] [--m 1,16] [--nk 4096x4096] [--bits 4] [--group 128]

On a GPU a call is one node of a replayed graph, with weights that take turns so that they are never in the L2; on a CPU
it is timed as it is.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any, Callable, List

import torch

from envdoctor.kernels import gptq_pack, linear_w4a16, pack_w4a16
from envdoctor.kernels.gemm_w4a16 import forcing

sys.path.append(str(Path(__file__).parents[2] / "ci"))
from kernel_benchmarks.measure import time_of

Call = Callable[[int], Any]


def on_cpu(call: Call, copies: int) -> float:
    """Microseconds for one call, the best of some."""
    best = float("inf")
    for i in range(10):
        begin = time.perf_counter()
        call(i % copies)
        best = min(best, (time.perf_counter() - begin) * 1e6)
    return best


def measure(m: int, n: int, k: int, given: argparse.Namespace) -> None:
    """Print a line for torch and for each variant that runs."""
    timed = on_cpu if given.device == "cpu" else time_of
    copies = 1 if given.device == "cpu" else max(2, min(32, 300_000_000 // (n * k * given.bits // 8)))
    dtype, groups = getattr(torch, given.dtype), k // given.group
    codes = torch.randint(0, 2**given.bits, (k, n), dtype=torch.uint8)
    zeros = torch.randint(1, 2**given.bits, (groups, n), dtype=torch.uint8)
    stored = gptq_pack(codes, zeros, (torch.rand(groups, n) * 0.01).half(), bits=given.bits)
    packed = pack_w4a16(*stored, bits=given.bits, device=given.device)
    weights = [packed._replace(data=packed.data.clone()) for _ in range(copies)]
    x = torch.randn(m, k, device=given.device).to(dtype)
    dense = [torch.randn(n, k, device=given.device).to(dtype) for _ in range(min(copies, 4))]
    torchs = timed(lambda i: x @ dense[i % len(dense)].t(), copies)
    print(f"m {m}, n {n}, k {k}\n  {'torch.mm':<18} {torchs:10.2f} µs")
    for variant in ["auto", *forcing.variants()]:
        if variant == "reference" and m * n * k > 2**26:
            continue
        try:
            if variant == "auto":
                took = timed(lambda i: linear_w4a16(x, weights[i]), copies)
            else:
                with forcing.to(variant):
                    took = timed(lambda i: linear_w4a16(x, weights[i]), copies)
        except NotImplementedError:
            continue
        print(f"  {variant:<18} {took:10.2f} µs {torchs / took:6.2f} x torch.mm")


def numbers(text: str) -> List[int]:
    return [int(part) for part in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--m", type=numbers, default=[1, 8, 16, 32, 64, 128, 512, 2048])
    parser.add_argument("--nk", default="4096x4096,12288x4096,4096x11008,28672x7168", help="sizes as NxK,NxK")
    parser.add_argument("--bits", type=int, default=4)
    parser.add_argument("--group", type=int, default=128)
    parser.add_argument("--dtype", default="float16")
    given = parser.parse_args()
    for size in given.nk.split(","):
        n, k = map(int, size.split("x"))
        for m in given.m:
            measure(m, n, k, given)


if __name__ == "__main__":
    main()
