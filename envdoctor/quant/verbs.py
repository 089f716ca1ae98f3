"""What `envdoctor quantize` and `envdoctor compare` do, from arguments to documents."""

import functools
import posixpath
import time
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn

from envdoctor.host import new_file_mode, replace_whole
from envdoctor.progress import Progress
from envdoctor.quant import comparison
from envdoctor.quant.blocks import SKIP
from envdoctor.quant.folder import load
from envdoctor.quant.given_feeds import feeds_in
from envdoctor.quant.kinds import CAUSAL, FROM_TEXT_TO_TEXT, MASKED, called_with, kind_of
from envdoctor.quant.model import quantize_model
from envdoctor.quant.packed_file import scheme_of
from envdoctor.quant.peak import predicted_peak
from envdoctor.quant.pretrained import config_of, empty_model, mask_of, pieces_of, positions_of, tokens_of
from envdoctor.quant.schemes import NOTHING, Scheme, check_dtype, scheme
from envdoctor.quant.stream import Source, quantize_folder
from envdoctor.quant.tasks import task_of
from envdoctor.quant.watch import Watch
from envdoctor.quant.whole_folder import check_new

LENGTH, PROMPT = 512, 128
#: What the code of libraries takes that comes into memory when it is first called, in bytes.
_CODE = 64 << 20

#: A text (None: there is none), how many pieces of it and of how many tokens (None: LENGTH, or what the model takes).
Calibration = Tuple[Optional[str], int, Optional[int]]


class Asked(NamedTuple):
    """Of `quantize`."""

    model: str
    out: str
    scheme: str
    options: Mapping[str, Any] = {}
    calibration: Calibration = (None, 128, None)
    skip: Optional[Sequence[str]] = None
    device: str = "cpu"
    dtype: Optional[str] = None
    anew: bool = False
    feeds: Optional[str] = None  # a file


def quantize(asked: Asked, progress: Progress) -> Dict[str, Any]:
    """Do it, and say what was done. Raises CheckpointError, ValueError, ImportError, OSError."""
    feeds = {} if asked.feeds is None else {"feeds": feeds_in(asked.feeds)}
    chosen, device = scheme(asked.scheme, **asked.options, **feeds), usable_device(asked.device)
    check_new(asked.out)
    pieces = calibrating(asked.model, chosen, asked.calibration)
    source = Source(asked.model, dtype_for(asked.model, chosen, asked.dtype))
    batches = [called_with(source.model, piece) for piece in pieces]
    skip = SKIP if asked.skip is None else asked.skip
    predicted = predicted_peak(source, chosen, batches, skip, device)
    predicted = predicted._replace(host=predicted.host + _CODE)
    on = f", {predicted.device / 1e6:.0f} MB on {device}" if predicted.device else ""
    progress.note(f"{chosen.name}: up to {predicted.host / 1e6:.0f} MB of memory beside Python and torch{on}")
    watch, began = Watch(device), time.monotonic()
    written = quantize_folder(source, asked.out, chosen, batches, skip, device, progress, asked.anew)
    return {
        "model": asked.model,
        "out": asked.out,
        **chosen.document(),
        **written._asdict(),
        "predicted_peak": predicted._asdict(),
        "peak": watch.peak()._asdict(),
        "seconds": round(time.monotonic() - began, 2),
    }


def usable_device(name: str) -> torch.device:
    """A device that is here. Raises ValueError."""
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(f"no device {name!r}: {str(error).splitlines()[0]}") from error
    return device


def dtype_for(folder: str, chosen: Scheme, name: Optional[str]) -> Optional[torch.dtype]:
    """Of what is not quantised: the one named; None: as stored, or 16 bits for a scheme of such. Raises ValueError."""
    if name is not None:
        dtype: torch.dtype = getattr(torch, name)
        check_dtype(chosen, dtype)
        return dtype
    stored = Source.stored_dtype(folder)
    return torch.float16 if chosen.row.sixteen_bits and stored == torch.float32 else None


def calibrating(folder: str, chosen: Scheme, given: Calibration) -> List[Tensor]:
    """The pieces of a text [1, tokens] that a scheme is calibrated with; none where it wants nothing."""
    text, samples, length = given
    if chosen.row.wants == NOTHING:
        return []
    if text is None:
        raise ValueError(f"{chosen.name} wants a text to calibrate with: --calibration FILE")
    tokens = tokens_of(folder, text)
    return pieces_of(tokens, samples, piece(folder, length), text)


def piece(folder: str, length: Optional[int]) -> int:
    """How many tokens a piece of a text has."""
    most = positions_of(config_of(folder))
    if length is None:
        return min(LENGTH, most or LENGTH)
    if most is not None and length > most:
        raise ValueError(f"--length {length}: the model takes {most} tokens at most")
    return length


class ToCompare(NamedTuple):
    """Of `compare`."""

    model: str
    folders: Sequence[str]
    schemes: Sequence[str]
    text: str
    calibration: Calibration
    prompt: Optional[int]
    generated: int
    device: str
    dtype: Optional[str]
    plot: Optional[str]
    task: Optional[str] = None


class Compared(NamedTuple):
    """As a table, and for JSON."""

    text: str
    document: Dict[str, Any]


def compare(asked: ToCompare, progress: Progress) -> Compared:
    """Do it; the plot is written. Raises as quantize does."""
    device, chosen = usable_device(asked.device), [scheme(name) for name in asked.schemes]
    if asked.plot is not None:
        comparison.figures()
    for folder in asked.folders:
        config_of(folder)
    pieces = {each.name: calibrating(asked.model, each, asked.calibration) for each in chosen}
    trial = _trial(asked)
    rows: List[comparison.Row] = []
    for name, how, make in _models(asked, chosen, pieces, device):
        progress.start(f"{name} ({how})" if how else name)
        rows.append(comparison.tried(name, how, make(), trial, device))
        progress.finish(comparison.in_short(rows[-1]))
    if asked.plot is not None:
        replace_whole(asked.plot, comparison.as_png(rows), new_file_mode(asked.plot))
    return Compared(comparison.as_text(rows, trial), comparison.as_document(rows, trial, device))


def _trial(asked: ToCompare) -> comparison.Trial:
    tokens, kind = tokens_of(asked.model, asked.text), _comparable(asked)
    length, least = piece(asked.model, asked.calibration[2]), _LEAST[kind]
    if length < least:
        raise ValueError(f"--length must be at least {least}, for one token of a piece to be foretold")
    if tokens.numel() < length:
        raise ValueError(
            f"{asked.text}: {tokens.numel()} tokens are not one piece of {length}; give more text"
        )
    windows = tokens[: tokens.numel() // length * length].view(-1, length)
    most = positions_of(config_of(asked.model))
    task = None if asked.task is None else task_of(asked.model, asked.task, most)
    prompt = tokens[: _prompt(asked, tokens.numel())]
    mask = mask_of(asked.model) if kind == MASKED else None
    return comparison.Trial(windows, prompt, asked.generated, kind, mask, task)


_LEAST = {CAUSAL: 2, MASKED: comparison.EVERY, FROM_TEXT_TO_TEXT: 4}


def _comparable(asked: ToCompare) -> str:
    """The kind of a model that foretells tokens. Raises ValueError."""
    model = empty_model(asked.model)
    kind, name = kind_of(model), type(model).__name__
    if kind not in _LEAST:
        raise ValueError(f"{asked.model}: a {name} foretells no tokens, by which models are compared")
    if asked.task is not None and kind != CAUSAL:
        raise ValueError(
            f"{asked.model}: a {name} is {kind}, and a task wants a causal model; leave out --task"
        )
    return kind


def _prompt(asked: ToCompare, tokens: int) -> int:
    most = min(tokens, (positions_of(config_of(asked.model)) or tokens + asked.generated) - asked.generated)
    prompt = min(PROMPT, most) if asked.prompt is None else asked.prompt
    if not 0 < prompt <= most:
        raise ValueError(
            f"--prompt {prompt}: text and model have room for {most}, and {asked.generated} after that"
        )
    return prompt


def _models(
    asked: ToCompare,
    chosen: Sequence[Scheme],
    pieces: Mapping[str, List[Tensor]],
    device: torch.device,
) -> Iterator[Tuple[str, Optional[str], Callable[[], nn.Module]]]:
    """Names, schemes, and what makes them, one at a time."""
    dtype = None if asked.dtype is None else getattr(torch, asked.dtype)
    name = posixpath.basename(posixpath.abspath(asked.model))
    yield name, None, lambda: load(asked.model, device, dtype=dtype)
    for folder in asked.folders:
        said = scheme_of(folder)
        yield posixpath.basename(posixpath.abspath(folder)), said, functools.partial(load, folder, device)
    for each in chosen:
        with_dtype = dtype_for(asked.model, each, asked.dtype)

        def made(each: Scheme = each, dtype: Optional[torch.dtype] = with_dtype) -> nn.Module:
            model = load(asked.model, device, dtype=dtype)
            batches = [called_with(model, piece) for piece in pieces[each.name]]
            return quantize_model(model, each, batches, device=device)

        yield name, each.name, made
