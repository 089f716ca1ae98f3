"""Time whole models of random weights on this GPU, in 16 bits and in each scheme: prefill, decode, memory.

    python ci/bench_models.py [--models opt-6.7b,...] [--schemes w8a8,...] [--json FILE]

The geometry is that of the real models; the weights are not, which changes no time. A block is made once for a scheme
and copied as often as the model has blocks, each with memory of its own. Memory is that of a prefill of 512 tokens.
Every measurement is a CUDA graph, replayed; the median of the rounds counts. All schemes of a model are measured in
one process, 16 bits first, one after the other (two models of 30B do not fit on a GPU side by side).
"""

import argparse
import copy
import gc
import json
import statistics
import sys
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import torch
from kernel_benchmarks.measure import elapsed, graph_of
from model_benchmarks.decoder import GEOMETRIES, Decoder, Geometry

from envdoctor.quant.calibration import calibrate
from envdoctor.quant.model import quantize_model
from envdoctor.quant.smoothquant import SCALINGS, quantize_w8a8

BASE = "float16"
SCHEMES = "w8a8,smq_q8i8f16_1,w4a8,w4a16-rtn,llm.int8"
PREFILL: List[Tuple[int, int]] = [(4, 128), (4, 256), (4, 512), (4, 1024)]  # batch, tokens
TOKENS = [1 << power for power in range(13)]  # of one sequence, where schemes may break even
CONTEXT = 512  # tokens there before the one that is decoded, in caches with room for twice as many
ROUNDS = 7


def built(of: Geometry, scheme: str) -> Any:
    """A Decoder: one block in the scheme, and its copies."""
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float16)
    with torch.device("cuda"):
        model = Decoder(of, 1)
    model.eval().requires_grad_(False)
    torch.set_default_dtype(torch.float32)
    if scheme in SCALINGS and scheme != "w8a8":
        tokens = torch.randint(0, of.vocabulary, (4, 512), device="cuda")
        quantize_w8a8(model, calibrate(model, [tokens]), scheme)
    elif scheme != BASE:
        quantize_model(model, scheme)
    gc.collect()  # what was quantised is in cycles
    model.blocks.extend(copy.deepcopy(model.blocks[0]) for _ in range(of.layers - 1))
    return model


def milliseconds(call: Callable[[], Any]) -> float:
    """Median over rounds of a graph that holds one call."""
    with torch.no_grad():
        graph = graph_of([call])
    return statistics.median([elapsed(graph.replay) / 1000 for _ in range(ROUNDS + 2)][2:])


def measured(of: Geometry, scheme: str) -> Dict[str, Any]:
    """Milliseconds and bytes of a model in a scheme."""
    torch._C._cuda_clearCublasWorkspaces()  # of the streams of graphs that are gone
    model = built(of, scheme)
    found: Dict[str, Any] = {"weights": torch.cuda.memory_allocated(), "prefill": {}, "tokens": {}}
    torch.cuda.reset_peak_memory_stats()
    with torch.no_grad():
        model(torch.zeros(1, CONTEXT, dtype=torch.long, device="cuda"))
    found["peak"] = torch.cuda.max_memory_allocated()
    for batch, tokens in PREFILL:
        given = torch.randint(0, of.vocabulary, (batch, tokens), device="cuda")
        found["prefill"][f"{batch}x{tokens}"] = milliseconds(partial(model, given))
    for tokens in TOKENS:
        given = torch.randint(0, of.vocabulary, (1, tokens), device="cuda")
        found["tokens"][str(tokens)] = milliseconds(partial(model, given))
    for batch in (1, 8):
        caches = model.caches(batch, 2 * CONTEXT, of)
        given = torch.randint(0, of.vocabulary, (batch, 1), device="cuda")
        position = torch.tensor([CONTEXT], device="cuda")
        key = f"decode, batch {batch}"
        found[key] = milliseconds(partial(model, given, position, caches))
    return found


def breaks_even(found: Dict[str, float], base: Dict[str, float]) -> str:
    """The numbers of tokens of a call at which the scheme is not the faster one."""
    slower = [tokens for tokens in found if found[tokens] >= base[tokens]]
    return (
        f"slower than 16 bits at {', '.join(slower)} tokens" if slower else "faster at each number of tokens"
    )


def line(scheme: str, found: Dict[str, Any], base: Dict[str, Any]) -> str:
    """Against 16 bits."""
    saved = 1 - found["peak"] / base["peak"]
    parts = [f"{found['weights'] / 2**30:.1f} GiB, peak {found['peak'] / 2**30:.1f} (-{saved:.0%})"]
    for size, ms in found["prefill"].items():
        parts.append(f"{size} {ms:.1f} ms ({base['prefill'][size] / ms:.2f}x)")
    decode = [key for key in found if key.startswith("decode")]
    parts += [f"{key} {found[key]:.2f} ms ({base[key] / found[key]:.2f}x)" for key in decode]
    return f"  {scheme}: " + "; ".join([*parts, breaks_even(found["tokens"], base["tokens"])])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default=",".join(GEOMETRIES))
    parser.add_argument("--schemes", default=SCHEMES)
    parser.add_argument("--json", type=Path, help="write all numbers there")
    given = parser.parse_args()
    if not torch.cuda.is_available():
        parser.exit(2, "this benchmark needs a GPU, and torch sees none\n")
    document: Dict[str, Any] = {
        "device": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "models": {},
    }
    print(document["device"])
    for name in given.models.split(","):
        print(name)
        models = document["models"][name] = {}
        for scheme in [BASE, *given.schemes.split(",")]:
            models[scheme] = measured(GEOMETRIES[name], scheme)
            print(line(scheme, models[scheme], models[BASE]), flush=True)
            torch.cuda.empty_cache()
            if given.json:
                given.json.write_text(json.dumps(document, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
