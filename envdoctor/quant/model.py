"""Whole models: their linears quantised in place, block by block, each for what quantised ones before it put out."""

import contextlib
import functools
from typing import Any, Callable, ContextManager, Dict, Iterable, Iterator, List, Optional, Sequence

from torch import Tensor, nn

from envdoctor.kernels.packed_linear import PackedLinear
from envdoctor.progress import Progress
from envdoctor.quant.blocks import SKIP, as_linear, blocks_of, evaluated, linears, replace, standing_in
from envdoctor.quant.gptq import Inputs
from envdoctor.quant.grid import Device
from envdoctor.quant.replay import Replay
from envdoctor.quant.schemes import Scheme, scheme


def quantize_model(
    model: nn.Module,
    how: "str | Scheme",
    inputs: Optional[Iterable[Any]] = None,
    skip: Sequence[str] = SKIP,
    device: Device = None,
    progress: Optional[Progress] = None,
) -> nn.Module:
    """The linears of a model become those of a scheme (envdoctor.quant.schemes), in place; the model, for inference.

    Linears in `skip`, by their whole names or the last parts of them, stay as they are, and in a model of repeated
    blocks so do those outside. `inputs` are what the model is called with: tensors, tuples or dicts; schemes that want
    none ignore them. Blocks go to `device` (default: where they are) one after the other, and the rest follows at the
    end: until then there is room for one that is not quantised yet. Where the model is a linear itself, another one is
    returned. Raises ValueError.
    """
    chosen = scheme(how)
    blocks = [name for _, names in blocks_of(model) for name in names]
    if not any(linears(model.get_submodule(name), skip, name) for name in blocks):
        raise ValueError("there is no linear in it to quantise")
    replay = Replay(model, batches_for(chosen, inputs)) if chosen.row.inputs else None
    progress = progress or Progress()
    with evaluated(model):
        for number, name in enumerate(blocks):
            progress.start(f"block {number + 1} of {len(blocks)}")
            model.get_submodule(name).to(device)
            model = quantize_block(model, name, chosen, replay, skip, device, progress)
            if replay and name != blocks[-1]:
                replay.advance(name)
            progress.finish("quantised")
    return model.requires_grad_(False).eval().to(device)


def batches_for(chosen: Scheme, inputs: Optional[Iterable[Any]]) -> List[Any]:
    """What the model is called with; ValueError where there is nothing."""
    batches = list(inputs or ())
    if not batches:
        raise ValueError(f"{chosen.name} wants inputs to calibrate with")
    return batches


def quantize_block(
    model: nn.Module,
    name: str,
    chosen: Scheme,
    replay: Optional[Replay],
    skip: Sequence[str],
    device: Device,
    progress: Progress,
) -> nn.Module:
    """One block of a model in place, its linears in the order of their use; the model, or what became of a linear."""
    block = model.get_submodule(name)
    for each in linears(block, skip, name).values():
        if as_linear(each) is not each:
            replace(block, each, as_linear(each))
    found: Dict[str, nn.Linear] = linears(block, skip, name)
    for group in _in_order(replay, name, found) if replay else [[each] for each in found]:
        inputs = _inputs(replay, name, found[group[0]]) if replay else None
        if inputs and not inputs.count:
            progress.note(f"{', '.join(group)}: no input reaches it; rounded to nearest")
        for each in group:
            made = _made(each, found.pop(each), chosen, inputs, device)
            replace(block, *made)
            block, model = (made[1], made[1]) if made[0] is model else (block, model)
    return model


def _made(
    name: str, linear: nn.Linear, chosen: Scheme, inputs: Optional[Inputs], device: Device
) -> "tuple[nn.Linear, PackedLinear]":
    try:
        return linear, chosen.make(linear, inputs, device)
    except ValueError as error:
        raise ValueError(f"{name}: {error}" if name else str(error)) from error


def _in_order(replay: Replay, block: str, found: Dict[str, nn.Linear]) -> Iterator[List[str]]:
    """Linears in the order in which the block uses them, those of one and the same input together; then the rest."""
    groups: Dict[str, List[str]] = {}
    first: Dict[str, Tensor] = {}
    left = dict(found)

    def see(name: str, x: Tensor) -> None:
        if left.pop(name, None) is not None:
            leader = next((each for each, other in first.items() if _same(x, other)), name)
            first.setdefault(leader, x)
            groups.setdefault(leader, []).append(name)

    with contextlib.ExitStack() as stack:
        for name, linear in found.items():
            stack.enter_context(_seen(linear, functools.partial(see, name)))
        for _ in replay.run(block):
            if not left:
                break
    yield from groups.values()
    yield from ([name] for name in left)


def _same(x: Tensor, other: Tensor) -> bool:
    return (x.data_ptr(), x.shape, x.stride()) == (other.data_ptr(), other.shape, other.stride())


def _inputs(replay: Replay, block: str, linear: nn.Linear) -> Inputs:
    inputs = Inputs(linear.in_features, linear.weight.device)
    with _seen(linear, inputs.add):
        for _ in replay.run(block):
            pass
    return inputs


def _seen(linear: nn.Linear, see: Callable[[Tensor], None]) -> ContextManager[None]:
    """Have what a linear is called with shown."""
    forward = linear.forward

    def run(input: Tensor) -> Tensor:
        see(input)
        made: Tensor = forward(input)
        return made

    return standing_in(linear, run)
