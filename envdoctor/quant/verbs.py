"""What `envdoctor quantize` and `envdoctor compare` do, from arguments to documents."""

import time
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import torch

from envdoctor.progress import Progress
from envdoctor.quant.blocks import SKIP
from envdoctor.quant.peak import predicted_peak
from envdoctor.quant.pretrained import batches_of, config_of, positions_of, tokens_of
from envdoctor.quant.schemes import Scheme, scheme
from envdoctor.quant.stream import Source, quantize_folder
from envdoctor.quant.watch import Watch

LENGTH = 512

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


def quantize(asked: Asked, progress: Progress) -> Dict[str, Any]:
    """Do it, and say what was done. Raises CheckpointError, ValueError, ImportError, OSError."""
    chosen, device = scheme(asked.scheme, **asked.options), usable_device(asked.device)
    batches = calibrating(asked.model, chosen, asked.calibration)
    source = Source(asked.model, dtype_for(asked.model, chosen, asked.dtype))
    skip = SKIP if asked.skip is None else asked.skip
    predicted = predicted_peak(source, chosen, batches, skip, device)
    on = f", {predicted.device / 1e6:.0f} MB on {device}" if predicted.device else ""
    progress.note(
        f"{chosen.name}: up to {predicted.host / 1e6:.0f} MB of memory for weights and what is done{on}"
    )
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
    """Of what is not quantised: the one named; None: as stored; 16 bits where a scheme wants them."""
    if name is not None:
        dtype: torch.dtype = getattr(torch, name)
        return dtype
    stored = Source.stored_dtype(folder)
    return torch.float16 if chosen.row.sixteen_bits and stored == torch.float32 else None


def calibrating(folder: str, chosen: Scheme, given: Calibration) -> List[Dict[str, Any]]:
    """What a scheme is calibrated with; nothing where it wants nothing."""
    text, samples, length = given
    if not chosen.row.inputs:
        return []
    if text is None:
        raise ValueError(f"{chosen.name} wants a text to calibrate with: --calibration FILE")
    tokens = tokens_of(folder, text)
    return batches_of(tokens, samples, piece(folder, length), text)


def piece(folder: str, length: Optional[int]) -> int:
    """How many tokens a piece of a text has."""
    most = positions_of(config_of(folder))
    if length is None:
        return min(LENGTH, most or LENGTH)
    if most is not None and length > most:
        raise ValueError(f"--length {length}: the model takes {most} tokens at most")
    return length
