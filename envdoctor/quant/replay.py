"""A model run up to one block at a time, so that only one has to be there.

The model's own code runs for each batch: what it makes of its inputs (masks, positions, what is passed along) reaches
each block as always. Blocks before that one hand on what came out of the last of them, and what is after it is not run.
"""

import contextlib
from typing import Any, Callable, Dict, Iterator, List, Sequence

import torch
from torch import Tensor, nn

from envdoctor.quant.batches import called, device_of, mapped, moved
from envdoctor.quant.blocks import blocks_of, standing_in


class _ReachedError(Exception):
    """The block has run."""


class Replay:
    """Batches for the blocks of a model, in order: each is run as often as needed, then `advance` is called.

    A batch is a tensor, a tuple of what the model is called with, or a dict of what it is called with by name.
    """

    def __init__(self, model: nn.Module, batches: Sequence[Any]) -> None:
        self._model, self._batches = model, batches
        self._list_of = {name: of for of, names in blocks_of(model) for name in names}
        self._module = {name: each for name, each in model.named_modules() if name in self._list_of}
        #: How many batches there are.
        self.count = len(batches)
        self._held: Dict[str, List[Any]] = {}  # by lists: of each batch, what came out of the last block

    def run(self, block: str) -> Iterator[Any]:
        """Run a block, which is the next or the first one, on one batch after the other; what comes out of it."""
        for number in range(len(self._batches)):
            yield self._output(block, number)

    def advance(self, block: str) -> None:
        """Run it once more, and keep what comes out for the blocks after it."""
        outputs = self._held.setdefault(self._list_of[block], [None] * len(self._batches))
        for number in range(len(self._batches)):
            outputs[number] = self._output(block, number)

    def _output(self, block: str, number: int) -> Any:
        batch, home = self._batches[number], self._home()
        if not block:
            return called(self._model, batch, home)
        made: List[Any] = []
        with contextlib.ExitStack() as stack:
            for name, module in self._before(block):
                held = self._held[self._list_of[name]][number]
                stack.enter_context(standing_in(module, _handing_on(held)))
            stack.enter_context(standing_in(self._module[block], _ending(self._module[block], made)))
            with contextlib.suppress(_ReachedError):
                called(self._model, batch, home)
        if not made:
            raise ValueError(f"{block}: batch {number + 1} does not reach it")
        return made[0]

    def _before(self, block: str) -> Iterator["tuple[str, nn.Module]"]:
        for name in self._list_of:
            if name == block:
                return
            yield name, self._module[name]

    def _home(self) -> "torch.device | None":
        """Where what is outside of blocks is."""
        inside = {id(each) for block in self._module.values() for each in block.parameters()}
        outside = [each for each in self._model.parameters() if id(each) not in inside or "" in self._module]
        return next((each.device for each in outside if each.device.type != "meta"), None)


def _handing_on(output: Any) -> Callable[..., Any]:
    # a copy: a model may change what it has been given
    return lambda *args, **kwargs: mapped(output, Tensor.clone)


def _ending(block: nn.Module, made: List[Any]) -> Callable[..., Any]:
    """The forward of a block, on its device, after which nothing more is run; what comes out goes where x came from."""
    forward = block.forward

    def run(*args: Any, **kwargs: Any) -> Any:
        home, device = device_of((args, kwargs)), device_of([*block.parameters(), *block.buffers()])
        made.append(moved(forward(*moved(args, device), **moved(kwargs, device)), home))
        raise _ReachedError

    return run
