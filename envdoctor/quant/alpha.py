"""A search for smoothing's alpha: for each norm the one that loses least of what the linears behind it give."""

from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence

import torch
from torch import Tensor

from envdoctor.kernels import quantize_rows, quantize_static
from envdoctor.quant.calibration import run
from envdoctor.quant.families import Feed, GivenRow, find_feeds
from envdoctor.quant.grid import Device
from envdoctor.quant.smoothing import scales_of, seen_by
from envdoctor.quant.smoothquant import Scaling, rounded, scaling_of, steps
from envdoctor.quant.statistics import LinearRange, Statistics

#: Those that are tried.
ALPHAS = tuple(step / 20 for step in range(21))
#: Rows of what a norm gives that they are tried on.
SAMPLES = 512


def search_alpha(
    model: torch.nn.Module,
    statistics: Statistics,
    inputs: Iterable[Any],
    scheme: str,
    alphas: Sequence[float] = ALPHAS,
    rows: Optional[Sequence[GivenRow]] = None,
    samples: int = SAMPLES,
    device: Device = None,
) -> Dict[str, float]:
    """An alpha for each norm, by name, as smooth takes them; the model stays as it is.

    So many rows of what each norm gives for the first inputs are kept, and best_alphas is asked.
    """
    scaling_of(scheme)
    feeds = find_feeds(model, rows)
    kept = Kept(feeds, samples)
    run(model, inputs, kept.add, device=device)
    return best_alphas(feeds, statistics, kept, scheme, alphas)


def best_alphas(
    feeds: Sequence[Feed],
    statistics: Statistics,
    kept: "Kept",
    scheme: str,
    alphas: Sequence[float] = ALPHAS,
) -> Dict[str, float]:
    """For each norm, by name, that by which the linears that it feeds lose least. Raises ValueError.

    Each alpha smooths the rows that were kept and the weights that they meet, both are rounded as the scheme rounds,
    and the squared error of the products counts, over the square of the products, added up over the weights.
    """
    kind, best = scaling_of(scheme), {}
    for feed, seen in zip(feeds, seen_by(feeds, statistics)):
        x = kept.of(feed)
        wanted = [x @ matrix.t() for matrix in _matrices(feed, x.device)]
        errors = [_error(feed, x, wanted, seen, alpha, kind) for alpha in alphas]
        best[feed.name] = alphas[errors.index(min(errors))]
    return best


class Kept:
    """Some rows of what each norm gives, evenly over an input: of the first, or of so many the same share of each."""

    def __init__(self, feeds: Sequence[Feed], samples: int = SAMPLES, inputs: int = 1) -> None:
        self._samples, self._share = samples, -(-samples // inputs)
        self._rows: Dict[str, List[Tensor]] = {_witness(feed): [] for feed in feeds}

    def add(self, name: str, x: Tensor, _: Any = None) -> None:
        """What a linear is given, [..., K], as calibration.watched tells it."""
        if name in self._rows:
            rows, found = x.reshape(-1, x.shape[-1]), self._rows[name]
            room = min(self._samples - sum(each.shape[0] for each in found), self._share)
            some = rows[:: max(1, rows.shape[0] // max(1, room))][:room]
            found.append(some.to(torch.float32, copy=True))  # of itself it would keep all rows there

    def of(self, feed: Feed) -> Tensor:
        """Float32 [rows, K], where the weights of a norm are. Raises ValueError where there are none."""
        rows = self._rows[_witness(feed)]
        if not sum(each.shape[0] for each in rows):
            raise ValueError(f"{feed.name}: nothing of these inputs comes to {_witness(feed)}")
        return torch.cat(rows).to(feed.weights[0].tensor.device)


def _witness(feed: Feed) -> str:
    """A linear that sees all that the norm gives."""
    return next((weight.name for weight in feed.weights if not weight.is_expert), feed.weights[0].name)


def _matrices(feed: Feed, device: torch.device) -> Iterator[Tensor]:
    """Float32 [N, K], one after the other: all of them at once are as much as a block."""
    for weight in feed.weights:
        for matrix in weight.tensor.reshape(-1, *weight.tensor.shape[-2:]):
            yield matrix.detach().to(device, torch.float32)


def _error(
    feed: Feed, x: Tensor, wanted: Sequence[Tensor], seen: LinearRange, alpha: float, kind: Scaling
) -> float:
    scales = scales_of(seen.magnitudes().to(x.device), [weight.tensor for weight in feed.weights], alpha)
    rows = _rounded_rows(x / scales, seen.smoothed(scales), kind)
    total = 0.0
    for matrix, products in zip(_matrices(feed, x.device), wanted):
        lost = rows @ rounded(matrix.mul(scales), kind).plain().t() - products
        total += float(lost.square().sum() / products.square().sum().clamp(min=1e-30))
    return total


def _rounded_rows(x: Tensor, seen: LinearRange, kind: Scaling) -> Tensor:
    """As a linear of this kind takes them, in float32."""
    if not kind.static:
        made = quantize_rows(x)
        return made.values.float() * made.scale[:, None]
    scale, zero = steps(seen.min.min().to(x.device), seen.max.max().to(x.device), kind.with_zeros)
    values = quantize_static(x, scale, zero).values
    return (values.float() - (0 if zero is None else zero)) * scale
