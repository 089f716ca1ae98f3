"""Models side by side as a table, for JSON and as a picture; each number beside that of the first row."""

import io
from typing import Any, Callable, Dict, List, Optional, Sequence

import torch

from envdoctor.quant import tasks
from envdoctor.quant.comparison import Row, Trial
from envdoctor.quant.kinds import MASKED

_ACROSS = 5  # columns of a plot

_Column = Callable[[Row], Optional[float]]
_COLUMNS: Dict[str, _Column] = {
    "disk MB": lambda row: None if row.named.disk is None else row.named.disk / 1e6,
    "size MB": lambda row: row.size / 1e6,
    "memory MB": lambda row: None if row.memory is None else row.memory / 1e6,
    "prefill ms": lambda row: row.measured.prefill * 1e3,
    "decode ms": lambda row: None if row.measured.decode is None else row.measured.decode * 1e3,
    "perplexity": lambda row: row.measured.perplexity,
    "right token %": lambda row: row.measured.accuracy * 100,
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
        return lambda row: None if row.measured.task is None else column(row.measured.task)

    found = {**_COLUMNS, **{title: of_row(column) for title, column in _OF_TASK.items()}}
    return {title: of for title, of in found.items() if title in _ALWAYS or of(rows[0]) is not None}


def in_short(row: Row) -> str:
    """What it is good for."""
    task = f", task {row.measured.task.accuracy:.1%}" if row.measured.task else ""
    return f"perplexity {_figures(row.measured.perplexity)}{task}"


def as_text(rows: Sequence[Row], trial: Trial) -> str:
    """A table, and what it is measured by; behind each number, its ratio to that of the first row."""
    columns = _columns(rows)
    lines = [["model", *columns]]
    for row in rows:
        cells = (_cell(column(row), column(rows[0])) for column in columns.values())
        lines.append([f"{row.named.name} ({row.named.scheme or row.dtype})", *cells])
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]
    return "\n".join([*text, "", *_legend(trial)]) + "\n"


def _legend(trial: Trial) -> List[str]:
    pieces, length = trial.windows.shape
    tokens = "hidden tokens" if trial.kind == MASKED else "tokens"
    written = "" if trial.kind == MASKED else f"; decode: each of {trial.generated} tokens after it"
    lines = [
        "disk: files of weights; size: weights as they are computed with (w4a16: a byte each on a CPU)",
        "memory: size, and what a run takes besides; (x): times that of the first row; -: none, or not known",
        f"prefill: a prompt of {trial.prompt.numel()} tokens{written}",
        f"perplexity, right token: {tokens} foretold in {pieces} pieces of {length}",
    ]
    if trial.task is not None:
        lines.append(f"task: {trial.task.kind}, questions: {len(trial.task.questions)}; ms for one of them")
    return lines


def _cell(value: Optional[float], first: Optional[float]) -> str:
    if value is None:
        return "-"
    return _figures(value) + (
        f" ({value / first:.2f}x)" if first and first == first else ""
    )  # NaN is of none


def _figures(value: float) -> str:
    """Four of them, or all before the point."""
    return f"{value:.0f}" if 1e4 <= value < 1e9 else f"{value:.4g}"


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
        "models": [row.document() for row in rows],
    }


def as_png(rows: Sequence[Row]) -> bytes:
    """Bars for each column. Raises ImportError."""
    columns = _columns(rows)
    across = min(len(columns), _ACROSS)
    down = -(-len(columns) // across)
    figure = figures()(figsize=(3.2 * across, (0.5 * len(rows) + 1.0) * down + 0.5), layout="constrained")
    names = [f"{row.named.name}\n{row.named.scheme or row.dtype}" for row in rows]
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
