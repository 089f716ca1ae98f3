"""gemm_w4a8 on this CPU beside gemm_w8a8, every variant, and what torch has: milliseconds.

    python bench_gemm_w4a8.py [--n 4096] [--k 4096] [--rows 1,16,128] [--threads 2]

Methods take turns; the minimum of all rounds counts. On a GPU, ci/bench_kernels.py measures the family.
"""

import argparse
import time
from functools import partial
from typing import Any, Callable, Dict

import torch

from envdoctor import kernels
from envdoctor.kernels.gemm_w4a8 import forcing

GROUP = 128


def methods(m: int, n: int, k: int) -> Dict[str, Callable[[], Any]]:
    x = torch.randint(-127, 128, (m, k), dtype=torch.int8)
    scales = {"x_scale": torch.rand(m), "w_scale": torch.rand(n)}
    pairs = torch.randint(-128, 128, (n, k // 2), dtype=torch.int8)
    columns, groups = (
        kernels.pack_w4a8(pairs),
        kernels.pack_w4a8(pairs, group=GROUP, group_scale=torch.rand(n, k // GROUP)),
    )
    eight = kernels.pack_w8a8(torch.randint(-127, 128, (n, k), dtype=torch.int8))
    four = partial(kernels.linear_w4a8, x, out_dtype=torch.bfloat16)
    xf, wf = torch.randn(m, k).bfloat16(), torch.randn(n, k).bfloat16()
    found: Dict[str, Callable[[], Any]] = {
        "linear_w4a8": partial(four, columns, **scales),
        f"linear_w4a8, groups of {GROUP}": partial(four, groups, x_scale=scales["x_scale"]),
        "linear_w8a8": partial(kernels.linear_w8a8, x, eight, out_dtype=torch.bfloat16, **scales),
        "torch.mm bfloat16": partial(torch.mm, xf, wf.t()),
    }
    tiny = torch.ops.aten._convert_weight_to_int4pack_for_cpu(torch.randint(0, 16, (n, k)).int(), 1)
    zeros_scales = torch.rand(k // GROUP, n, 2).bfloat16()
    found["_weight_int4pack_mm_for_cpu, bfloat16"] = partial(
        torch.ops.aten._weight_int4pack_mm_for_cpu, xf, tiny, GROUP, zeros_scales
    )
    for variant in forcing.variants():
        if variant.startswith("cpu"):
            found[variant] = partial(_forced, variant, found["linear_w4a8"])
    return found


def _forced(variant: str, call: Callable[[], Any]) -> Any:
    with forcing.to(variant):
        return call()


def milliseconds(calls: Dict[str, Callable[[], Any]], seconds: float = 3.0) -> Dict[str, float]:
    """The least of each; those that do not run here are left out."""
    least: Dict[str, float] = {}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for name, call in calls.items():
            begin = time.perf_counter()
            try:
                call()
            except NotImplementedError:
                continue
            spent = (time.perf_counter() - begin) * 1000
            least[name] = min(least.get(name, spent), spent)
    return least


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--n", type=int, default=4096)
    parser.add_argument("--k", type=int, default=4096)
    parser.add_argument("--rows", default="1,16,128")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    kernels.set_threads(given.threads)
    torch.set_num_threads(given.threads)
    for m in (int(rows) for rows in given.rows.split(",")):
        print(f"M = {m}, N = {given.n}, K = {given.k}, {given.threads} threads")
        for name, spent in sorted(
            milliseconds(methods(m, given.n, given.k)).items(), key=lambda each: each[1]
        ):
            print(f"  {name:40} {spent:8.2f} ms")


if __name__ == "__main__":
    main()
