"""What rounding to nearest and GPTQ lose of the outputs of one layer, in 4 bits and groups of 128: how much GPTQ gains.

That hangs on how correlated inputs are: they are mixed from as many directions as channels, a quarter and a sixteenth
of that, with noise. Counted on inputs that GPTQ has not seen. An argument is the number of channels.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

import torch

from envdoctor.quant.gptq import Grid, Inputs, gptq
from envdoctor.quant.rtn import rtn


def inputs_from(channels, directions):
    """Two halves of the same kind."""
    torch.manual_seed(0)
    mix = torch.randn(directions, channels) / directions**0.5
    halves = []
    for _ in range(2):
        inputs = Inputs(channels)
        inputs.add(torch.randn(4 * channels, directions) @ mix + 0.1 * torch.randn(4 * channels, channels))
        halves.append(inputs)
    return halves


def main(channels="2048"):
    count, grid = int(channels), Grid(bits=4, group=128)
    weight = torch.randn(count, count) / count**0.5
    for directions in (count, count // 4, count // 16):
        seen, others = inputs_from(count, directions)
        began = time.perf_counter()
        made = gptq(weight, seen, grid)
        seconds = time.perf_counter() - began
        least, nearest = (others.error(weight, each.dequantized()) for each in (made, rtn(weight, grid)))
        print(
            f"{count} channels from {directions}: gptq {least:.5f} after {seconds:.1f} s, rtn {nearest:.5f},"
            f" times {nearest / least:.1f}"
        )


main(*sys.argv[1:])
