"""Time the kernels on this GPU against what a user would take instead, in one run.

    python ci/bench_kernels.py [--m 1,8,...] [--shapes 4096x4096,...] [--sweep] [--json FILE]

Every method is captured into a CUDA graph of many calls, each on another copy of the weights, so that those
come from memory as in a model (the copies are larger than the L2); activations stay in the caches. The graphs of
all methods are replayed in turn for some rounds; the median of the rounds counts. Ratios are those of one such run:
clocks differ from run to run. --sweep times every variant of the library beside the one that it would choose.
"""

import argparse
import contextlib
import functools
import json
import platform
import statistics
import sys
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import torch

from envdoctor import kernels
from envdoctor.kernels.gemm_w4a8 import forcing as w4a8
from envdoctor.kernels.gemm_w4a16 import forcing as w4a16
from envdoctor.kernels.gemm_w8a8 import forcing as w8a8

#: (N, K) of the linears of 7B, 13B and 70B models.
SHAPES = "4096x4096,12288x4096,11008x4096,4096x11008,7168x7168,28672x7168,7168x28672"
COLD = 256 << 20  # bytes of weights that a graph goes through at least
#: Operations a second of int8 tensor cores that nothing holds up: a loop of wgmma alone, at the clock that 700 W allow.
MOST_OPERATIONS = 1855e12
Call = Callable[[], Any]


def graph_of(calls: List[Call]) -> torch.cuda.CUDAGraph:
    """All calls one after the other."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for call in calls[:2]:
            call()
    stream.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        kept = [call() for call in calls]
    graph.kept = kept
    return graph


def times(methods: Dict[str, List[Call]], rounds: int) -> Dict[str, float]:
    """Microseconds for a call of each method: median over rounds in which all are replayed in turn."""
    graphs = {name: graph_of(calls) for name, calls in methods.items()}
    found: Dict[str, List[float]] = {name: [] for name in methods}
    for _ in range(rounds + 1):
        for name, graph in graphs.items():
            begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            begin.record()
            graph.replay()
            end.record()
            end.synchronize()
            found[name].append(begin.elapsed_time(end) * 1000 / len(methods[name]))
    return {name: statistics.median(rounds[1:]) for name, rounds in found.items()}


@functools.lru_cache(maxsize=1)
def zeros_w8a8(n: int, k: int) -> Any:
    return kernels.pack_w8a8(torch.zeros(n, k, dtype=torch.int8), "cuda")


@functools.lru_cache(maxsize=2)
def zeros_w4a8(n: int, k: int, group: int) -> Any:
    pairs = torch.zeros(n, k // 2, dtype=torch.int8)
    return kernels.pack_w4a8(pairs, "cuda", group, torch.rand(n, k // group) if group else None)


@functools.lru_cache(maxsize=1)
def zeros_w4a16(n: int, k: int) -> Any:
    zeros = torch.randint(1, 16, (k // 128, n), dtype=torch.uint8)
    stored = kernels.gptq_pack(torch.zeros(k, n, dtype=torch.uint8), zeros, torch.rand(k // 128, n).half())
    return kernels.pack_w4a16(*stored, v2=True, device="cuda")


def copies_of(packed: Any, count: int) -> List[Any]:
    """As many with random bits instead of zeros: whatever they are, they are weights."""
    size, device = packed.data.shape, packed.data.device
    data = [torch.randint(-128, 128, size, dtype=torch.int8, device=device) for _ in range(count)]
    return [packed._replace(data=each.view(packed.data.dtype)) for each in data]


def w8a8_methods(m: int, n: int, k: int, sweep: bool) -> Dict[str, List[Call]]:
    """fp16 and bf16 mm, _int_mm, fp8 by rows, and ours; each with its copies of the weights."""
    copies = max(2, -(-COLD // (n * k)))
    x = torch.randint(-127, 128, (m, k), dtype=torch.int8, device="cuda")
    w = [torch.randint(-127, 128, (n, k), dtype=torch.int8, device="cuda") for _ in range(copies)]
    x_scale, w_scale = torch.rand(m, 1, device="cuda"), torch.rand(1, n, device="cuda")
    methods: Dict[str, List[Call]] = {}
    for dtype in (torch.float16, torch.bfloat16):
        xf, wf = torch.randn(m, k, device="cuda").to(dtype), [each.to(dtype) for each in w[: -(-copies // 2)]]
        products: List[Call] = [partial(torch.mm, xf, each.t()) for each in wf]
        methods[str(dtype)[6:]] = products * 2
    if m > 16:
        methods["_int_mm"] = [partial(torch._int_mm, x, each.t()) for each in w]
    x8 = torch.randn(m, k, device="cuda").to(torch.float8_e4m3fn)
    w8 = [each.to(torch.float8_e4m3fn) for each in w]
    fp8 = partial(torch._scaled_mm, out_dtype=torch.bfloat16, use_fast_accum=True)
    methods["fp8 rowwise"] = [partial(fp8, x8, each.t(), x_scale, w_scale) for each in w8]
    packed = copies_of(zeros_w8a8(n, k), len(w))
    first = packed[0]
    scales = x_scale.flatten(), w_scale.flatten()

    def ours(weight: Any, variant: str) -> torch.Tensor:
        with w8a8.to(variant) if variant else contextlib.nullcontext():
            return kernels.linear_w8a8(x, weight, *scales, out_dtype=torch.bfloat16)

    for variant in ["", *w8a8.variants()] if sweep else [""]:
        try:
            ours(first, variant)
        except NotImplementedError:
            continue
        name = f"W8A8 {variant}".strip()
        methods[name] = [partial(ours, each, variant) for each in packed]
    return methods


def w4a8_methods(m: int, n: int, k: int, sweep: bool) -> Dict[str, List[Call]]:
    """Ours with one scale for each column, and with groups of 128."""
    copies = max(2, -(-COLD * 2 // (n * k)))
    x = torch.randint(-127, 128, (m, k), dtype=torch.int8, device="cuda")
    scales = torch.rand(m, device="cuda"), torch.rand(n, device="cuda")
    methods: Dict[str, List[Call]] = {}

    def ours(weight: Any, variant: str) -> torch.Tensor:
        with w4a8.to(variant) if variant else contextlib.nullcontext():
            return kernels.linear_w4a8(x, weight, *scales, out_dtype=torch.bfloat16)

    for kind, group in (("W4A8", 0), ("W4A8 g128", 128)):
        packed = copies_of(zeros_w4a8(n, k, group), copies)
        first = packed[0]
        for variant in ["", *w4a8.variants()] if sweep else [""]:
            try:
                ours(first, variant)
            except NotImplementedError:
                continue
            name = f"{kind} {variant}".strip()
            methods[name] = [partial(ours, each, variant) for each in packed]
    return methods


def w4a16_methods(m: int, n: int, k: int, sweep: bool) -> Dict[str, List[Call]]:
    """Ours with groups of 128, in float16 and bfloat16, and tinygemm, which torch has."""
    copies = max(2, -(-COLD * 2 // (n * k)))
    x = torch.randn(m, k, device="cuda")
    methods: Dict[str, List[Call]] = {}

    def ours(x16: torch.Tensor, weight: Any, variant: str) -> torch.Tensor:
        with w4a16.to(variant) if variant else contextlib.nullcontext():
            return kernels.linear_w4a16(x16, weight)

    packed = copies_of(zeros_w4a16(n, k), copies)
    first = packed[0]
    for dtype in (torch.float16, torch.bfloat16):
        x16 = x.to(dtype)
        for variant in ["", *w4a16.variants()] if sweep and dtype == torch.float16 else [""]:
            try:
                ours(x16, first, variant)
            except NotImplementedError:
                continue
            name = f"W4A16 {str(dtype)[6:]} {variant}".strip()
            methods[name] = [partial(ours, x16, each, variant) for each in packed]
    if m <= 64:  # its time grows with M
        pairs = torch.randint(0, 256, (n, k // 2), dtype=torch.uint8, device="cuda")
        tiny = torch.ops.aten._convert_weight_to_int4pack(pairs, 8)
        scales = torch.rand(k // 128, n, 2, device="cuda").bfloat16()
        product = torch.ops.aten._weight_int4pack_mm
        methods["tinygemm"] = [
            partial(product, x.bfloat16(), tiny.clone(), 128, scales) for _ in range(copies)
        ]
    return methods


def read_bandwidth() -> float:
    """Bytes a second that this GPU reads, adding up 4 GiB."""
    values = torch.ones(1 << 30, device="cuda")
    microseconds = times({"sum": [values.sum] * 4}, 5)["sum"]
    return float(4e6 * values.numel() / microseconds)


def floor(m: int, n: int, k: int, bits: int, bandwidth: float) -> float:
    """Microseconds that no kernel beats: every byte once (weights, activations, 16-bit output), or every product."""
    return 1e6 * max((n * k * bits / 8 + m * k + 2 * m * n) / bandwidth, 2 * m * n * k / MOST_OPERATIONS)


def sizes(text: str) -> List[Tuple[int, int]]:
    return [(int(n), int(k)) for n, _, k in (each.partition("x") for each in text.split(","))]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--m", default="1,8,16,32,64,128,256,512,1024,2048,4096,8192")
    parser.add_argument("--shapes", default=SHAPES, help="N x K, separated by commas")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--families", default="w8a8,w4a8,w4a16")
    parser.add_argument("--sweep", action="store_true", help="every variant of the library")
    parser.add_argument("--json", type=Path, help="write all numbers there")
    arguments = parser.parse_args()
    rows, bandwidth = [], read_bandwidth()
    print(f"{torch.cuda.get_device_name()}: reads {bandwidth / 1e12:.2f} TB/s")
    for n, k in sizes(arguments.shapes):
        for m in map(int, arguments.m.split(",")):
            methods = w8a8_methods(m, n, k, arguments.sweep and "w8a8" in arguments.families)
            if "w4a8" in arguments.families:
                methods.update(w4a8_methods(m, n, k, arguments.sweep))
            if "w4a16" in arguments.families:
                methods.update(w4a16_methods(m, n, k, arguments.sweep))
            found = times(methods, arguments.rounds)
            rows.append({"m": m, "n": n, "k": k, "us": found})
            sixteen = min(found["float16"], found["bfloat16"])
            shown = sorted(found.items(), key=lambda item: item[1])[: 7 if arguments.sweep else 99]
            text = ", ".join(f"{name} {us:.2f} ({sixteen / us:.2f}x)" for name, us in shown)
            of_floor = floor(m, n, k, 8, bandwidth) / found["W8A8"]
            tops = 2e-6 * m * n * k / found["W8A8"]
            print(f"N={n} K={k} M={m}: {text}; W8A8 {tops:.0f} TOPS, {of_floor:.2f} of the floor", flush=True)
            torch.cuda.empty_cache()
    if arguments.json:
        properties = torch.cuda.get_device_properties(0)
        about = {
            "device": properties.name,
            "bandwidth": bandwidth,
            "operations": MOST_OPERATIONS,
            "torch": torch.__version__,
            "python": platform.python_version(),
        }
        arguments.json.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
