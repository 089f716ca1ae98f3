"""How much memory quantising a folder takes, said before it is begun."""

from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

import torch
from torch import nn

from envdoctor.quant.blocks import SKIP, linears, names_of_blocks
from envdoctor.quant.folder import inside
from envdoctor.quant.grid import Device
from envdoctor.quant.packed_file import gptq_config
from envdoctor.quant.schemes import INPUTS, NOTHING, Scheme, scheme
from envdoctor.quant.stream import Source
from envdoctor.quant.weights import tensors_of

#: Bytes for each weight of a linear while it is written: as the words of GPTQ, or as it is. Measured.
_WORDS, _AS_IT_IS = 28, 2
#: Matrices [K, K] of float32 that GPTQ holds at once.
_SQUARES = 6
#: A tensor on its way: in the file, in memory, and as the bytes that are written.
_COPIES = 3
#: What an allocator leaves unused between tensors, and what does not depend on sizes.
_LOST, _SMALL = 1.3, 48 << 20

_Shape = Tuple[int, int]


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
    shapes = [each for block in blocks for each in _shapes(source.model.get_submodule(block), skip)]
    written = max((n * k * (_WORDS if gptq_config(chosen) else _AS_IT_IS) for n, k in shapes), default=0)
    block, largest = _stored(source, blocks)
    held, running = _calibration(source, chosen, blocks[0], batches, skip)
    work = held + block + running + max((_made(chosen, *shape) for shape in shapes), default=0)
    if torch.device(device or "cpu").type == "cpu":
        return Peak(_with_losses(max(work, held + block + written, held + largest * _COPIES)), 0)
    return Peak(_with_losses(max(largest * _COPIES, written)), _with_losses(work))


def _shapes(block: nn.Module, skip: Sequence[str]) -> List[_Shape]:
    """N and K of its linears."""
    found = linears(block, skip).values()
    shapes = [each.weight.shape if isinstance(each, nn.Linear) else each.weight.shape[::-1] for each in found]
    return [(n, k) for n, k in shapes]


def _made(chosen: Scheme, n: int, k: int) -> int:
    """While a linear is quantised and packed."""
    squares = _SQUARES * 4 * k * k if chosen.row.wants == INPUTS else 0
    return n * k * chosen.row.room + squares


def _stored(source: Source, blocks: Sequence[str]) -> _Shape:
    """What the largest block has, unless all are there anyway; and the largest tensor."""
    tensors = {name: tensor.numel() * source.width(tensor) for name, tensor in tensors_of(source.model)}
    sizes = [sum(size for name, size in tensors.items() if inside(name, [block])) for block in blocks]
    return max(sizes) if source.weights is not None else 0, max(tensors.values())


def _calibration(
    source: Source, chosen: Scheme, block: str, batches: Sequence[Dict[str, Any]], skip: Sequence[str]
) -> Tuple[int, int]:
    """What is held for all of it: all that comes before blocks, and out of one; and what a batch takes in a block."""
    if chosen.row.wants == NOTHING:
        return 0, 0
    tensors = dict(tensors_of(source.model))
    before = sum(tensors[name].numel() * source.width(tensors[name]) for name in source.before_blocks(skip))
    shapes = _shapes(source.model.get_submodule(block), ())
    tokens = [batch["input_ids"].numel() for batch in batches]
    out = sum(tokens) * shapes[0][1] * torch.empty(0, dtype=source.dtype).element_size()
    return before + out, max(tokens) * sum(n + k for n, k in shapes) * 4


def _with_losses(size: int) -> int:
    return int(size * _LOST) + _SMALL
