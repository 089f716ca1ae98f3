"""`envdoctor bundle create`: resolve, fetch, build, prove."""

import argparse
import os
import shlex
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Sequence, Tuple

from envdoctor.cli.bundled import local_host, new_folder, told
from envdoctor.cli.common import UsageError, architectures
from envdoctor.cli.output import complain, write_output

if TYPE_CHECKING:
    from envdoctor.bundle.target import Target
    from envdoctor.host import Host


def add_parser(parts: "argparse._SubParsersAction[Any]") -> None:
    """Declare the part."""
    parser = parts.add_parser(
        "create",
        help="resolve for the target, fetch, build, prove",
        description="Resolve for the target, fetch, build what has only source, and prove it: install it here with the "
        "network cut off, where the target's Python is found. pip's own settings (mirrors, folders, constraints) hold. "
        "What was fetched stays in OUT.part until all is well. Exit status: 0 or 2.",
    )
    parser.add_argument(
        "wanted",
        nargs="*",
        metavar="WHAT",
        help="a requirement, as 'torch>=2.4', a wheel, or a project's folder",
    )
    parser.add_argument(
        "-r",
        dest="files",
        action="append",
        default=[],
        metavar="FILE",
        help="a file of requirements, or a pylock.toml",
    )
    parser.add_argument(
        "--python",
        action="append",
        metavar="VERSION",
        help="of the target, as 3.8; again for more targets (default: the one that runs this)",
    )
    parser.add_argument(
        "--platform",
        action="append",
        metavar="TAG",
        help="of the target, with the oldest glibc, as manylinux_2_31_x86_64 (default: this machine's)",
    )
    parser.add_argument(
        "--cuda",
        action="append",
        metavar="LINE",
        choices=("12", "13", "cpu"),
        help="of the target: what its driver serves and torch is to be made for, 12, 13 or cpu; again for more targets",
    )
    parser.add_argument(
        "--arch",
        metavar="LIST",
        type=architectures,
        default=(),
        help='GPUs of the target, as "8.0,9.0": all that has GPU code is to have some for them',
    )
    parser.add_argument(
        "--source",
        dest="sources",
        action="append",
        default=[],
        metavar="PROJECT",
        help="built at the target, which gets what the build needs (default: what builds no wheel here that fits)",
    )
    parser.add_argument(
        "-o",
        "--out",
        required=True,
        metavar="OUT",
        help="a new folder, or a file OUT.tar, .tar.gz or .tar.zst",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Make it, and say what to do with it."""
    from packaging.utils import canonicalize_name

    from envdoctor.bundle.create import create
    from envdoctor.bundle.wanted import Wanted
    from envdoctor.cli.progress import StderrProgress
    from envdoctor.report.style import counted, sized

    host = local_host()
    if not arguments.wanted and not arguments.files:
        raise UsageError("nothing is asked for; give requirements, projects, wheels or -r FILE")
    with told(), StderrProgress() as progress:
        requirements, projects = _told_apart(arguments.wanted)
        files = tuple(_there(path) for path in arguments.files)
        targets = _targets(host, arguments)
        sources = tuple(canonicalize_name(name) for name in arguments.sources)
        wanted = Wanted(requirements, projects, files, targets, new_folder(arguments.out), sources)
        made = create(host, wanted, progress)
        for text in _proved(made.proofs):
            progress.note(text)
    tried = sum(each["installed"] == "yes" for each in made.proofs)
    complain(
        f"{arguments.out}: {sized(made.size)} of wheels for {counted(len(made.contents), 'target')}, "
        f"{tried} of them installed here without a network"
    )
    write_output(_next(arguments.out), None)
    return 0


def _next(out: str) -> str:
    """What to do with it at the target."""
    from envdoctor.host import tarballs

    name, packed = tarballs.split(out)
    unpack = f"tar -xf {shlex.quote(os.path.basename(out))} && " if packed else ""
    script = os.path.join(os.path.basename(name) if packed else name, "install.sh")
    return f"{unpack}{shlex.quote(script)} DIR\n"


def _proved(proofs: "Sequence[Dict[str, Any]]") -> Iterator[str]:
    """What was proved of each target, and how."""
    from envdoctor.bundle import record

    for each in proofs:
        yield f"{each['target']}:"
        yield from record.lines(each)


def _told_apart(wanted: List[str]) -> Tuple[Tuple[str, ...], Tuple[str, ...]]:
    """Requirements for the resolver, and folders of projects. Raises UsageError."""
    from packaging.requirements import InvalidRequirement, Requirement

    requirements, projects = [], []
    for word in wanted:
        path = os.path.abspath(os.path.expanduser(word))
        if os.path.isdir(path) and ("/" in word or word in (".", "..")):
            projects.append(path)
        elif word.endswith(".whl") and os.path.isfile(path):
            requirements.append(f"{os.path.basename(path).partition('-')[0]} @ {_url(path)}")
        else:
            try:
                requirements.append(str(Requirement(word)))
            except InvalidRequirement as error:
                reason = str(error).splitlines()[0]
                raise UsageError(
                    f"{word!r} is neither a requirement ({reason}) nor a folder with a / in its name"
                ) from None
    return tuple(requirements), tuple(projects)


def _url(path: str) -> str:
    from urllib.request import pathname2url

    return f"file://{pathname2url(path)}"


def _there(path: str) -> str:
    if not os.path.isfile(path):
        raise UsageError(f"{path}: no such file of requirements")
    return os.path.abspath(path)


def _targets(host: "Host", arguments: argparse.Namespace) -> "Tuple[Target, ...]":
    """Every Python on every platform with every CUDA."""
    import sys

    from envdoctor.bundle.target import Target

    pythons = arguments.python or ["{}.{}".format(*sys.version_info)]
    platforms = arguments.platform or [_own_platform(host)]
    lines: List[Optional[str]] = arguments.cuda or [None]
    if arguments.arch and set(lines) == {"cpu"}:
        raise UsageError("--arch names GPUs, and --cuda cpu has no use for them; leave out one of the two")
    return tuple(
        dict.fromkeys(
            Target(python, platform, cuda, () if cuda == "cpu" else arguments.arch)
            for platform in platforms
            for python in pythons
            for cuda in lines
        )
    )


def _own_platform(host: "Host") -> str:
    name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    if name != "glibc":
        raise UsageError("this machine has no glibc; name the target's with --platform manylinux_2_31_x86_64")
    return f"manylinux_{version.replace('.', '_')}_{host.machine().architecture}"
