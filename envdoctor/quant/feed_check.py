"""Whether norms feed what a table says and nothing else, found out by running the model."""

import contextlib
from typing import Any, Callable, Iterator, Sequence

import torch
from torch import Tensor

from envdoctor.quant.families import Feed
from envdoctor.quant.statistics import Statistics

_CLOSE = 1e-3


def check_feeds(feeds: Sequence[Feed], look: Callable[[], Statistics]) -> None:
    """Raise ValueError, naming a linear, where scales would reach what is not in the feeds, such as a residual.

    `look` runs inputs and says what linears see and give. It is called twice: as things are, and with every other
    channel of what norms give halved and doubled again before each weight of the feed. Halves are exact, so no linear
    may notice.
    """
    plain = look()
    with _halved(feeds):
        halved = look()
    for name, each in plain.items():
        close = {"rtol": _CLOSE, "atol": _CLOSE * float(each.magnitudes().max())}
        # an expert that rows no longer go to has none
        same = name in halved and all(
            one is None or other is None or torch.allclose(one, other, **close)
            for one, other in zip(each, halved[name])
        )
        if not same:
            raise ValueError(f"scales would reach {name}: a norm before it feeds more than its row says")


@contextlib.contextmanager
def _halved(feeds: Sequence[Feed]) -> Iterator[None]:
    owners = dict.fromkeys(weight.owner for feed in feeds for weight in feed.weights)
    hooks = [feed.norm.register_forward_hook(_halving) for feed in feeds]
    hooks += [owner.register_forward_pre_hook(_doubling) for owner in owners]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _halving(module: torch.nn.Module, arguments: Sequence[Any], given: Tensor) -> Tensor:
    return given / _scales(given)


def _doubling(module: torch.nn.Module, arguments: Sequence[Any]) -> Any:
    if not arguments:
        raise ValueError(
            f"a {type(module).__name__} that a norm feeds is called by keyword, which cannot be checked"
        )
    x, *rest = arguments
    return (x * _scales(x), *rest)


def _scales(x: Tensor) -> Tensor:
    """1 and 2 in turns."""
    return torch.arange(x.shape[-1], device=x.device) % 2 + 1
