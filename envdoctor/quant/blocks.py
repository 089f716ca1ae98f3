"""What of a model is quantised: its linears, block by block; blocks are what a list of the model repeats."""

import contextlib
from typing import Any, Callable, Dict, Iterator, List, Sequence, Tuple

import torch
from torch import nn

from envdoctor.kernels.packed_linear import PackedLinear

#: Linears that stay as they are, by parts of their names: heads and routers, of few weights that matter much.
SKIP = ("lm_head", "embed_out", "score", "classifier", "gate", "router")


def is_linear(module: nn.Module) -> bool:
    """Whether it can be quantised: torch's own, or the Conv1D of transformers, which is one with its weight turned.

    Not the part of nn.MultiheadAttention, which reads that weight and never calls the linear.
    """
    if isinstance(module, nn.modules.linear.NonDynamicallyQuantizableLinear):
        return False
    return isinstance(module, nn.Linear) or is_conv1d(module)


def is_conv1d(module: nn.Module) -> bool:
    """Whether it is that of transformers, which need not be there."""
    return type(module).__name__ == "Conv1D" and hasattr(module, "nf")


def as_linear(module: nn.Module) -> nn.Linear:
    """A linear as torch has it, of the same values."""
    if not is_conv1d(module):
        return module
    linear = nn.Linear(*module.weight.shape, bias=False, device="meta")
    linear.weight = nn.Parameter(module.weight.detach().t().contiguous(), requires_grad=False)
    linear.bias = module.bias
    return linear


def linears(module: nn.Module, skip: Sequence[str] = SKIP, prefix: str = "") -> Dict[str, nn.Module]:
    """By their names, without those that are skipped."""
    found = {name: each for name, each in module.named_modules(prefix=prefix) if is_linear(each)}
    return {name: each for name, each in found.items() if not is_skipped(name, skip)}


def is_skipped(name: str, skip: Sequence[str]) -> bool:
    """Whether a module is one of those in `skip`, or within: whole names, or parts of them."""
    return any(f".{each}." in f".{name}." for each in skip)


def blocks_of(model: nn.Module) -> List[Tuple[str, List[str]]]:
    """Lists of repeated blocks and the names of their blocks, in the model's order.

    A list counts if all in it are of one class and there are linears inside. Where there is none, the model is the one
    block of a list, both called "".
    """
    found: List[Tuple[str, List[str]]] = []
    for name, module in model.named_modules():
        within = any(not of or name.startswith(f"{of}.") for of, _ in found)
        if not within and isinstance(module, nn.ModuleList) and _repeats(module):
            before = f"{name}." if name else ""
            found.append((name, [f"{before}{number}" for number in range(len(module))]))
    return found or [("", [""])]


def names_of_blocks(model: nn.Module) -> List[str]:
    """Of all lists of blocks, in the model's order."""
    return [name for _, names in blocks_of(model) for name in names]


def _repeats(modules: nn.ModuleList) -> bool:
    inside = (each for block in modules for name, each in block.named_modules() if name)
    return any(map(_is_or_was_linear, inside)) and len({type(block) for block in modules}) == 1


def _is_or_was_linear(module: nn.Module) -> bool:
    return is_linear(module) or isinstance(module, PackedLinear)


def replace(model: nn.Module, old: nn.Module, new: nn.Module) -> None:
    """Put one module where another one is, wherever that is."""
    for parent in list(model.modules()):
        for name, child in list(parent._modules.items()):  # named_children leaves out what it has named
            if child is old:
                setattr(parent, name, new)


@contextlib.contextmanager
def standing_in(module: nn.Module, forward: Callable[..., Any]) -> Iterator[None]:
    """Have calls of a module call this instead of its forward."""
    before = vars(module).get("forward")
    module.forward = forward
    try:
        yield
    finally:
        del module.forward
        if before is not None:
            module.forward = before


@contextlib.contextmanager
def naming(name: str) -> Iterator[None]:
    """Have what is refused say of what; "": of all that there is."""
    try:
        yield
    except ValueError as error:
        error.args = (f"{name}: {error}",) if name else error.args  # it stays of its class
        raise


@contextlib.contextmanager
def evaluated(model: nn.Module) -> Iterator[None]:
    """Without dropout and gradients; afterwards each module is in the mode in which it was."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module in training:
            module.training = True
