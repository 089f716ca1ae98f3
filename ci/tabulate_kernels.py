"""The tables of the families' READMEs from what ci/bench_kernels.py measured: `python ci/tabulate_kernels.py JSON`.

Ratios are how many times as long as ours the other takes: lowest / median / highest of all shapes and rows in a band.
"""

import json
import math
import statistics
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List

Row = Dict[str, Any]
Peer = Callable[[Dict[str, float]], float]

BANDS = ((1, 8), (16, 64), (128, 256), (512, 1024), (2048, 8192))
PEERS: Dict[str, Peer] = {
    "16-bit `torch.mm`": lambda us: min(us["float16"], us["bfloat16"]),
    "fp8 by rows": lambda us: us["fp8 rowwise"],
    "`_int_mm`, without scales": lambda us: us.get("_int_mm", math.nan),
}
METHODS = ("W8A8", "W4A8", "W4A8 g128", "W4A16 float16")


def spread(values: List[float]) -> str:
    values = [value for value in values if not math.isnan(value)]
    if not values:
        return ""
    return " / ".join(f"{value:.2f}" for value in (min(values), statistics.median(values), max(values)))


def table(rows: List[Row], method: str) -> List[str]:
    lines = [
        f"| M | {' | '.join('against ' + peer for peer in PEERS)} | TOPS |",
        "| --- |" + " --- |" * (len(PEERS) + 1),
    ]
    for least, most in BANDS:
        band = [row for row in rows if least <= row["m"] <= most]
        ratios = [spread([peer(row["us"]) / row["us"][method] for row in band]) for peer in PEERS.values()]
        tops = [2e-6 * row["m"] * row["n"] * row["k"] / row["us"][method] for row in band]
        lines.append(f"| {least}-{most} | {' | '.join(ratios)} | {min(tops):.0f} - {max(tops):.0f} |")
    return lines


def main() -> int:
    found = json.loads(Path(sys.argv[1]).read_text())
    for method in METHODS:
        print(f"{method}\n", *table(found["rows"], method), "", sep="\n")
    tiny = [row["us"]["tinygemm"] / row["us"]["W4A16 float16"] for row in found["rows"] if row["m"] == 1]
    print(f"tinygemm, M = 1: {spread(tiny)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
