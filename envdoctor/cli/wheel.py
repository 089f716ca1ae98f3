"""`envdoctor wheel check`: what is compiled in wheels and what that needs, read from the files alone."""

import argparse
import os
from typing import TYPE_CHECKING, Any, List, Sequence

from envdoctor.cli.output import complain, to_json, write_output

if TYPE_CHECKING:
    from envdoctor.bundle.wheel import Checked


def add_parser(verbs: "argparse._SubParsersAction[Any]") -> None:
    """Declare the verb and its part."""
    parser = verbs.add_parser(
        "wheel", help="what is compiled in a wheel, and what is wrong with it", description=__doc__
    )
    parts = parser.add_subparsers(title="parts", metavar="PART", required=True, dest="part")
    check = parts.add_parser(
        "check",
        help="read wheels: tags, RECORD, machine code, GPU code",
        description="Name against content, RECORD against files, and of each compiled file its machine, the glibc and "
        "GLIBCXX that it needs, its libraries, run paths and GPU architectures. Exit status: 0, 1 when something is "
        "wrong, 2 when one cannot be read; the others are judged all the same.",
    )
    check.add_argument("wheels", nargs="+", metavar="FILE.whl", help="wheels")
    check.add_argument("--json", action="store_true", help="as JSON")
    check.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Read them and print; of what cannot be read, say so."""
    from dataclasses import asdict

    found = _checked(arguments.wheels)
    text = to_json([asdict(each) for each in found]) if arguments.json else "\n".join(map(_shown, found))
    write_output(text, None)
    return 2 if len(found) < len(arguments.wheels) else int(any(each.wrong for each in found))


def _checked(paths: Sequence[str]) -> "List[Checked]":
    """Those that can be read; a complaint for each other one."""
    from envdoctor.bundle.target import BundleError
    from envdoctor.bundle.wheel import check_wheel
    from envdoctor.host import LocalHost

    host = LocalHost()
    found: List[Checked] = []
    with host.scratch({}) as work:
        for path in paths:
            try:
                found.append(check_wheel(host, os.path.abspath(path), work))
            except BundleError as error:
                complain(str(error))
            except OSError as error:
                complain(f"{path}: {error.strerror or error}")
    return found


def _shown(checked: "Checked") -> str:
    lines = [f"{checked.name}: {'something is wrong' if checked.wrong else 'as it says'}"]
    lines += [f"  wrong  {text}" for text in checked.wrong]
    for each in checked.compiled:
        needs = [f"glibc {each.glibc}"] if each.glibc else []
        needs += [f"GLIBCXX {each.glibcxx}"] if each.glibcxx else []
        gpu = ("code that cannot be read",) if each.gpu is None else each.gpu
        lines.append(f"  {each.member}: {', '.join([each.machine, *needs])}")
        for what, values in (("needs", each.needed), ("looks in", each.rpath), ("GPU", gpu)):
            if values:
                lines.append(f"    {what} {' '.join(values)}")
    return "\n".join(lines) + "\n"
