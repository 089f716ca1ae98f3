"""SmoothQuant's smoothing: large channels of activations are divided, and the weights that meet them multiplied.

Source: Xiao et al., "SmoothQuant: Accurate and Efficient Post-Training Quantization for Large Language Models", 2022.
"""

import functools
from collections import Counter
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Union

import torch
from torch import Tensor

from envdoctor.quant.calibration import calibrate
from envdoctor.quant.families import Feed, GivenRow, find_feeds
from envdoctor.quant.feed_check import check_feeds
from envdoctor.quant.norms import divided
from envdoctor.quant.statistics import LinearRange, Statistics, channel_range

__all__ = ["check_owners", "scales_of", "seen_by", "smooth"]

_LEAST = 1e-5  # of a weight's channel, and of a scale


class _Plan(NamedTuple):
    feed: Feed
    scales: Tensor  # float32 [K]
    norm: Dict[str, Tensor]  # its weight and bias then


def smooth(
    model: torch.nn.Module,
    statistics: Statistics,
    alpha: Union[float, Mapping[str, float]] = 0.5,
    rows: Optional[Sequence[GivenRow]] = None,
    check: Iterable[Any] = (),
) -> Statistics:
    """Smooth a model in place; returns the statistics as they are afterwards, so that nothing is calibrated again.

    Each norm's weight and bias are divided by scales, and all weights that it feeds multiplied: the model computes what
    it did, up to rounding. alpha says how much of the difficulty goes to the weights, from 0 to 1: 0.5 suits OPT and
    BLOOM, 0.8 to 0.9 LLaMA and Mistral; or one for each norm, by name (see envdoctor.quant.alpha). `rows` stand for the
    table of families: a norm's name, and the names of all that it feeds, both within whatever module has them all. A
    row knows blocks by the names and parameters in them; one that looks alike and does something else with a norm is
    found out where `check` has inputs, one will do, as calibrate takes them.
    Raises ValueError, with the model as it was, for a model that no row knows and for what cannot be folded exactly.
    """
    feeds = find_feeds(model, rows)
    check_owners(model, {name: tensor for feed in feeds for name, tensor in feed.scaled().items()})
    checked = list(check)
    if checked:
        check_feeds(feeds, lambda: calibrate(model, checked, outputs=True))
    plans = [_plan(feed, seen, alpha) for feed, seen in zip(feeds, seen_by(feeds, statistics))]
    for plan in plans:
        _fold(plan)
    scales = {weight.name: plan.scales for plan in plans for weight in plan.feed.weights}
    ranges = {
        name: each.smoothed(scales[name]) if name in scales else each for name, each in statistics.items()
    }
    return Statistics(ranges)


def scales_of(magnitudes: Tensor, weights: Sequence[Tensor], alpha: float) -> Tensor:
    """What channels are divided by, float32 [K]: magnitudes^alpha / (largest of all weights)^(1 - alpha).

    A channel that never was anything but 0 keeps its scale of 1, for the least scale would make float16 overflow.
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha must be from 0 to 1, not {alpha}")
    largest = _largest(weights, magnitudes.device).clamp(min=_LEAST)
    scales = (magnitudes.float().pow(alpha) / largest.pow(1 - alpha)).clamp(min=_LEAST)
    return torch.where(magnitudes > 0, scales, torch.ones_like(scales))


def seen_by(feeds: Sequence[Feed], statistics: Statistics) -> List[LinearRange]:
    """The range of what each norm gives. Raises ValueError.

    Experts see a part of that each, everything else all of it: so what differs is not fed by the norm alone, and what
    has seen the same without being of any feed is fed by it too.
    """
    found = [_seen(feed, statistics) for feed in feeds]
    known = {weight.name for feed in feeds for weight in feed.weights}
    for name, each in statistics.items():
        if name not in known and bool(each.magnitudes().any()):
            for feed, whole in zip(feeds, found):
                if _same(each, whole):
                    raise ValueError(f"{feed.name} feeds {name} too, which must be in its row")
    return found


def _seen(feed: Feed, statistics: Statistics) -> LinearRange:
    seen = [(weight, statistics[weight.name]) for weight in feed.weights if weight.name in statistics]
    if not seen:
        names = ", ".join(weight.name for weight in feed.weights)
        raise ValueError(f"{feed.name}: there are no statistics of what it feeds ({names})")
    channels = {each.max.numel() for _, each in seen}
    if len(channels) > 1:
        raise ValueError(f"{feed.name}: statistics of what it feeds are of {sorted(channels)} channels")
    for weight in feed.weights:
        if weight.tensor.shape[-1] not in channels or weight.k_first:
            shape = list(weight.tensor.shape)
            raise ValueError(f"{weight.name} is {shape}, not [N, K] with {min(channels)} channels")
    whole = functools.reduce(LinearRange.merged, [each for _, each in seen])
    for weight, each in seen:
        if not weight.is_expert and not _same(each, whole):
            raise ValueError(
                f"{feed.name}: {weight.name} sees other inputs than the rest of what it should feed"
            )
    return whole


def _same(one: LinearRange, other: LinearRange) -> bool:
    pairs = ((one.max, other.max), (one.min, other.min))
    return all(torch.equal(mine, theirs.to(mine.device)) for mine, theirs in pairs)


def _plan(feed: Feed, seen: LinearRange, alpha: Union[float, Mapping[str, float]]) -> _Plan:
    if isinstance(alpha, Mapping):
        if feed.name not in alpha:
            raise ValueError(f"{feed.name}: there is no alpha of it")
        alpha = alpha[feed.name]
    scales = scales_of(seen.magnitudes(), [weight.tensor for weight in feed.weights], alpha)
    for weight in feed.weights:
        largest = _largest([weight.tensor], scales.device) * scales
        if not bool((largest <= torch.finfo(weight.tensor.dtype).max).all()):
            raise ValueError(f"{weight.name} times scales is too large for {weight.tensor.dtype}")
    return _Plan(feed, scales, divided(feed.norm, scales, feed.name))


def _largest(weights: Sequence[Tensor], device: torch.device) -> Tensor:
    """Magnitude of each channel in all weights [..., K], float32 [K]."""
    return torch.stack([channel_range(weight).magnitudes().to(device) for weight in weights]).amax(0)


def check_owners(model: torch.nn.Module, scaled: Mapping[str, Tensor]) -> None:
    """ValueError for what two modules of a model share, itself or the module that has it: scales would reach both."""
    modules = list(model.modules())
    parents = Counter(
        each for module in modules for each in {id(child) for child in module._modules.values()}
    )
    counts: Counter[int] = Counter()
    for module in modules:
        for tensor in module._parameters.values():
            counts[id(tensor)] += max(parents[id(module)], 1)
    for name, tensor in scaled.items():
        if counts[id(tensor)] > 1:
            raise ValueError(
                f"{name} is a parameter of another module too, which scales would change: do without smoothing"
            )


def _fold(plan: _Plan) -> None:
    with torch.no_grad():
        for key, values in plan.norm.items():
            plan.feed.norm.get_parameter(key).copy_(values)
        for weight in plan.feed.weights:
            weight.tensor.mul_(plan.scales.to(weight.tensor.device))
