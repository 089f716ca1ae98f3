"""`envdoctor bundle`: wheels for a machine without a network, resolved for it and proved before they travel."""

import argparse
import contextlib
import os
import shlex
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Tuple

from envdoctor.cli.common import UsageError
from envdoctor.cli.output import complain, to_json, write_output

if TYPE_CHECKING:
    from envdoctor.bundle.layout import Contents
    from envdoctor.bundle.target import Target
    from envdoctor.host import Host

_LIMIT = 86400.0


def add_parser(verbs: "argparse._SubParsersAction[Any]") -> None:
    """Declare the verb and its parts."""
    parser = verbs.add_parser(
        "bundle",
        help="wheels for a machine without a network, proved before they travel",
        description=__doc__,
    )
    parts = parser.add_subparsers(title="parts", metavar="PART", required=True, dest="part")
    _add_create(parts)
    verify = _part(parts, "verify", "compare every file with its checksum, and look whether anything lacks")
    verify.set_defaults(run=run_verify)
    show = _part(parts, "show", "what a bundle holds, for which machines, and what was tried")
    show.add_argument("--json", action="store_true", help="as JSON")
    show.set_defaults(run=run_show)
    install = _part(
        parts, "install", "verify, then install into a new virtual environment, whole or not at all"
    )
    install.add_argument("--venv", metavar="DIR", required=True, help="a new folder")
    install.add_argument(
        "--python", metavar="PYTHON", help="its interpreter (default: the one that runs this)"
    )
    install.set_defaults(run=run_install)


def _part(parts: "argparse._SubParsersAction[Any]", name: str, help: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = parts.add_parser(
        name, help=help, description=f"{help[0].upper()}{help[1:]}. Exit status: 0 or 2."
    )
    parser.add_argument("bundle", metavar="BUNDLE", help="what `bundle create` made: a folder, or a tar file")
    return parser


def _add_create(parts: "argparse._SubParsersAction[Any]") -> None:
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
    parser.set_defaults(run=run_create)


def run_create(arguments: argparse.Namespace) -> int:
    """Make it, and say what to do with it."""
    from packaging.utils import canonicalize_name

    from envdoctor.bundle.create import create
    from envdoctor.bundle.gather import Wanted
    from envdoctor.cli.progress import StderrProgress

    host = _host()
    if not arguments.wanted and not arguments.files:
        raise UsageError("nothing is asked for; give requirements, projects, wheels or -r FILE")
    with _told(), StderrProgress() as progress:
        requirements, projects = _sorted(arguments.wanted)
        files = tuple(_there(path) for path in arguments.files)
        targets = _targets(host, arguments)
        sources = tuple(canonicalize_name(name) for name in arguments.sources)
        wanted = Wanted(requirements, projects, files, targets, _out(arguments.out), sources)
        made = create(host, wanted, progress)
    tried = sum(each["installed"] == "yes" for each in made.proofs)
    complain(
        f"{arguments.out}: {made.size / 1e6:.1f} MB of wheels for {len(made.contents)} "
        f"target{'s' if len(made.contents) > 1 else ''}, {tried} of them installed here without a network"
    )
    write_output(_next(arguments.out), None)
    return 0


def _next(out: str) -> str:
    """What to do with it at the target."""
    name, packed, _ = out.partition(".tar")
    unpack = f"tar -xf {shlex.quote(os.path.basename(out))} && " if packed else ""
    script = os.path.join(os.path.basename(name) if packed else name, "install.sh")
    return f"{unpack}{shlex.quote(script)} DIR\n"


def run_verify(arguments: argparse.Namespace) -> int:
    """Look, and say that all is well."""
    from envdoctor.bundle.verify import opened, verify

    host = _host()
    with _told(), opened(host, os.path.abspath(arguments.bundle)) as folder:
        contents = verify(host, folder)
    write_output(
        f"{arguments.bundle}: whole and complete for {', '.join(one.target.name for one in contents)}\n", None
    )
    return 0


def run_show(arguments: argparse.Namespace) -> int:
    """Print what it says of itself."""
    import json

    from envdoctor.bundle.layout import ABOUT, read_about
    from envdoctor.bundle.verify import opened

    host = _host()
    with _told(), opened(host, os.path.abspath(arguments.bundle)) as folder:
        try:
            text = host.read_text(os.path.join(folder, ABOUT))
            proofs = json.loads(host.read_text(os.path.join(folder, "proof.json")))
        except (OSError, ValueError) as error:
            raise UsageError(
                f"{arguments.bundle}: no bundle: {getattr(error, 'strerror', None) or error}"
            ) from None
        contents = read_about(text)
    if arguments.json:
        write_output(to_json({**json.loads(text), "proofs": proofs}), None)
    else:
        write_output("".join(_shown(one, proofs) for one in contents), None)
    return 0


def _shown(one: "Contents", proofs: List[Any]) -> str:
    proof: Dict[str, Any] = next((each for each in proofs if each.get("target") == one.target.name), {})
    tried = (
        f"installed, {proof['network']}"
        if proof.get("installed") == "yes"
        else f"not tried: {proof.get('why')}"
    )
    lines = [f"{one.target.name} ({', '.join(one.requested) or 'files of requirements'}; {tried})"]
    lines += [
        f"  {each.project} {each.version}  {each.size / 1e6:.1f} MB  {each.file}" for each in one.packages
    ]
    return "\n".join(lines) + "\n"


def run_install(arguments: argparse.Namespace) -> int:
    """Install, and say how to use it."""
    from envdoctor.bundle.install import install
    from envdoctor.bundle.verify import opened
    from envdoctor.cli.progress import StderrProgress

    host, venv = _host(), _out(arguments.venv)
    with _told(), StderrProgress() as progress, opened(host, os.path.abspath(arguments.bundle)) as folder:
        done = install(host, folder, venv, arguments.python, progress)
    complain(f"{arguments.venv}: {len(done.contents.packages)} packages for {done.contents.target.name}")
    write_output(f". {shlex.quote(os.path.join(arguments.venv, 'bin', 'activate'))}\n", None)
    return 0


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Why not, in one line."""
    from envdoctor.bundle.target import BundleError

    try:
        yield
    except BundleError as error:
        raise UsageError(str(error)) from None
    except OSError as error:
        raise UsageError(f"{error.filename or 'a file'}: {error.strerror or error}") from None


def _host() -> "Host":
    from envdoctor.host import LocalHost

    return LocalHost(limit=_LIMIT)


def _sorted(wanted: List[str]) -> Tuple[Tuple[str, ...], Tuple[str, ...]]:
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


def _out(path: str) -> str:
    if not path.strip() or "\0" in path:
        raise UsageError("the name of the new folder is empty")
    return os.path.abspath(os.path.expanduser(path))


def _targets(host: "Host", arguments: argparse.Namespace) -> "Tuple[Target, ...]":
    """Every Python on every platform."""
    import sys

    from envdoctor.bundle.target import Target

    pythons = arguments.python or ["{}.{}".format(*sys.version_info)]
    platforms = arguments.platform or [_own_platform(host)]
    return tuple(dict.fromkeys(Target(python, platform) for platform in platforms for python in pythons))


def _own_platform(host: "Host") -> str:
    name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    if name != "glibc":
        raise UsageError("this machine has no glibc; name the target's with --platform manylinux_2_31_x86_64")
    return f"manylinux_{version.replace('.', '_')}_{host.machine().architecture}"
