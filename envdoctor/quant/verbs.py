"""What `envdoctor quantize` does, from arguments to a document; and what `envdoctor compare` asks in the same way."""

import contextlib
import time
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence

import torch
from torch import Tensor, nn

from envdoctor.progress import Progress
from envdoctor.quant.block_smoothing import check_smoothing
from envdoctor.quant.blocks import SKIP, is_skipped
from envdoctor.quant.experts import linears_to_be
from envdoctor.quant.families import UnknownFamilyError
from envdoctor.quant.given_feeds import feeds_in
from envdoctor.quant.kinds import called_with
from envdoctor.quant.peak import Peak, predicted_peak
from envdoctor.quant.pretrained import config_of, pieces_of, positions_of, tokens_of
from envdoctor.quant.schemes import NOTHING, Scheme, check_dtype, row_of, scheme
from envdoctor.quant.stream import Source, quantize_folder
from envdoctor.quant.watch import Watch
from envdoctor.quant.whole_folder import check_new

#: Tokens of a piece of a text, and how many pieces schemes are calibrated with.
LENGTH, SAMPLES = 512, 128
#: What the code of libraries takes that comes into memory when it is first called, in bytes.
_CODE = 64 << 20


class Calibration(NamedTuple):
    """As it is asked for."""

    text: Optional[str] = None  # a file
    samples: Optional[int] = None  # pieces of it; None: SAMPLES
    length: Optional[int] = None  # tokens of a piece; None: LENGTH, or what the model takes


class Asked(NamedTuple):
    """Of `quantize`."""

    model: str
    out: str
    scheme: str
    options: Mapping[str, Any] = {}
    calibration: Calibration = Calibration()
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
    if chosen.row.wants == NOTHING:
        check_unused(f"{chosen.name} is not calibrated", asked.calibration)
    source = Source(asked.model, dtype_for(asked.model, chosen, asked.dtype))
    with advised("say which feed what with --feeds FILE, or leave smoothing out with --no-smoothing"):
        check_smoothing(source.model, chosen)
    check_skip(source.model, asked.skip or ())
    pieces = calibrating(asked.model, chosen, asked.calibration)
    batches = [called_with(source.model, piece) for piece in pieces]
    skip = SKIP if asked.skip is None else asked.skip
    predicted = predicted_peak(source, chosen, batches, skip, device)
    predicted = predicted._replace(host=predicted.host + _CODE)
    progress.note(f"{chosen.name}: up to {_said(predicted, device)}")
    watch, began = Watch(device), time.monotonic()
    written = quantize_folder(source, asked.out, chosen, batches, skip, device, progress, asked.anew)
    return {
        "model": asked.model,
        "out": asked.out,
        **chosen.document(),
        **written.document(),
        "predicted_peak": predicted._asdict(),
        "peak": watch.peak()._asdict(),
        "seconds": round(time.monotonic() - began, 2),
    }


def _said(predicted: Peak, device: torch.device) -> str:
    on = f", {predicted.device / 1e6:.0f} MB on {device}" if predicted.device else ""
    return f"{predicted.host / 1e6:.0f} MB of memory beside Python and torch{on}"


def takes(name: str) -> Sequence[str]:
    """What a scheme can be told. Raises ValueError."""
    return row_of(name).takes


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


@contextlib.contextmanager
def advised(what: str) -> Iterator[None]:
    """Where smoothing does not know a family, what to do about it in the words of a verb."""
    try:
        yield
    except UnknownFamilyError as error:
        raise ValueError(f"{error}; {what}") from error


def check_skip(model: nn.Module, skip: Sequence[str]) -> None:
    """ValueError for a name of nothing, such as one that is misspelt: what it was to keep would be quantised."""
    names = [name for name, _ in (*model.named_modules(), *model.named_parameters())] + linears_to_be(model)
    for each in skip:
        if not any(is_skipped(name, [each]) for name in names):
            raise ValueError(f"--skip {each}: nothing in the model has that name")


def check_unused(why: str, given: Calibration) -> None:
    """ValueError for what is given of a calibration, which has no effect."""
    flags = {"--calibration": given.text, "--samples": given.samples, "--length": given.length}
    flag = next((flag for flag, value in flags.items() if value is not None), None)
    if flag is not None:
        raise ValueError(f"{flag}: {why}; leave it out")


def calibrating(folder: str, chosen: Scheme, given: Calibration) -> List[Tensor]:
    """The pieces of a text [1, tokens] that a scheme is calibrated with; none where it wants nothing."""
    if chosen.row.wants == NOTHING:
        return []
    if given.text is None:
        raise ValueError(f"{chosen.name} wants a text to calibrate with: --calibration FILE")
    tokens, samples = tokens_of(folder, given.text), SAMPLES if given.samples is None else given.samples
    return pieces_of(tokens, samples, piece(folder, given.length), given.text)


def piece(folder: str, length: Optional[int]) -> int:
    """How many tokens a piece of a text has."""
    most = positions_of(config_of(folder))
    if length is None:
        return min(LENGTH, most or LENGTH)
    if most is not None and length > most:
        raise ValueError(f"--length {length}: the model takes {most} tokens at most")
    return length
