"""What `envdoctor compare` does, from arguments to rows: all that can be foreseen is refused before one is measured."""

import functools
import posixpath
import traceback
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence

import torch
from torch import Tensor, nn

from envdoctor.host import new_file_mode, replace_whole
from envdoctor.progress import Progress
from envdoctor.quant import comparison, side_by_side
from envdoctor.quant.block_smoothing import check_smoothing
from envdoctor.quant.blocks import SKIP, naming
from envdoctor.quant.folder import load
from envdoctor.quant.kinds import CAUSAL, FROM_TEXT_TO_TEXT, MASKED, called_with, kind_of
from envdoctor.quant.model import check_linears, quantize_model
from envdoctor.quant.packed_file import scheme_of
from envdoctor.quant.pretrained import config_of, empty_model, mask_of, positions_of, tokens_of
from envdoctor.quant.schemes import NOTHING, Scheme, scheme
from envdoctor.quant.tasks import task_of
from envdoctor.quant.tensor_files import TensorFiles
from envdoctor.quant.verbs import (
    Calibration,
    advised,
    calibrating,
    check_unused,
    dtype_for,
    piece,
    usable_device,
)

#: Tokens of the prompt, and those written after it.
PROMPT, GENERATED = 128, 16
#: By kind, tokens of a piece of which one can be foretold.
_LEAST = {CAUSAL: 2, MASKED: comparison.EVERY, FROM_TEXT_TO_TEXT: 4}


class ToCompare(NamedTuple):
    """Of `compare`."""

    model: str
    folders: Sequence[str]
    schemes: Sequence[str]
    text: str
    calibration: Calibration
    prompt: Optional[int]
    generated: Optional[int]
    device: str
    dtype: Optional[str]
    plot: bool  # whether there is to be one
    task: Optional[str]


class Failed(NamedTuple):
    """A model that was not measured to the end."""

    named: comparison.Named
    error: Exception


class Compared(NamedTuple):
    """What was measured, and what was not."""

    rows: List[comparison.Row]
    failed: List[Failed]
    trial: comparison.Trial
    device: torch.device

    def text(self) -> str:
        """A table; where nothing was measured, nothing."""
        return side_by_side.as_text(self.rows, self.trial) if self.rows else ""

    def document(self) -> Dict[str, Any]:
        """What was measured, for JSON."""
        return side_by_side.as_document(self.rows, self.trial, self.device)

    def write_plot(self, path: str) -> None:
        """As bars, where anything was measured. Raises OSError."""
        if self.rows:
            replace_whole(path, side_by_side.as_png(self.rows), new_file_mode(path))


class _Model(NamedTuple):
    """One to be measured."""

    named: comparison.Named
    make: Callable[[], nn.Module]


def compare(asked: ToCompare, progress: Progress) -> Compared:
    """Do it, whatever becomes of a single model. Raises as quantize does, before anything is measured."""
    device, chosen = usable_device(asked.device), [scheme(name) for name in asked.schemes]
    if asked.plot:
        side_by_side.figures()
    model = empty_model(asked.model)
    if not any(each.row.wants != NOTHING for each in chosen):
        check_unused("nothing here is calibrated", asked.calibration._replace(length=None))
    trial = _trial(asked, model)
    models = [*_folders(asked, trial, device), *_quantised(asked, chosen, model, device)]
    done = Compared([], [], trial, device)
    for each in models:
        progress.start(str(each.named))
        try:
            done.rows.append(comparison.tried(each.named, each.make(), trial, device))
        except Exception as error:  # of any class: what was measured of others is not lost for it
            _let_go_of_frames(error)
            done.failed.append(Failed(each.named, error))
            progress.finish("failed")
        else:
            progress.finish(side_by_side.in_short(done.rows[-1]))
    return done


def _let_go_of_frames(error: BaseException) -> None:
    """Those of an error, and of what it came of, hold the model that failed."""
    traceback.clear_frames(error.__traceback__)
    if error.__context__ is not None:
        _let_go_of_frames(error.__context__)


def _trial(asked: ToCompare, model: nn.Module) -> comparison.Trial:
    kind = _kind(asked, model)
    tokens, most = tokens_of(asked.model, asked.text), positions_of(config_of(asked.model))
    length, least = piece(asked.model, asked.calibration.length), _LEAST[kind]
    if length < least:
        raise ValueError(f"--length must be at least {least}, for one token of a piece to be foretold")
    if tokens.numel() < length:
        raise ValueError(
            f"{asked.text}: {tokens.numel()} tokens are not one piece of {length}; give more text"
        )
    windows = tokens[: tokens.numel() // length * length].view(-1, length)
    generated = 0 if kind == MASKED else asked.generated or GENERATED
    prompt = tokens[: _prompt(asked.prompt, generated, tokens.numel(), most)]
    mask = mask_of(asked.model) if kind == MASKED else None
    task = None if asked.task is None else task_of(asked.model, asked.task, most)
    return comparison.Trial(windows, prompt, generated, kind, mask, task)


def _kind(asked: ToCompare, model: nn.Module) -> str:
    """Of a model that foretells tokens. Raises ValueError."""
    kind, name = kind_of(model), f"{asked.model}: a {type(model).__name__}"
    if kind not in _LEAST:
        raise ValueError(f"{name} foretells no tokens, by which models are compared")
    if asked.task is not None and kind != CAUSAL:
        raise ValueError(f"{name} is {kind}, and a task wants a causal model; leave out --task")
    if asked.generated is not None and kind == MASKED:
        raise ValueError(f"{name} writes nothing after a prompt; leave out --generate")
    return kind


def _prompt(asked: Optional[int], generated: int, tokens: int, positions: Optional[int]) -> int:
    most = tokens if positions is None else min(tokens, positions - generated)
    prompt = min(PROMPT, most) if asked is None else asked
    if not 0 < prompt <= most:
        raise ValueError(
            f"--prompt {prompt}: text and model have room for {most}, and {generated} after that"
        )
    return prompt


def _folders(asked: ToCompare, trial: comparison.Trial, device: torch.device) -> Iterator[_Model]:
    """The model and what is beside it; what is quantised stays of the type in which it was written."""
    dtype = None if asked.dtype is None else getattr(torch, asked.dtype)
    hows = [(folder, scheme_of(folder)) for folder in (asked.model, *asked.folders)]
    if dtype is not None and not asked.schemes and all(how is not None for _, how in hows):
        raise ValueError("--dtype: what is quantised stays as it was written; leave it out")
    for folder, how in hows:
        _check_fits(folder, trial)
        named = comparison.Named(_short(folder), how, TensorFiles(folder).size())
        yield _Model(named, functools.partial(load, folder, device, dtype=dtype if how is None else None))


def _check_fits(folder: str, trial: comparison.Trial) -> None:
    """ValueError where a model cannot be tried with what another one's tokenizer has made."""
    model, most = empty_model(folder), positions_of(config_of(folder))
    kind = kind_of(model)
    if kind != trial.kind:
        raise ValueError(
            f"{folder}: a {type(model).__name__} is {kind}, and is compared with none that is {trial.kind}"
        )
    if most is not None and trial.longest() > most:
        raise ValueError(f"{folder}: it takes {most} tokens at most, and is asked for {trial.longest()}")
    known = model.get_input_embeddings().weight.shape[0]
    if trial.largest() >= known:
        raise ValueError(
            f"{folder}: it knows {known} tokens, and the text has {trial.largest()}, of another model"
        )


def _quantised(
    asked: ToCompare, chosen: Sequence[Scheme], model: nn.Module, device: torch.device
) -> Iterator[_Model]:
    """The model by each scheme, in memory."""
    if chosen and scheme_of(asked.model) is not None:
        raise ValueError(
            f"{asked.model}: it is quantised already, and not again by --schemes; leave them out"
        )
    for each in chosen:
        named = comparison.Named(_short(asked.model), each.name, None)
        with naming(str(named)), advised("compare a folder that was made with --feeds or --no-smoothing"):
            dtype = dtype_for(asked.model, each, asked.dtype)
            check_linears(model, SKIP)
            check_smoothing(model, each)
            pieces = calibrating(asked.model, each, asked.calibration)
        yield _Model(named, functools.partial(_made, asked.model, each, dtype, pieces, device))


def _made(
    folder: str, chosen: Scheme, dtype: Optional[torch.dtype], pieces: Sequence[Tensor], device: torch.device
) -> nn.Module:
    model = load(folder, device, dtype=dtype)
    return quantize_model(model, chosen, [called_with(model, each) for each in pieces], device=device)


def _short(folder: str) -> str:
    return posixpath.basename(posixpath.abspath(folder))
