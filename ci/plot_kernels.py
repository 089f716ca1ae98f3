"""Draw what ci/bench_kernels.py measured against the two roofs of the GPU: `python ci/plot_kernels.py JSON... PNG`.

Each point is one product: operations for each byte that it has to move, and operations a second. A method is drawn from
the first file that has it. Needs matplotlib.
"""

import argparse
import json
import sys
from pathlib import Path

from matplotlib import pyplot as plt

#: Method, bits of its weights and of its activations, colour.
METHODS = (
    ("W8A8", 8, 8, "tab:blue"),
    ("W4A8", 4, 8, "tab:green"),
    ("W4A16 float16", 4, 16, "tab:purple"),
    ("fp8 rowwise", 8, 8, "tab:orange"),
    ("bfloat16", 16, 16, "tab:grey"),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("json", type=Path, nargs="+")
    parser.add_argument("png", type=Path)
    arguments = parser.parse_args()
    runs = [json.loads(path.read_text()) for path in arguments.json]
    if len({run["device"] for run in runs}) > 1:
        parser.exit(2, "the files are of different GPUs\n")
    figure, axes = plt.subplots(figsize=(8, 5), dpi=120)
    for name, bits, bits_of_x, colour in METHODS:
        points = []
        for row in next((run["rows"] for run in runs if name in run["rows"][0]["us"]), []):
            m, n, k = row["m"], row["n"], row["k"]
            moved = n * k * bits / 8 + m * k * bits_of_x / 8 + 2 * m * n
            points.append((2 * m * n * k / moved, 2 * m * n * k / row["us"][name] / 1e6))
        if points:
            axes.scatter(*zip(*points), s=12, color=colour, label=name)
    reach = [1, 10000]
    axes.plot(reach, [x * runs[0]["bandwidth"] / 1e12 for x in reach], color="black", linewidth=0.8)
    if runs[0]["operations"]:
        axes.axhline(runs[0]["operations"] / 1e12, color="black", linewidth=0.8)
    axes.set(xscale="log", yscale="log", xlim=reach, ylim=(1, 3000))
    axes.set(xlabel="operations for each byte", ylabel="10^12 operations a second", title=runs[0]["device"])
    axes.legend()
    figure.savefig(arguments.png)
    return 0


if __name__ == "__main__":
    sys.exit(main())
