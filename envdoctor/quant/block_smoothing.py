"""A block of a model smoothed where it stands, for what the blocks before it put out."""

from typing import Any, Dict, List, NamedTuple, Tuple

from torch import Tensor, nn

from envdoctor.quant.alpha import Kept, best_alphas
from envdoctor.quant.blocks import names_of_blocks, naming
from envdoctor.quant.calibration import check_finite, keeping, watched
from envdoctor.quant.families import Feed, find_feeds
from envdoctor.quant.feed_check import check_feeds
from envdoctor.quant.given_feeds import check_rows, scaled_by
from envdoctor.quant.replay import Replay
from envdoctor.quant.schemes import SEARCH, Scheme
from envdoctor.quant.smoothing import check_owners, smooth
from envdoctor.quant.statistics import LinearRange, Statistics, channel_range


class Smoothed(NamedTuple):
    """By names within a block: what its linears see afterwards, and the alphas that were searched."""

    ranges: Statistics
    alphas: Dict[str, float]


def check_smoothing(model: nn.Module, chosen: Scheme) -> None:
    """ValueError for what a scheme cannot smooth, said before a block is touched; weights need not be there."""
    if not chosen.smooths:
        return
    check_owners(model, _scaled(model) if chosen.rows is None else scaled_by(model, chosen.rows))


def _scaled(model: nn.Module) -> Dict[str, Tensor]:
    """All in its blocks that scales change by the table of families, by name."""
    found: Dict[str, Tensor] = {}
    for name in names_of_blocks(model):
        with naming(name):
            feeds = find_feeds(model.get_submodule(name))
        for feed in feeds:
            found.update({f"{name}.{of}" if name else of: each for of, each in feed.scaled().items()})
    return found


def smooth_block(replay: Replay, name: str, block: nn.Module, chosen: Scheme) -> Smoothed:
    """Smooth it in place by a scheme's alpha; None: only look at what it sees. Raises ValueError, which names it."""
    alpha, rows, feeds = chosen.options.alpha, chosen.rows, _feeds(replay, name, block, chosen)
    kept = Kept(feeds if alpha == SEARCH else [], inputs=max(1, replay.count // 2))
    seen, others = _seen(replay, name, block, kept)
    if alpha is None:
        return Smoothed(seen, {})
    with naming(name):
        alphas = best_alphas(feeds, others, kept, chosen.row.smoothed) if alpha == SEARCH else {}
        return Smoothed(smooth(block, seen, alphas or float(alpha), rows), alphas)


def _feeds(replay: Replay, name: str, block: nn.Module, chosen: Scheme) -> List[Feed]:
    """Those of a block; nothing looks at what is given but this, so it is tried out. Raises ValueError."""
    if chosen.options.alpha is None:
        return []
    with naming(name):
        check_rows(block, chosen.rows or [])
        feeds = find_feeds(block, chosen.rows)
        if chosen.rows:
            check_feeds(feeds, lambda: _looked_at(replay, name, block))
    return feeds


def _looked_at(replay: Replay, name: str, block: nn.Module) -> Statistics:
    """What linears see and give in the first batch, and what comes out of the block."""
    seen: Dict[str, LinearRange] = {}
    with watched(block, keeping(seen, outputs=True)):
        given = next(replay.run(name))
    hidden = given if isinstance(given, Tensor) else next(iter(given))
    if isinstance(hidden, Tensor):
        seen["what comes out of it"] = channel_range(hidden)
    return Statistics(seen)


def _seen(replay: Replay, name: str, block: nn.Module, kept: Kept) -> Tuple[Statistics, Statistics]:
    """What its linears see of all batches, and of every other one: rows of the rest are kept.

    An alpha is not judged by rows that its ranges are made of, in which nothing lies outside of them.
    """
    halves: Tuple[Dict[str, LinearRange], Dict[str, LinearRange]] = ({}, {})
    done = 0

    def keep(linear: str, x: Tensor, y: Any) -> None:
        keeping(halves[done % 2])(linear, x, y)
        if done % 2 or replay.count == 1:
            kept.add(linear, x)

    with watched(block, keep):
        for _ in replay.run(name):
            check_finite(halves[done % 2])
            done += 1
    even, odd = map(Statistics, halves)
    return even.merged(odd), even
