"""What a model takes, how fast it is, how well it foretells a text and does a task."""

import math
import statistics
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import torch
from torch import Tensor, nn

from envdoctor.quant import tasks
from envdoctor.quant.kinds import CAUSAL, FROM_TEXT_TO_TEXT, MASKED, called_with
from envdoctor.quant.watch import Watch, now

_REPEATS = 3
#: Of a piece that a masked model is asked about, each of so many tokens is hidden: as many as BERT was taught with.
EVERY = 7


class Named(NamedTuple):
    """A model that is measured."""

    name: str
    scheme: Optional[str]  # None: not quantised
    disk: Optional[int]  # bytes of its files; None: it has none

    def __str__(self) -> str:
        return self.name if self.scheme is None else f"{self.name} ({self.scheme})"


class Measured(NamedTuple):
    """What running a model shows."""

    prefill: float  # seconds for the prompt
    decode: Optional[float]  # seconds for each token after it; None: it writes none
    perplexity: float
    accuracy: float  # share of tokens that it thought the likeliest
    task: Optional[tasks.Score]


class Row(NamedTuple):
    """Of one model."""

    named: Named
    dtype: str  # of what is not quantised
    size: int  # of its weights where they are computed with, in bytes
    memory: Optional[int]  # weights, and what running it took at most besides; None: not known
    measured: Measured

    def document(self) -> Dict[str, Any]:
        """As JSON says it, which has no NaN."""
        sizes = {"dtype": self.dtype, "size": self.size, "memory": self.memory}
        task = self.measured.task and self.measured.task._asdict()
        found = {**self.named._asdict(), **sizes, **self.measured._asdict(), "task": task}
        return {key: None if value != value else value for key, value in found.items()}


class Trial(NamedTuple):
    """What a model is tried with."""

    windows: Tensor  # int64 [pieces, tokens]
    prompt: Tensor  # int64 [tokens]
    generated: int  # tokens
    kind: str = CAUSAL
    mask: Optional[int] = None  # the token that stands for another one, where the kind has one
    task: Optional[tasks.Task] = None

    def once(self) -> "Trial":
        """The least of it that calls all that it calls."""
        task = None if self.task is None else self.task._replace(questions=self.task.questions[:1])
        return self._replace(windows=self.windows[:1], task=task)

    def longest(self) -> int:
        """Tokens that a model has before it at most."""
        asked = [] if self.task is None else [each.numel() - 1 for each in self.task.tokens()]
        most: int = max([self.windows[0].numel(), self.prompt.numel() + self.generated, *asked])
        return most

    def largest(self) -> int:
        """The number of a token that a model has to know."""
        asked = () if self.task is None else self.task.tokens()
        return max(int(each.max()) for each in (self.windows, self.prompt, *asked))


def tried(named: Named, model: nn.Module, trial: Trial, device: torch.device) -> Row:
    """Run a model that lies on a device."""
    _run(model, trial.once(), 1, device)  # what comes into memory once in a process is no model's
    size = sum(each.numel() * each.element_size() for each in _all_tensors(model))
    watch = Watch(device)
    measured = _run(model, trial, _REPEATS, device)
    taken = watch.peak()
    extra = taken.device if device.type == "cuda" else taken.host
    dtype = next(each.dtype for each in model.parameters() if each.is_floating_point())
    memory = None if extra is None else size + extra
    return Row(named, str(dtype).rpartition(".")[2], size, memory, measured)


def _run(model: nn.Module, trial: Trial, repeats: int, device: torch.device) -> Measured:
    with torch.no_grad():
        latencies = _latencies(model, trial, repeats, device)
        well = foretold(model, trial.windows, device, trial.mask)
        score = None if trial.task is None else tasks.score(model, trial.task, device)
    return Measured(*latencies, *well, score)


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


def _latencies(
    model: nn.Module, trial: Trial, repeats: int, device: torch.device
) -> Tuple[float, Optional[float]]:
    """Of a prompt and of each token after it, the median of some rounds."""
    prompt = trial.prompt[None].to(device)
    rounds = [_round(model, prompt, trial, device) for _ in range(repeats)]
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
