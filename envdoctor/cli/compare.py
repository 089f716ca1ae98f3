"""`envdoctor compare`: a model of transformers beside itself quantised: size, memory, latency, what it foretells."""

import argparse
import os
from typing import Any

from envdoctor.cli.common import UsageError
from envdoctor.cli.models import add_calibration, add_device, calibration, named, positive, told
from envdoctor.cli.output import to_json, write_output
from envdoctor.cli.progress import StderrProgress

_TASK = """
of each piece of the text all tokens but the first are foretold; of one for a masked model each seventh, which is hidden;
a model from text to text reads the first half of it and writes the second

a task is a file of lines of one of these kinds, in JSON:
  {"text": "..."}                                              the last word, of which each token must be the likeliest
  {"prompt": "...", "choices": ["...", "..."], "answer": 0}    the likeliest choice; and the likeliest by its length
"""


def add_parser(verbs: "argparse._SubParsersAction[Any]") -> None:
    """Declare the verb."""
    parser = verbs.add_parser(
        "compare",
        help="a model beside itself quantised: size, memory, latency, perplexity",
        description=f"{__doc__}\nNothing is downloaded. Exit status: 0 or 2.",
        epilog=_TASK,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL_DIR", help="the model as it was")
    parser.add_argument("others", nargs="*", metavar="DIR", help="what `envdoctor quantize` made of it")
    parser.add_argument("--schemes", metavar="LIST", help="also these, quantised for now, as w8a8,w4a16-rtn")
    parser.add_argument(
        "--text", required=True, metavar="FILE", help="to foretell token by token; begins with the prompt"
    )
    parser.add_argument("--task", metavar="FILE", help="also a task (below): accuracy, time for a question")
    add_calibration(parser)
    add_device(parser)
    parser.add_argument("--prompt", type=positive, metavar="N", help="tokens of the prompt (default: 128)")
    parser.add_argument(
        "--generate", type=positive, default=16, metavar="N", help="tokens after it (default: 16)"
    )
    parser.add_argument("--plot", metavar="FILE.png", help="also as bars; wants matplotlib")
    parser.add_argument("--json", action="store_true", help="print JSON: bytes and seconds")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Try all of them, and print what they do side by side."""
    if arguments.plot is not None and not os.path.isdir(os.path.dirname(os.path.abspath(arguments.plot))):
        raise UsageError(f"{arguments.plot}: no such folder")
    with told(), StderrProgress() as progress:
        from envdoctor.quant import verbs

        asked = verbs.ToCompare(
            arguments.model,
            tuple(arguments.others),
            named(arguments.schemes) or (),
            arguments.text,
            calibration(arguments),
            arguments.prompt,
            arguments.generate,
            arguments.device,
            arguments.dtype,
            arguments.plot,
            arguments.task,
        )
        compared = verbs.compare(asked, progress)
    write_output(to_json(compared.document) if arguments.json else compared.text, None)
    return 0
