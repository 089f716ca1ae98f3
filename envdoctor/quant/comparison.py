"""Models side by side: what they take, how fast they are, how well they foretell a text and do a task."""

import math
import statistics
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn

from envdoctor.quant import tasks
from envdoctor.quant.kinds import CAUSAL, FROM_TEXT_TO_TEXT, MASKED, called_with
from envdoctor.quant.watch import Watch, now

_REPEATS = 3
_ACROSS = 5  # columns of a plot
#: Of a piece that a masked model is asked about, each of so many tokens is hidden: as many as BERT was taught with.
EVERY = 7


class Row(NamedTuple):
    """Of one model."""

    name: str
    scheme: Optional[str]  # None: not quantised
    dtype: str  # of what is not
    size: int  # of its weights, in bytes
    memory: Optional[int]  # weights, and what running it took at most besides; None: not known
    prefill: float  # seconds for the prompt
    decode: Optional[float]  # seconds for each token after it; None: it writes none
    perplexity: float
    accuracy: float  # share of tokens that it thought the likeliest
    task: Optional[tasks.Score]


class Trial(NamedTuple):
    """What a model is tried with."""

    windows: Tensor  # int64 [pieces, tokens]
    prompt: Tensor  # int64 [tokens]
    generated: int  # tokens
    kind: str = CAUSAL
    mask: Optional[int] = None  # the token that stands for another one, where the kind has one
    task: Optional[tasks.Task] = None


def tried(name: str, scheme: Optional[str], model: nn.Module, trial: Trial, device: torch.device) -> Row:
    """Run a model that lies on a device."""
    size = sum(each.numel() * each.element_size() for each in _all_tensors(model))
    watch = Watch(device)
    with torch.no_grad():
        prefill, decode = _latencies(model, trial, device)
        perplexity, accuracy = foretold(model, trial.windows, device, trial.mask)
        score = None if trial.task is None else tasks.score(model, trial.task, device)
    taken = watch.peak()
    extra = taken.device if device.type == "cuda" else taken.host
    dtype = next(each.dtype for each in model.parameters() if each.is_floating_point())
    memory = None if extra is None else size + extra
    of = (name, scheme, str(dtype).rpartition(".")[2], size, memory)
    return Row(*of, prefill, decode, perplexity, accuracy, score)


def _all_tensors(model: nn.Module) -> List[Tensor]:
    return list({id(each): each for each in [*model.parameters(), *model.buffers()]}.values())


class Foretold(NamedTuple):
    """How well a text was."""

    perplexity: float
    accuracy: float


def foretold(model: nn.Module, windows: Tensor, device: torch.device, mask: Optional[int] = None) -> Foretold:
    """Of pieces of a text [pieces, tokens], in each of which all tokens but the first are foretold.

    By a masked model each seventh, in whose place is `mask`; by one from text to text what it writes, but the first.
    """
    lost, right, count = 0.0, 0, 0
    for window in windows:
        logits, wanted = _asked(model, window.to(device), mask)
        lost += float(nn.functional.cross_entropy(logits, wanted, reduction="sum"))
        right += int((logits.argmax(-1) == wanted).sum())
        count += wanted.numel()
    return Foretold(math.exp(min(lost / count, 700.0)), right / count)


def _asked(model: nn.Module, window: Tensor, mask: Optional[int]) -> Tuple[Tensor, Tensor]:
    """Float32 logits [n, vocabulary] of tokens [n] of a piece."""
    if mask is not None:
        hidden = torch.zeros_like(window, dtype=torch.bool)
        hidden[EVERY - 1 :: EVERY] = True
        given = called_with(model, window.masked_fill(hidden, mask)[None])
        return model(**given).logits[0, hidden].float(), window[hidden]
    given = called_with(model, window[None])
    wanted = given.get("decoder_input_ids", given["input_ids"])[0, 1:]
    return model(**given).logits[0, :-1].float(), wanted


def _latencies(model: nn.Module, trial: Trial, device: torch.device) -> Tuple[float, Optional[float]]:
    """Of a prompt and of each token after it, the median of some rounds; the first is not counted."""
    prompt = trial.prompt[None].to(device)
    rounds = [_round(model, prompt, trial, device) for _ in range(1 + _REPEATS)][1:]
    prefill = statistics.median(times[0] for times in rounds)
    decode = [times[1] for times in rounds if times[1] is not None]
    return prefill, statistics.median(decode) if decode else None


def _round(
    model: nn.Module, prompt: Tensor, trial: Trial, device: torch.device
) -> Tuple[float, Optional[float]]:
    given, again = called_with(model, prompt), "input_ids"
    more: Dict[str, Any] = {}
    if trial.kind == FROM_TEXT_TO_TEXT:  # all of it is read
        again = "decoder_input_ids"
        given.update(input_ids=prompt, decoder_input_ids=prompt[:, :1])
    if trial.kind != MASKED:
        given["use_cache"] = True
    began = now(device)
    made = model(**given)
    then = now(device)
    if trial.kind == MASKED:
        return then - began, None
    # what newer ones call it, and what all before do
    cache = next((name for name in ("cache", "past_key_values") if name in made), None)
    if cache is None:
        raise ValueError("it keeps no keys and values of the tokens before, and is not compared")
    if trial.kind == FROM_TEXT_TO_TEXT:
        more["encoder_outputs"] = (made.encoder_last_hidden_state,)
    for _ in range(trial.generated):
        more[again] = made.logits[:, -1:].argmax(-1)
        made = model(use_cache=True, **more, **{cache: made[cache]})
    return then - began, (now(device) - then) / trial.generated


_Column = Callable[[Row], Optional[float]]
_COLUMNS: Dict[str, _Column] = {
    "size MB": lambda row: row.size / 1e6,
    "memory MB": lambda row: None if row.memory is None else row.memory / 1e6,
    "prefill ms": lambda row: row.prefill * 1e3,
    "decode ms": lambda row: None if row.decode is None else row.decode * 1e3,
    "perplexity": lambda row: row.perplexity,
    "right token %": lambda row: row.accuracy * 100,
}
_ALWAYS = ("memory MB",)
_OF_TASK: Dict[str, Callable[[tasks.Score], Optional[float]]] = {
    "task %": lambda score: score.accuracy * 100,
    "task % by length": lambda score: None if score.by_length is None else score.by_length * 100,
    "task ms": lambda score: score.latency * 1e3,
}


def _columns(rows: Sequence[Row]) -> Dict[str, _Column]:
    """Those that rows have."""

    def of_row(column: Callable[[tasks.Score], Optional[float]]) -> _Column:
        return lambda row: None if row.task is None else column(row.task)

    found = {**_COLUMNS, **{title: of_row(column) for title, column in _OF_TASK.items()}}
    return {title: of for title, of in found.items() if title in _ALWAYS or of(rows[0]) is not None}


def in_short(row: Row) -> str:
    """What it is good for."""
    task = f", task {row.task.accuracy:.1%}" if row.task else ""
    return f"perplexity {row.perplexity:.4g}{task}"


def as_text(rows: Sequence[Row], trial: Trial) -> str:
    """A table, and what it is measured by; behind each number, its ratio to that of the first row."""
    columns = _columns(rows)
    lines = [["model", *columns]]
    for row in rows:
        cells = (_cell(column(row), column(rows[0])) for column in columns.values())
        lines.append([f"{row.name} ({row.scheme or row.dtype})", *cells])
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]
    return "\n".join([*text, "", *_legend(trial)]) + "\n"


def _legend(trial: Trial) -> List[str]:
    pieces, length = trial.windows.shape
    tokens = "hidden tokens" if trial.kind == MASKED else "tokens"
    written = "" if trial.kind == MASKED else f"; decode: each of {trial.generated} tokens after it"
    lines = [
        "memory: weights, and what a run takes besides; (x): times that of the first row",
        f"prefill: a prompt of {trial.prompt.numel()} tokens{written}",
        f"perplexity, right token: {tokens} foretold in {pieces} pieces of {length}",
    ]
    if trial.task is not None:
        lines.append(f"task: {trial.task.kind}, questions: {len(trial.task.questions)}; ms for one of them")
    return lines


def _cell(value: Optional[float], first: Optional[float]) -> str:
    if value is None:
        return "not known"
    return f"{value:.4g}" + (f" ({value / first:.2f}x)" if first else "")


def as_document(rows: Sequence[Row], trial: Trial, device: torch.device) -> Dict[str, Any]:
    """As JSON says it: bytes and seconds."""
    pieces, length = trial.windows.shape
    sizes = {"pieces": pieces, "length": length, "prompt": trial.prompt.numel(), "generated": trial.generated}
    return {
        "device": str(device),
        "torch": torch.__version__,
        "kind": trial.kind,
        **sizes,
        "task": None if trial.task is None else trial.task.document(),
        "models": [{**row._asdict(), "task": row.task and row.task._asdict()} for row in rows],
    }


def as_png(rows: Sequence[Row]) -> bytes:
    """Bars for each column. Raises ImportError."""
    import io

    columns = _columns(rows)
    across = min(len(columns), _ACROSS)
    down = -(-len(columns) // across)
    figure = figures()(figsize=(3.2 * across, (0.5 * len(rows) + 1.0) * down + 0.5), layout="constrained")
    names = [f"{row.name}\n{row.scheme or row.dtype}" for row in rows]
    places = list(figure.subplots(down, across, sharey=True, squeeze=False).flat)
    for axes, (title, column) in zip(places, columns.items()):
        bars = axes.barh(names, [column(row) or 0.0 for row in rows])
        axes.bar_label(bars, [_cell(column(row), None) for row in rows], padding=2)
        axes.margins(x=0.3)
        axes.set_title(title)
    for axes in places[len(columns) :]:
        axes.set_axis_off()
    places[0].invert_yaxis()
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=120)
    return stream.getvalue()


def figures() -> Any:
    """matplotlib's class of figures. Raises ImportError."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        say = f"a plot needs matplotlib, which does not import here ({error}): pip install matplotlib"
        raise ImportError(say) from error
    return Figure
