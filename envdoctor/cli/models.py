"""What the verbs for models share: their arguments, and what can go wrong in one line."""

import argparse
import contextlib
from typing import Iterator, Optional, Tuple

from envdoctor.cli.common import UsageError

_MEMORY = "take fewer tokens (--length), or another --device"
#: What torch says that is no bug of ours, and what to do about it.
_OF_TORCH = (
    ("out of memory", _MEMORY),
    ("can't allocate memory", _MEMORY),
    ("not implemented for", "name another --dtype, or take a newer torch"),
)


def add_calibration(parser: argparse.ArgumentParser) -> None:
    """The text that quantisers look at."""
    parser.add_argument(
        "--calibration",
        metavar="FILE",
        help="a text file, for schemes with (c): like what the model will see",
    )
    parser.add_argument(
        "--samples",
        type=positive,
        metavar="N",
        help="pieces of the calibration text (default: 128)",
    )
    parser.add_argument(
        "--length",
        type=positive,
        metavar="N",
        help="tokens of a piece of text (default: 512, or what the model takes)",
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """Where it is done and in what type."""
    parser.add_argument(
        "--device", default="cpu", metavar="D", help="where to compute: cpu (default), cuda, cuda:1"
    )
    parser.add_argument(
        "--dtype",
        choices=("float16", "bfloat16", "float32"),
        help="type of what is not quantised (default: as stored, but float16 where a scheme wants 16 bits)",
    )


def named(text: Optional[str]) -> Optional[Tuple[str, ...]]:
    """Names between commas; None: not given."""
    return None if text is None else tuple(name.strip() for name in text.split(",") if name.strip())


@contextlib.contextmanager
def told() -> Iterator[None]:
    """What is no bug, in one line: broken folders, arguments that do not fit, packages that are missing."""
    try:
        yield
    except Exception as error:
        said = said_of(error)
        if said is None:
            raise
        raise UsageError(said) from None


def said_of(error: Exception) -> Optional[str]:
    """What is no bug, in one line; None: it is one."""
    if isinstance(error, ImportError) and error.name == "envdoctor.quant":  # envdoctor.pyz
        return "this is the doctor alone; models want the package: pip install 'envdoctor[models]'"
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, (ImportError, OSError, ValueError)):
        return _line(error)
    cure = next((cure for words, cure in _OF_TORCH if words in str(error)), None)
    return f"{_line(error)[:200]}; {cure}" if cure and isinstance(error, RuntimeError) else None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def positive(text: str) -> int:
    """A number from 1 on."""
    value = int(text) if text.isascii() and text.isdigit() else 0
    if not value:
        raise argparse.ArgumentTypeError(f"{text!r} is no positive number")
    return value
