"""A search for smoothing's alpha: for each norm the one that loses least of what the linears behind it give."""

from typing import Any, Dict, Iterable, List, Optional, Sequence

import torch
from torch import Tensor

from envdoctor.kernels import quantize_rows, quantize_static
from envdoctor.quant.calibration import run
from envdoctor.quant.families import Feed, GivenRow, find_feeds
from envdoctor.quant.grid import Device
from envdoctor.quant.smoothing import scales_of, seen_by
from envdoctor.quant.smoothquant import Scheme, rounded, scheme_of, steps
from envdoctor.quant.statistics import LinearRange, Statistics

#: Those that are tried.
ALPHAS = tuple(step / 20 for step in range(21))


def search_alpha(
    model: torch.nn.Module,
    statistics: Statistics,
    inputs: Iterable[Any],
    scheme: str,
    alphas: Sequence[float] = ALPHAS,
    rows: Optional[Sequence[GivenRow]] = None,
    samples: int = 256,
    device: Device = None,
) -> Dict[str, float]:
    """An alpha for each norm, by name, as smooth takes them; the model stays as it is.

    The first `samples` rows of what each norm gives for the inputs are kept. Each alpha smooths them and the weights
    that they meet, both are rounded as the scheme rounds, and the squared error of the products counts, over the square
    of the products, added up over the weights.
    """
    kind, feeds = scheme_of(scheme), find_feeds(model, rows)
    ranges = seen_by(feeds, statistics)
    kept = _kept(model, feeds, inputs, samples, device)
    best = {}
    for feed, seen in zip(feeds, ranges):
        errors = [_error(feed, kept[feed.name], seen, alpha, kind) for alpha in alphas]
        best[feed.name] = alphas[errors.index(min(errors))]
    return best


def _kept(
    model: torch.nn.Module, feeds: Sequence[Feed], inputs: Iterable[Any], samples: int, device: Device
) -> Dict[str, Tensor]:
    """Rows of what each norm gives, float32 [samples, K], where its weights are."""
    kept: Dict[str, List[Tensor]] = {feed.name: [] for feed in feeds}
    told_by = {_witness(feed): feed.name for feed in feeds}

    def keep(name: str, x: Tensor, _: Any) -> None:
        if name in told_by:
            rows = kept[told_by[name]]
            room = samples - sum(each.shape[0] for each in rows)
            rows.append(x.reshape(-1, x.shape[-1])[:room].float())

    run(model, inputs, keep, device=device)
    for feed in feeds:
        if not sum(rows.shape[0] for rows in kept[feed.name]):
            raise ValueError(f"{feed.name}: nothing of these inputs comes to {_witness(feed)}")
    return {feed.name: torch.cat(kept[feed.name]).to(feed.weights[0].tensor.device) for feed in feeds}


def _witness(feed: Feed) -> str:
    """A linear that sees all that the norm gives."""
    return next((weight.name for weight in feed.weights if not weight.is_expert), feed.weights[0].name)


def _error(feed: Feed, x: Tensor, seen: LinearRange, alpha: float, kind: Scheme) -> float:
    matrices = [
        matrix.detach().to(x.device, torch.float32)
        for weight in feed.weights
        for matrix in weight.tensor.reshape(-1, *weight.tensor.shape[-2:])
    ]
    scales = scales_of(seen.magnitudes().to(x.device), matrices, alpha)
    rows = _rounded_rows(x / scales, seen.smoothed(scales), kind)
    total = 0.0
    for matrix in matrices:
        wanted = x @ matrix.t()
        lost = rows @ rounded(matrix * scales, kind).plain().t() - wanted
        total += float(lost.square().sum() / wanted.square().sum().clamp(min=1e-30))
    return total


def _rounded_rows(x: Tensor, seen: LinearRange, kind: Scheme) -> Tensor:
    """As a linear of this kind takes them, in float32."""
    if not kind.static:
        made = quantize_rows(x)
        return made.values.float() * made.scale[:, None]
    scale, zero = steps(seen.min.min().to(x.device), seen.max.max().to(x.device), kind.with_zeros)
    values = quantize_static(x, scale, zero).values
    return (values.float() - (0 if zero is None else zero)) * scale
