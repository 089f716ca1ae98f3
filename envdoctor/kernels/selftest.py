"""`python -m envdoctor.kernels.selftest`: whether the kernels calculate here what torch's own arithmetic does."""

import sys
from typing import Iterator, Tuple

import torch
from torch import Tensor

from envdoctor.kernels import int4_pairs, linear_w4a8, linear_w8a8, pack_w4a8, pack_w8a8

_ROWS, _K, _N = 5, 96, 40


def main() -> int:
    """Integers, which are exact, on the CPU and on a GPU where one is; 1 and a line where they are wrong."""
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    for device in devices:
        for name, found, right in products(device):
            if not torch.equal(found.cpu(), right):
                sys.stderr.write(f"{name} on {device} is wrong\n")
                return 1
    sys.stdout.write(f"int8 and int4 products are exact on {' and '.join(devices)}\n")
    return 0


def products(device: str) -> Iterator[Tuple[str, Tensor, Tensor]]:
    """Names, what the kernels give, and what is right."""
    x, eight, four = (_values(rows, low) for rows, low in ((_ROWS, -128), (_N, -128), (_N, -8)))
    packed = pack_w8a8(eight, device), pack_w4a8(int4_pairs(four), device)
    there = x.to(device)
    yield "linear_w8a8", linear_w8a8(there, packed[0], out_dtype=torch.int32), _right(x, eight)
    yield "linear_w4a8", linear_w4a8(there, packed[1], out_dtype=torch.int32), _right(x, four)


def _values(rows: int, low: int) -> Tensor:
    """From low to -low - 1, the same in every run."""
    mixed = torch.arange(rows * _K, device="cpu") * 40503 % 65521
    return (mixed % (-2 * low) + low).to(torch.int8).reshape(rows, _K)


def _right(x: Tensor, w: Tensor) -> Tensor:
    return (x.long() @ w.long().T).to(torch.int32)


if __name__ == "__main__":
    sys.exit(main())
