"""Whole models: their linears quantised in place, block by block, each for what quantised ones before it put out."""

import contextlib
import functools
from typing import Any, Callable, ContextManager, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from torch import Tensor, nn

from envdoctor.host.memory import give_back_free_memory
from envdoctor.progress import Progress
from envdoctor.quant.block_smoothing import check_smoothing, smooth_block
from envdoctor.quant.blocks import (
    SKIP,
    as_linear,
    evaluated,
    linears,
    names_of_blocks,
    naming,
    replace,
    standing_in,
)
from envdoctor.quant.experts import unstack_experts
from envdoctor.quant.gptq import Inputs
from envdoctor.quant.grid import Device
from envdoctor.quant.replay import Replay
from envdoctor.quant.schemes import NOTHING, RANGES, Scheme, Seen, scheme

#: Of each norm, by its name in a model, the one that was found.
Alphas = Dict[str, float]


def quantize_model(
    model: nn.Module,
    how: "str | Scheme",
    inputs: Optional[Iterable[Any]] = None,
    skip: Sequence[str] = SKIP,
    device: Device = None,
    progress: Optional[Progress] = None,
) -> nn.Module:
    """The linears of a model become those of a scheme (envdoctor.quant.schemes), in place; the model, for inference.

    What is in `skip`, by whole names or parts of them, stays as it is; in a model of repeated blocks, what is outside
    of them too. `inputs` are what the model is called with: tensors, tuples or dicts; schemes that want none ignore
    them. Blocks go to `device` (default: where they are) one after the other, and the rest follows at the end: until
    then there is room for one that is not quantised yet. Where the model is a linear itself, another one is returned.
    Raises ValueError, after which what was done stays done, and TypeError for inputs of another kind.
    """
    chosen = scheme(how)
    blocks = names_of_blocks(model)
    check_linears(model, skip)
    check_smoothing(model, chosen)
    replay = Replay(model, batches_for(chosen, inputs)) if chosen.row.wants != NOTHING else None
    progress = progress or Progress()
    with evaluated(model):
        for number, name in enumerate(blocks):
            alphas: Alphas = {}
            progress.start(f"block {number + 1} of {len(blocks)}")
            model.get_submodule(name).to(device)
            model = quantize_block(model, name, chosen, replay, skip, device, progress, alphas)
            if replay and name != blocks[-1]:
                replay.advance(name)
            progress.finish(quantised(alphas))
    return model.requires_grad_(False).eval().to(device)


def quantised(alphas: Alphas) -> str:
    """What is said of a block that is done."""
    found = ", ".join(f"{each:g}" for each in alphas.values())
    return f"quantised, alpha {found}" if found else "quantised"


def check_linears(model: nn.Module, skip: Sequence[str]) -> None:
    """ValueError where there is nothing to quantise."""
    if not any(linears(model.get_submodule(name), skip, name) for name in names_of_blocks(model)):
        raise ValueError("there is no linear in it to quantise")


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
    alphas: Alphas,
) -> nn.Module:
    """One block of a model in place, its linears in the order of their use; the model, or what became of a linear.

    `alphas` takes up what is searched.
    """
    block = model.get_submodule(name)
    unstack_experts(block)
    for each in linears(block, skip, name).values():
        turned = as_linear(each)
        if turned is not each:
            replace(block, each, turned)
    found: Dict[str, nn.Linear] = linears(block, skip, name)
    for group, seen in _seen(replay, name, block, found, chosen, alphas):
        if isinstance(seen, Inputs) and not seen.count:
            progress.note(f"{', '.join(group)}: no input reaches it; rounded to nearest")
        for each in group:
            old = found.pop(each)
            with naming(each):
                made = chosen.make(old, seen, device)
            replace(block, old, made)
            give_back_free_memory()  # a small linear where a large one was leaves a hole that fits no large one
            block, model = (made, made) if old is model else (block, model)
    return model


def _seen(
    replay: Optional[Replay],
    name: str,
    block: nn.Module,
    found: Dict[str, nn.Linear],
    chosen: Scheme,
    alphas: Alphas,
) -> Iterator[Tuple[List[str], Seen]]:
    """Linears that are quantised together, and what they have seen: each group for what those before it put out."""
    if replay is None:
        yield from (([each], None) for each in list(found))
    elif chosen.row.wants == RANGES:
        smoothed = smooth_block(replay, name, block, chosen)
        alphas.update({f"{name}.{norm}" if name else norm: each for norm, each in smoothed.alphas.items()})
        yield from (([each], smoothed.ranges.get(_within(each, name))) for each in list(found))
    else:
        for group in _in_order(replay, name, found):
            yield group, _inputs(replay, name, found[group[0]])


def _within(name: str, block: str) -> str:
    return name[len(block) + 1 :] if block else name


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
            stack.enter_context(_shown(linear, functools.partial(see, name)))
        for _ in replay.run(block):
            if not left:
                break
    yield from groups.values()
    yield from ([name] for name in left)


def _same(x: Tensor, other: Tensor) -> bool:
    return (x.data_ptr(), x.shape, x.stride()) == (other.data_ptr(), other.shape, other.stride())


def _inputs(replay: Replay, block: str, linear: nn.Linear) -> Inputs:
    inputs = Inputs(linear.in_features, linear.weight.device)
    with _shown(linear, inputs.add):
        for _ in replay.run(block):
            pass
    return inputs


def _shown(linear: nn.Linear, see: Callable[[Tensor], None]) -> ContextManager[None]:
    """Have what a linear is called with shown."""
    forward = linear.forward

    def run(input: Tensor) -> Tensor:
        see(input)
        made: Tensor = forward(input)
        return made

    return standing_in(linear, run)
