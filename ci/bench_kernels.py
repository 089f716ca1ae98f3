"""Time the kernels on this GPU against what a user would take instead, in one run.

    python ci/bench_kernels.py [--m 1,8,...] [--shapes 4096x4096,...] [--families w8a8,...] [--sweep [..]] [--json FILE]

Every method is captured into a CUDA graph of many calls, each on another copy of the weights, so that those
come from memory as in a model (the copies are larger than the L2); activations stay in the caches. The graphs of
all methods are replayed in turn for some rounds; the median of the rounds counts. What no graph can hold says so in
its name. Ratios are those of one such run: clocks differ from run to run. --sweep times every variant of the library
(or those whose names match, such as 'cuda_sm90a_*') beside the one that it would choose.
"""

import argparse
import json
import math
import platform
import sys
from pathlib import Path
from typing import Any, Dict, List, Tuple

import torch
from kernel_benchmarks import llm_int8, peers, quantize, w4a8, w4a16, w8a8
from kernel_benchmarks.measure import (
    Times,
    floor,
    most_operations,
    read_bandwidth,
    times,
    times_outside_graphs,
)

from envdoctor import library

#: (N, K) of the linears of 7B, 13B and 70B models.
SHAPES = "4096x4096,12288x4096,11008x4096,4096x11008,7168x7168,28672x7168,7168x28672"
FAMILIES = "w8a8,w4a8,w4a16,llm_int8,quantize"


def products(m: int, n: int, k: int, given: argparse.Namespace, bitsandbytes: Any) -> Times:
    """Microseconds of each method: those of w8a8 are the measure of all and always there."""
    methods = w8a8.methods(m, n, k, given.sweep if "w8a8" in given.families else "", given.compiled)
    outside: Dict[str, Any] = {}
    if "w4a8" in given.families:
        methods.update(w4a8.methods(m, n, k, given.sweep))
    if "w4a16" in given.families:
        methods.update(w4a16.methods(m, n, k, given.sweep))
    if "llm_int8" in given.families:
        inside, outside = llm_int8.methods(m, n, k, given.sweep, bitsandbytes)
        methods.update(inside)
    return {**times(methods, given.rounds), **times_outside_graphs(outside, given.rounds)}


def shown(found: Times, least: float, sweep: str) -> str:
    """Each method, the fastest first, and how many times as fast it is."""
    ranked = sorted(found.items(), key=lambda item: item[1])[: 12 if sweep else None]
    return ", ".join(f"{name} {us:.2f} ({least / us:.2f}x)" for name, us in ranked)


def bench_products(given: argparse.Namespace, bandwidth: float, bitsandbytes: Any) -> List[Dict[str, Any]]:
    rows = []
    for n, k in given.shapes:
        for m in given.m:
            found = products(m, n, k, given, bitsandbytes)
            rows.append({"m": m, "n": n, "k": k, "us": found})
            line = shown(found, min(found["float16"], found["bfloat16"]), given.sweep)
            least = floor(n * k + m * k + 2 * m * n, 2 * m * n * k, bandwidth)
            tops = 2e-6 * m * n * k / found["W8A8"]
            line += f"; W8A8 {tops:.0f} TOPS, {least / found['W8A8']:.2f} of the floor"
            if "LLM.int8()" in found:
                line += (
                    f"; LLM.int8() {found['LLM.int8()'] / found['dynamic W8A8']:.2f} of dynamic W8A8's time"
                )
            print(f"N={n} K={k} M={m}: {line}", flush=True)
            torch.cuda.empty_cache()
    return rows


def bench_quantize(given: argparse.Namespace, bandwidth: float, bitsandbytes: Any) -> List[Dict[str, Any]]:
    rows = []
    for k in sorted({k for _, k in given.shapes}):
        for m in given.m:
            methods = quantize.methods(m, k, given.sweep, given.compiled, bitsandbytes)
            found = times(methods, given.rounds)
            rows.append({"m": m, "k": k, "us": found})
            least = floor(quantize.bytes_moved(m, k), 0, bandwidth)
            line = shown(found, found["torch"], given.sweep)
            print(f"quantize K={k} M={m}: {line}; {least / found['quantize']:.2f} of the floor", flush=True)
            torch.cuda.empty_cache()
    return rows


def sizes(text: str) -> List[Tuple[int, int]]:
    return [(int(n), int(k)) for n, _, k in (each.partition("x") for each in text.split(","))]


def numbers(text: str) -> List[int]:
    return [int(each) for each in text.split(",")]


def names(text: str) -> List[str]:
    unknown = set(text.split(",")) - set(FAMILIES.split(","))
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no family {', '.join(sorted(unknown))}: {FAMILIES}")
    return text.split(",")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--m", type=numbers, default="1,8,16,32,64,128,256,512,1024,2048,4096,8192")
    parser.add_argument("--shapes", type=sizes, default=SHAPES, help="N x K, separated by commas")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--families", type=names, default=FAMILIES)
    parser.add_argument(
        "--sweep", nargs="?", const="*", default="", help="every variant, or those that match"
    )
    parser.add_argument("--compiled", action="store_true", help="torch.compile too: seconds for each size")
    parser.add_argument("--json", type=Path, help="write all numbers there")
    given = parser.parse_args()
    if not torch.cuda.is_available():
        parser.exit(2, "this benchmark needs a GPU, and torch sees none\n")
    return given


def main() -> int:
    given = parsed()
    bandwidth = read_bandwidth()
    print(f"{torch.cuda.get_device_name()}: reads {bandwidth / 1e12:.2f} TB/s")
    wants_peer = not {"llm_int8", "quantize"}.isdisjoint(given.families)
    bitsandbytes = peers.bitsandbytes() if wants_peer else None
    found: Dict[str, Any] = {
        "device": torch.cuda.get_device_name(),
        "bandwidth": bandwidth,
        "operations": most_operations() if most_operations() < math.inf else None,
        "cuda": torch.version.cuda,
        "library": library.version(),
        "bitsandbytes": bitsandbytes and bitsandbytes.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    if given.families != ["quantize"]:
        found["rows"] = bench_products(given, bandwidth, bitsandbytes)
    if "quantize" in given.families:
        found["quantize"] = bench_quantize(given, bandwidth, bitsandbytes)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
