"""How much memory quantising a folder takes, said before it is begun."""

from typing import Any, Dict, Iterable, List, NamedTuple, Sequence, Tuple

import torch
from torch import nn

from envdoctor.quant.blocks import SKIP, linears
from envdoctor.quant.folder import inside, names_of_blocks
from envdoctor.quant.grid import Device
from envdoctor.quant.packed_file import gptq_config
from envdoctor.quant.schemes import INPUTS, NOTHING, Scheme, scheme
from envdoctor.quant.stream import Source
from envdoctor.quant.weights import tensors_of

#: Bytes for each weight of a linear while it is written: as the words of GPTQ, or as it is. Measured.
_WORDS, _AS_IT_IS = 28, 2
#: Matrices [K, K] of float32 that GPTQ holds at once.
_SQUARES = 6
#: What an allocator leaves unused between tensors, and what does not depend on sizes.
_LOST, _SMALL = 1.3, 48 << 20


class Peak(NamedTuple):
    """In bytes, beyond what is taken already, the code of libraries included: on the CPU, and on another device."""

    host: int
    device: int


def predicted_peak(
    source: Source,
    how: "str | Scheme",
    batches: Sequence[Dict[str, Any]] = (),
    skip: Sequence[str] = SKIP,
    device: Device = None,
) -> Peak:
    """For quantize_folder with the same arguments."""
    chosen, blocks = scheme(how), names_of_blocks(source.model)
    tensors = {name: tensor.numel() * source.width(tensor) for name, tensor in tensors_of(source.model)}
    rest = [size for name, size in tensors.items() if not inside(name, blocks)]
    sizes = [sum(size for name, size in tensors.items() if inside(name, [block])) for block in blocks]
    work = max(_made(source.model.get_submodule(block), chosen, skip) for block in blocks)
    if source.weights is not None:
        work += max(sizes)
    held = 0
    if chosen.row.wants != NOTHING:
        held, running = _activations(source, blocks[0], batches)
        work += running
        held += sum(tensors[name] for name in source.before_blocks(skip))
    # a tensor that is copied from file to file: there, here, and as the bytes that are written
    copied = max(rest, default=0) * 3
    if torch.device(device or "cpu").type == "cpu":
        return Peak(_with_losses(held + max(work, copied)), 0)
    return Peak(_with_losses(held + max(copied, max(sizes) * 2)), _with_losses(work))


def _made(block: nn.Module, chosen: Scheme, skip: Sequence[str]) -> int:
    """For the largest linear while it is made or written."""
    written: int = _WORDS if gptq_config(chosen) else _AS_IT_IS
    most = 0
    for _, (n, k) in _sizes(block, skip):
        squares = _SQUARES * 4 * k * k if chosen.row.wants == INPUTS else 0
        most = max(most, n * k * chosen.row.room + squares, n * k * written)
    return most


def _sizes(block: nn.Module, skip: Sequence[str]) -> Iterable[Tuple[str, Tuple[int, int]]]:
    for name, each in linears(block, skip).items():
        n, k = each.weight.shape if isinstance(each, nn.Linear) else each.weight.shape[::-1]
        yield name, (n, k)


def _activations(source: Source, block: str, batches: Sequence[Dict[str, Any]]) -> Tuple[int, int]:
    """What comes out of a block for all batches, and what is there while one of them is in it."""
    sizes = [size for _, size in _sizes(source.model.get_submodule(block), ())]
    tokens: List[int] = [batch["input_ids"].numel() for batch in batches]
    width = torch.empty(0, dtype=source.dtype).element_size()
    held = sum(tokens) * sizes[0][1] * width
    return held, max(tokens) * sum(n + k for n, k in sizes) * 4


def _with_losses(size: int) -> int:
    return int(size * _LOST) + _SMALL
