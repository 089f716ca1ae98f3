"""Arguments that several verbs share, and what they mean."""

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING, NoReturn, Optional, Tuple

if TYPE_CHECKING:
    from envdoctor.facts import Facts, Request
    from envdoctor.host import Host


# Seconds for a whole examination; --deep imports torch, which takes long from a cold disk.
LIMIT, DEEP_LIMIT = 30.0, 90.0


class UsageError(Exception):
    """One line for the user: what, where, what to do. Exit status 2."""


def add_target_arguments(parser: argparse.ArgumentParser) -> None:
    """What `examine` is asked for: project, role, targets."""
    parser.add_argument(
        "project",
        nargs="?",
        metavar="PROJECT",
        help="folder of the project that is to be built (default: the current folder, if something in it builds)",
    )
    add_role_and_targets(parser)


def add_role_and_targets(parser: argparse.ArgumentParser) -> None:
    """What the machine is for and what is to be built, where the project is named otherwise."""
    parser.add_argument(
        "--role",
        choices=("build", "runtime", "ci"),
        help="what this machine is for: build (it compiles), ci (it compiles for others: its GPU does not count), "
        "runtime (it runs CUDA and needs a driver); default: build for a project that builds something, else runtime, "
        "of which then nothing is demanded",
    )
    parser.add_argument(
        "--arch",
        metavar="LIST",
        type=architectures,
        default=(),
        help='GPU architectures to build for, as "8.0,9.0"',
    )
    parser.add_argument(
        "--python",
        metavar="PYTHON",
        type=_python,
        help="interpreter to examine (default: what `python` runs here, whatever runs envdoctor)",
    )
    parser.add_argument(
        "--cuda",
        metavar="VERSION",
        type=_cuda_version,
        help='CUDA version that is meant to be used, as "12.4"',
    )
    parser.add_argument(
        "--deep", action="store_true", help="also ask torch itself, in a child process (seconds)"
    )


def request_of(arguments: argparse.Namespace) -> "Request":
    """The request that the arguments state; raises UsageError."""
    from envdoctor.facts import Request

    try:
        os.getcwd()
    except OSError:
        raise UsageError("the current folder is gone; go to another one with cd") from None
    project = arguments.project if arguments.project is not None else "."
    if not os.path.isdir(project):
        raise UsageError(
            f"{project or repr(project)}: {_no_folder(project)}; give the folder of a project, or nothing"
        )
    return Request(
        role=arguments.role or "runtime",
        role_stated=arguments.role is not None,
        project=os.path.abspath(project),
        architectures=arguments.arch,
        python=arguments.python,
        cuda=arguments.cuda,
        deep=arguments.deep,
    )


def _no_folder(path: str) -> str:
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return "does not exist"
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    return "is not a folder"


def examine_or_read(arguments: argparse.Namespace) -> "Tuple[Facts, Optional[Host]]":
    """The facts of this machine with its host, or those of `--facts FILE` (no host then)."""
    if getattr(arguments, "facts", None):
        return _restated(read_facts(arguments.facts), arguments), None
    from envdoctor.doctor import examine
    from envdoctor.host import LocalHost

    request = request_of(arguments)
    host = LocalHost(limit=DEEP_LIMIT if request.deep else LIMIT)
    facts = examine(host, request)
    expect_python(request, facts, host)
    return facts, host


def expect_python(request: "Request", facts: "Facts", host: "Host") -> None:
    """Raises UsageError for a --python that is none."""
    from envdoctor.facts import Unknown

    if request.python and isinstance(facts.python, Unknown) and host.which(request.python) is None:
        raise UsageError(
            f"{facts.python.reason}; give an interpreter's path, its name or a version such as 3.11"
        )


def _restated(facts: "Facts", arguments: argparse.Namespace) -> "Facts":
    """Saved facts under the role and targets of this command line, where it states any."""
    from dataclasses import replace

    for name in ("project", "python", "deep"):
        if getattr(arguments, name):
            option = "PROJECT" if name == "project" else f"--{name}"
            raise UsageError(
                f"{option} and --facts: saved facts cannot be examined again; give one of the two"
            )
    request = facts.request
    if arguments.role:
        request = replace(request, role=arguments.role, role_stated=True)
    if arguments.arch:
        request = replace(request, architectures=arguments.arch)
    if arguments.cuda:
        request = replace(request, cuda=arguments.cuda)
    return replace(facts, request=request)


def read_facts(path: str) -> "Facts":
    """The facts in a file ("-": standard input); raises UsageError in one line."""
    from envdoctor.facts.codec import FactsError, facts_from_json

    try:
        if path == "-":
            document = json.load(sys.stdin)
        else:
            with open(path, encoding="utf-8") as stream:
                document = json.load(stream)
        return facts_from_json(document)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None
    except RecursionError:
        raise UsageError(f"{path}: not a facts file: nested too deeply") from None
    except FactsError as error:
        raise UsageError(f"{path}: {error}") from None
    except ValueError as error:
        raise UsageError(f"{path}: not JSON: {error}; make one with: envdoctor facts -o FILE") from None


def home() -> str:
    """The home folder that reports hide."""
    return os.path.expanduser("~")


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line that names the way to the fix; exit status 2."""

    def error(self, message: str) -> NoReturn:
        """One line instead of the usage and a line."""
        self.exit(2, f"{self.prog}: {' '.join(message.split())}; see: {self.prog} --help\n")


def architectures(text: str) -> Tuple[str, ...]:
    """A list of GPU architectures as an option's value: "8.0,9.0a"."""
    import re

    items = tuple(item for item in re.split(r"[,; ]+", text.strip()) if item)
    normal = []
    for item in items:
        match = re.fullmatch(r"(?:sm_|compute_)?(\d{1,2})\.?(\d)([af]?)(?:\+PTX)?", item, re.IGNORECASE)
        if not match:
            raise argparse.ArgumentTypeError(f"{item!r} is not an architecture; write it as 8.0 or 9.0a")
        normal.append(f"{match[1]}.{match[2]}{match[3].lower()}")
    if not normal:
        raise argparse.ArgumentTypeError("empty list; write it as 8.0,9.0")
    return tuple(normal)


def _python(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError(
            "it is empty; give an interpreter's path, its name or a version such as 3.11"
        )
    return text


def _cuda_version(text: str) -> str:
    import re

    if not re.fullmatch(r"\d{1,2}\.\d{1,2}(\.\d+)?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a CUDA version; write it as 12.4")
    return text
