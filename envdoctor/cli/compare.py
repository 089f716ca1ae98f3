"""`envdoctor compare`: a model of transformers beside itself quantised: size, memory, latency, what it foretells."""

import argparse
import os
from typing import Any, Optional

from envdoctor.cli.common import UsageError
from envdoctor.cli.models import add_calibration, add_device, named, positive, said_of, told
from envdoctor.cli.output import complain, to_json, write_output
from envdoctor.cli.progress import StderrProgress

_BELOW = """
Of each piece of the text all tokens are foretold but the first; by a masked model each seventh, which is hidden; a
model from text to text reads the first half and foretells the second.

A file of questions has one kind of them, a line of JSON each:
  {"text": "..."}                                              the last word: each token of it must be the likeliest
  {"prompt": "...", "choices": ["...", "..."], "answer": 0}    the likeliest choice; also the likeliest by its length

Schemes are those of `envdoctor quantize`, which says which want --calibration (c).
What is quantised already stays of the type in which it was written, whatever --dtype says.
"""


def add_parser(verbs: "argparse._SubParsersAction[Any]") -> None:
    """Declare the verb."""
    parser = verbs.add_parser(
        "compare",
        help="a model beside itself quantised: size, memory, latency, perplexity",
        description=f"{__doc__}\nNothing is downloaded. Exit status: 0 or 2; the rest is printed where a model fails.",
        epilog=_BELOW,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL_DIR", help="the model as it was")
    parser.add_argument("others", nargs="*", metavar="DIR", help="what `envdoctor quantize` made of it")
    parser.add_argument(
        "--schemes", metavar="LIST", help="also quantised by these, in memory: w8a8,w4a16-rtn"
    )
    parser.add_argument(
        "--text", required=True, metavar="FILE", help="a text file, whose tokens are foretold (below)"
    )
    parser.add_argument("--task", metavar="FILE", help="questions (below): accuracy, and time for each")
    add_calibration(parser)
    add_device(parser)
    parser.add_argument("--prompt", type=positive, metavar="N", help="tokens of the prompt (default: 128)")
    parser.add_argument(
        "--generate",
        type=positive,
        metavar="N",
        help="tokens written after the prompt (default: 16)",
    )
    parser.add_argument("--plot", metavar="FILE.png", help="a picture of it, in bars; wants matplotlib")
    parser.add_argument("--json", action="store_true", help="print JSON, in bytes and seconds")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Try all of them, and print what they do side by side: also where some of them fail."""
    _check_plot(arguments.plot)
    with told(), StderrProgress() as progress:
        from envdoctor.quant import comparing, verbs

        asked = comparing.ToCompare(
            arguments.model,
            tuple(arguments.others),
            named(arguments.schemes) or (),
            arguments.text,
            verbs.Calibration(arguments.calibration, arguments.samples, arguments.length),
            arguments.prompt,
            arguments.generate,
            arguments.device,
            arguments.dtype,
            arguments.plot is not None,
            arguments.task,
        )
        done = comparing.compare(asked, progress)
        failed = [{"model": str(each.named), "error": _said(each.error)} for each in done.failed]
        text = to_json({**done.document(), "failed": failed}) if arguments.json else done.text()
        write_output(text, None)
        if arguments.plot is not None:
            done.write_plot(arguments.plot)
    bug = next((each.error for each in done.failed if said_of(each.error) is None), None)
    if bug is not None and arguments.debug:
        raise bug
    for each in failed:
        complain(f"{each['model']}: {each['error']}")
    return 2 if failed else 0


def _check_plot(path: Optional[str]) -> None:
    """UsageError where no such file can be, before anything is measured."""
    if path is not None and os.path.isdir(path):
        raise UsageError(f"{path}: is a folder; name a file")
    if path is not None and not os.path.isdir(os.path.dirname(os.path.abspath(path))):
        raise UsageError(f"{path}: no such folder")


def _said(error: Exception) -> str:
    return (
        said_of(error)
        or f"internal error, please report it (--debug shows where): {type(error).__name__}: {error}"
    )
