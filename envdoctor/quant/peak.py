"""How much memory quantising a model takes, said before it is begun."""

from typing import Any, List, NamedTuple, Sequence, Tuple, Union

import torch
from torch import nn

from envdoctor.quant.blocks import SKIP, linears, names_of_blocks
from envdoctor.quant.folder import inside
from envdoctor.quant.grid import Device
from envdoctor.quant.packed_file import gptq_config
from envdoctor.quant.schemes import INPUTS, NOTHING, SEARCH, Scheme, scheme
from envdoctor.quant.stream import Source
from envdoctor.quant.weights import tensors_of

#: Bytes for each weight of a linear while it is written: as the words of GPTQ, or as it is. Measured.
_WORDS, _AS_IT_IS = 28, 2
#: Bytes for each weight of a linear while an alpha is tried on it.
_SEARCH = 21
#: Matrices [K, K] of float32 that GPTQ holds at once.
_SQUARES = 6
#: A tensor on its way: in the file, in memory, and as the bytes that are written.
_COPIES = 3
#: What an allocator leaves unused between tensors, and what does not depend on sizes.
_LOST, _SMALL = 1.3, 48 << 20

_Shape = Tuple[int, int]


class Peak(NamedTuple):
    """In bytes, beyond what is taken already, the code of libraries among it: on the CPU, and on another device."""

    host: int
    device: int


def predicted_peak(
    source: Union[Source, nn.Module],
    how: "str | Scheme",
    batches: Sequence[Any] = (),
    skip: Sequence[str] = SKIP,
    device: Device = None,
) -> Peak:
    """For quantize_folder with the same arguments; for quantize_model, of a model on the CPU."""
    chosen, here = scheme(how), torch.device(device or "cpu").type == "cpu"
    model = source if isinstance(source, nn.Module) else source.model
    shapes = [each for name in names_of_blocks(model) for each in _shapes(model.get_submodule(name), skip)]
    made = max((_made(chosen, *shape) for shape in shapes), default=0)
    sizes, held, running = _sizes(source), *_calibration(source, chosen, batches, skip, here)
    if isinstance(source, nn.Module):
        packed = sum(n * k * chosen.packed for n, k in shapes) + sizes.rest
        work = held + running + made
        there = 0 if here else _with_losses(sizes.block + running + made + int(packed))
        return Peak(_with_losses(work if here else held + made), there)
    written = max((n * k * (_WORDS if gptq_config(chosen) else _AS_IT_IS) for n, k in shapes), default=0)
    # A model that was read whole is on the CPU already.
    block = 0 if source.weights is None and here else sizes.block
    work = held + block + running + made
    if here:
        return Peak(_with_losses(max(work, held + block + written, held + sizes.largest * _COPIES)), 0)
    return Peak(_with_losses(max(sizes.largest * _COPIES, written)), _with_losses(work))


class _Sizes(NamedTuple):
    """In bytes."""

    block: int  # the largest
    largest: int  # tensor
    rest: int  # what is outside of blocks


def _sizes(source: Union[Source, nn.Module]) -> _Sizes:
    model = source if isinstance(source, nn.Module) else source.model
    tensors = {name: tensor.numel() * _width(source, tensor) for name, tensor in tensors_of(model)}
    blocks = names_of_blocks(model)
    sizes = [sum(size for name, size in tensors.items() if inside(name, [block])) for block in blocks]
    return _Sizes(max(sizes), max(tensors.values(), default=0), sum(tensors.values()) - sum(sizes))


def _width(source: Union[Source, nn.Module], tensor: torch.Tensor) -> int:
    """Bytes of each value."""
    size: int = tensor.element_size() if isinstance(source, nn.Module) else source.width(tensor)
    return size


def _shapes(block: nn.Module, skip: Sequence[str]) -> List[_Shape]:
    """N and K of its linears."""
    found = linears(block, skip).values()
    shapes = [each.weight.shape if isinstance(each, nn.Linear) else each.weight.shape[::-1] for each in found]
    return [(n, k) for n, k in shapes]


def _made(chosen: Scheme, n: int, k: int) -> int:
    """While a linear is quantised and packed."""
    squares = _SQUARES * 4 * k * k if chosen.row.wants == INPUTS else 0
    room = max(chosen.row.room, _SEARCH if chosen.options.alpha == SEARCH else 0)
    return n * k * room + squares


def _calibration(
    source: Union[Source, nn.Module], chosen: Scheme, batches: Sequence[Any], skip: Sequence[str], here: bool
) -> Tuple[int, int]:
    """What is held for all of it: all that comes before blocks, and out of one; and what a batch takes in a block."""
    if chosen.row.wants == NOTHING:
        return 0, 0
    model = source if isinstance(source, nn.Module) else source.model
    before, tensors = 0, dict(tensors_of(model))
    if isinstance(source, Source) and not (here and source.weights is None):
        before = sum(
            tensors[name].numel() * source.width(tensors[name]) for name in source.before_blocks(skip)
        )
    shapes = _shapes(model.get_submodule(names_of_blocks(model)[0]), ())
    rows = [_rows(batch) for batch in batches]
    width = max(_width(source, tensor) for tensor in tensors.values() if tensor.is_floating_point())
    return before + sum(rows) * shapes[0][1] * width, max(rows) * sum(n + k for n, k in shapes) * 4


def _rows(batch: Any) -> int:
    """Tokens of ids, or vectors, in the largest tensor that a model is called with."""
    values = (
        batch.values() if isinstance(batch, dict) else batch if isinstance(batch, (tuple, list)) else [batch]
    )
    tensors = [each for each in values if isinstance(each, torch.Tensor)]
    rows = (
        each.numel() // (each.shape[-1] if each.is_floating_point() and each.dim() else 1) for each in tensors
    )
    return max(rows, default=1)


def _with_losses(size: int) -> int:
    return int(size * _LOST) + _SMALL
