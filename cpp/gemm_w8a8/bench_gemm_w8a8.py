"""Time gemm_w8a8 on this CPU against what torch has, in one run.

    python cpp/gemm_w8a8/bench_gemm_w8a8.py [--m 1,16,128] [--shape 4096x4096] [--threads 1,2]

All methods of a size take turns for some rounds, so that what else runs on the machine hits them alike; the minimum and
the median of their calls are printed, and how many times as long each takes as ours with packed weights. The weights
of the default shape do not fit an L2 but do fit a server's L3, and stay there. --variants cpu_avx2,cpu_amx adds
variants of the library; --json FILE writes all. For GPUs see ci/bench_kernels.py.
"""

import argparse
import json
import platform
import statistics
import sys
import time
import warnings
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import torch

from envdoctor import kernels
from envdoctor.kernels.gemm_w8a8 import forcing

Call = Callable[[], Any]
OURS = "linear_w8a8 float32"


def ours(x: torch.Tensor, w: torch.Tensor, x_scale: torch.Tensor, w_scale: torch.Tensor) -> Dict[str, Call]:
    """Packed and plain weights."""
    packed, scales = kernels.pack_w8a8(w), (x_scale, w_scale)
    return {
        OURS: lambda: kernels.linear_w8a8(x, packed, *scales, out_dtype=torch.float32),
        "linear_w8a8 bfloat16": lambda: kernels.linear_w8a8(x, packed, *scales, out_dtype=torch.bfloat16),
        "gemm_w8a8 float32": lambda: kernels.gemm_w8a8(x, w, *scales, out_dtype=torch.float32),
    }


def of_variants(names: List[str], x: torch.Tensor, w: torch.Tensor, *scales: torch.Tensor) -> Dict[str, Call]:
    """The same, each of these variants of the library in turn."""

    def within(variant: str, call: Call) -> Call:
        def run() -> Any:
            with forcing.to(variant):
                return call()

        return run

    return {
        f"{name} {method}": within(name, call)
        for name in names
        for method, call in ours(x, w, *scales).items()
    }


def of_torch(
    x: torch.Tensor, w: torch.Tensor, x_scale: torch.Tensor, w_scale: torch.Tensor
) -> Dict[str, Call]:
    """Products of floats, and of int8 with scales."""
    xf, wf = x.float(), w.float()
    xb, wb = xf.bfloat16(), wf.bfloat16()
    by_rows = x_scale[:, None]
    return {
        "torch.mm float32": lambda: torch.mm(xf, wf.t()),
        "torch.mm bfloat16": lambda: torch.mm(xb, wb.t()),
        "torch._int_mm, scales": lambda: torch._int_mm(x, w.t()).float().mul_(by_rows).mul_(w_scale),
        "torch._int_mm alone": lambda: torch._int_mm(x, w.t()),
    }


def quantized_linear(x: torch.Tensor, w: torch.Tensor, engine: str) -> Call:
    """torch's quantised linear: activations of 8 bits without a sign, as all its engines have them."""
    torch.backends.quantized.engine = engine
    weight = torch.quantize_per_tensor(w.float(), 1.0, 0, torch.qint8)
    packed = torch.ops.quantized.linear_prepack(weight, None)
    values = torch.quantize_per_tensor(x.float() + 128, 1.0, 0, torch.quint8)
    return lambda: torch.ops.quantized.linear(values, packed, 1e4, 128)


def onednn_linear(x: torch.Tensor, w: torch.Tensor, w_scale: torch.Tensor) -> Call:
    """What torch.compile's int8 models call; float32 comes out."""
    weight = torch.ops.onednn.qlinear_prepack(w.t(), list(x.shape))
    values = (x.int() + 128).to(torch.uint8)
    zeros = torch.zeros(w.shape[0], dtype=torch.int64)
    rest = (None, 1.0, 0, torch.float32, "none", [], "")
    return lambda: torch.ops.onednn.qlinear_pointwise(values, 0.01, 128, weight, w_scale, zeros, *rest)


def methods_of(m: int, n: int, k: int, names: List[str]) -> Dict[str, Call]:
    """All that run here."""
    x = torch.randint(-127, 128, (m, k), dtype=torch.int8)
    w = torch.randint(-127, 128, (n, k), dtype=torch.int8)
    scales = torch.rand(m), torch.rand(n)
    found = {**ours(x, w, *scales), **of_torch(x, w, *scales)}
    found.update(of_variants(names, x, w, *scales))
    candidates: Dict[str, Callable[[], Call]] = {
        f"quantized.linear {engine}": lambda engine=engine: quantized_linear(x, w, engine)
        for engine in ("onednn", "fbgemm", "x86")
    }
    candidates["onednn.qlinear_pointwise"] = lambda: onednn_linear(x, w, scales[1])
    for name, make in candidates.items():
        try:
            call = make()
            call()
        except (RuntimeError, NotImplementedError, TypeError, AttributeError) as error:
            print(f"  {name} does not run here: {str(error).splitlines()[0]}", file=sys.stderr)
        else:
            found[name] = call
    return found


def times(methods: Dict[str, Call], rounds: int, calls: int) -> Dict[str, Tuple[float, float]]:
    """Milliseconds for a call of each method: minimum and median of `calls` calls in each of `rounds` rounds."""
    found: Dict[str, List[float]] = {name: [] for name in methods}
    for _ in range(rounds):
        for name, call in methods.items():
            time.sleep(
                0.02
            )  # until the threads of the method before (libgomp: 5 ms and more) stop waiting actively
            call()
            for _ in range(calls):
                begin = time.perf_counter()
                call()
                found[name].append((time.perf_counter() - begin) * 1000)
    return {name: (min(all_times), statistics.median(all_times)) for name, all_times in found.items()}


def measure(arguments: argparse.Namespace) -> List[Dict[str, Any]]:
    """One row for each method, size and number of threads; prints them on the way."""
    n, k = (int(size) for size in arguments.shape.split("x"))
    rows = []
    for m in arguments.m:
        methods = methods_of(m, n, k, arguments.variants)
        for threads in arguments.threads:
            torch.set_num_threads(threads)
            kernels.set_threads(threads)
            found = times(methods, arguments.rounds, arguments.calls)
            print(f"\nM={m} N={n} K={k}, {threads} threads: minimum and median in ms, ratio to ours\n")
            for name, (least, median) in found.items():
                ratio, tops = least / found[OURS][0], 2e-9 * m * n * k / least
                print(f"  {name:<40} {least:8.3f} {median:8.3f} {ratio:6.2f} {tops:7.3f} TOPS")
                row = {"m": m, "n": n, "k": k, "threads": threads, "method": name}
                rows.append({**row, "minimum_ms": least, "median_ms": median, "ratio": ratio})
    return rows


def processor() -> str:
    """Its name, as Linux has it."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "?")


def numbers(text: str) -> List[int]:
    return [int(number) for number in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--m", type=numbers, default=[1, 16, 128])
    parser.add_argument("--shape", default="4096x4096", help="NxK")
    parser.add_argument("--threads", type=numbers, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--calls", type=int, default=5)
    parser.add_argument("--variants", type=lambda text: text.split(","), default=[])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    head = {"torch": torch.__version__, "processor": processor(), "machine": platform.machine()}
    print(head)
    rows = measure(arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps({**head, "rows": rows}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
