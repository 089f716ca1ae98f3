"""`envdoctor quantize`: a model of transformers in a local folder, into another one with int8 or int4 weights."""

import argparse
import math
from typing import Any, Sequence

from envdoctor.cli.common import UsageError
from envdoctor.cli.models import add_calibration, add_device, named, told
from envdoctor.cli.output import complain, to_json, write_output
from envdoctor.cli.progress import StderrProgress

_SCHEMES = """
schemes ((c): with --calibration; (o): with --bits, --group-size, --asymmetric):
  w8a8                int8 weights, int8 activations, each row of them with a scale of its own
  w8a8-smooth         (c) the same after SmoothQuant's smoothing (--alpha)
  smq_q8i8f16_0       (c) the same with one scale for all activations and one for all weights
  smq_q8i8f16_1       (c) and one for each row of weights
  smq_q8i8f16_2       (c) and zero points
  llm.int8            LLM.int8(): columns with activations from --threshold on stay 16 bits
  w4a8                int4 weights with a scale a row, int8 activations
  w4a8-g128           the same in groups (--group-size, --asymmetric)
  w4a8-gptq           (c) w4a8, rounded by GPTQ (--act-order)
  w4a8-g128-gptq      (c) w4a8-g128, rounded by GPTQ (--act-order --static-groups)
  int8adq-int4w-symm  w4a8 in the numerics of torchao
  w4a16-rtn           (o) 2 to 8 bits, 16-bit activations: a GPTQ checkpoint, which other programs read too
  w4a16-mse           (o) the same, in ranges clipped to the least error
  w4a16-gptq          (c, o) the same, rounded by GPTQ (--act-order, --static-groups)

--feeds FILE is for models whose family smoothing does not know; for GPT-2 it would say, by names within a block:
  {"ln_1": ["attn.c_attn"], "ln_2": ["mlp.c_fc"]}
"""
_ABOUT = """
One block is in memory at a time. What a run has done stays in DIR.part, and the next one goes on from there.
Nothing is downloaded. Exit status: 0 or 2.
"""


def add_parser(verbs: "argparse._SubParsersAction[Any]") -> None:
    """Declare the verb."""
    parser = verbs.add_parser(
        "quantize",
        help="quantise a model of transformers in a local folder",
        description=(__doc__ or "") + _ABOUT,
        epilog=_SCHEMES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "model", metavar="MODEL_DIR", help="the model's folder: config.json and *.safetensors"
    )
    parser.add_argument(
        "--scheme", required=True, metavar="S", help="what linears become: one of those below"
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="a new folder for the quantised model")
    add_calibration(parser)
    add_device(parser)
    _add_rounding(parser)
    _add_smoothing(parser)
    parser.add_argument(
        "--skip",
        metavar="NAMES",
        help="linears that stay: whole names or parts between dots, with commas (default: heads and routers)",
    )
    parser.add_argument("--anew", action="store_true", help="begin again, whatever there is in DIR.part")
    parser.add_argument("--json", action="store_true", help="print what was done as JSON")
    parser.set_defaults(run=run)


def _add_rounding(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bits", type=int, choices=(2, 3, 4, 8), help="of each weight in w4a16 (default: 4)")
    parser.add_argument(
        "--group-size",
        type=_group_size,
        metavar="N",
        help="weights that share a scale; -1: a whole row (default: 128)",
    )
    parser.add_argument(
        "--asymmetric",
        dest="symmetric",
        action="store_const",
        const=False,
        help="give each group a zero point",
    )
    parser.add_argument(
        "--act-order",
        action="store_const",
        const=True,
        help="GPTQ begins with columns that the largest activations meet",
    )
    parser.add_argument(
        "--static-groups",
        action="store_const",
        const=True,
        help="groups are of neighbours in spite of --act-order, and fitted before anything is rounded",
    )
    parser.add_argument(
        "--threshold", type=_threshold, metavar="T", help="where outliers begin for llm.int8 (default: 6.0)"
    )


def _add_smoothing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--alpha",
        type=_alpha,
        metavar="A",
        help="how much smoothing puts on weights: 0 to 1, or search for the best (default: 0.5)",
    )
    parser.add_argument(
        "--feeds",
        metavar="FILE",
        help="which norms feed which linears, as JSON (below; default: known families)",
    )
    parser.add_argument(
        "--no-smoothing", action="store_true", help="calibrate scales only, and smooth nothing"
    )


def run(arguments: argparse.Namespace) -> int:
    """Quantise, and say what came of it."""
    with told(), StderrProgress() as progress:
        from envdoctor.quant import verbs

        asked = verbs.Asked(
            arguments.model,
            arguments.out,
            arguments.scheme,
            _options(arguments, verbs.takes(arguments.scheme)),
            verbs.Calibration(arguments.calibration, arguments.samples, arguments.length),
            named(arguments.skip),
            arguments.device,
            arguments.dtype,
            arguments.anew,
            arguments.feeds,
        )
        done = verbs.quantize(asked, progress)
    if arguments.json:
        write_output(to_json(done), None)
    else:
        sizes = f"{done['bytes_after'] / 1e6:.1f} MB instead of {done['bytes_before'] / 1e6:.1f} MB"
        found = sorted(done.get("alphas", {}).values())
        alphas = f"; alpha from {found[0]:g} to {found[-1]:g}" if found else ""
        complain(f"{arguments.out}: {done['linears']} linears are {arguments.scheme} now; {sizes}{alphas}")
    return 0


def _alpha(text: str) -> "float | str":
    """A number, or the word."""
    value = None if text == "search" else _number(text)
    if value is not None and not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number from 0 to 1 nor search")
    return text if value is None else value


def _threshold(text: str) -> float:
    value = _number(text)
    if not value >= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 on")
    return value


def _group_size(text: str) -> int:
    value = _number(text)
    if value != -1 and (value < 32 or value % 32):
        raise argparse.ArgumentTypeError(f"{text!r} is neither a multiple of 32 nor -1")
    return int(value)


def _number(text: str) -> float:
    """NaN: it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


#: Options of schemes; where they are not called so here, what they are called.
_OPTIONS = ("bits", "group_size", "symmetric", "act_order", "static_groups", "alpha", "feeds", "threshold")
_FLAGS = {"symmetric": "--asymmetric"}


def _options(arguments: argparse.Namespace, takes: Sequence[str]) -> "dict[str, Any]":
    """Those that were given, but for the file of feeds. Raises UsageError for what a scheme does not take."""
    given = {name: getattr(arguments, name) for name in _OPTIONS if getattr(arguments, name) is not None}
    smoothing = next((_flag(name) for name in ("alpha", "feeds") if name in given), None)
    if arguments.no_smoothing and smoothing:
        raise UsageError(f"{smoothing}: --no-smoothing leaves nothing for it to do; leave one of them out")
    strange = next((_flag(name) for name in given if name not in takes), None)
    if arguments.no_smoothing and "alpha" not in takes:
        strange = "--no-smoothing"
    if strange is not None:
        known = f"; it takes {', '.join(map(_flag, takes))}" if takes else ""
        raise UsageError(f"{strange}: {arguments.scheme} does not take it{known}")
    given.pop("feeds", None)
    return {**given, "alpha": None} if arguments.no_smoothing else given


def _flag(option: str) -> str:
    return _FLAGS.get(option, f"--{option.replace('_', '-')}")
