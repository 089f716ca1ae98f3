"""`envdoctor toolkit`: a CUDA root of NVIDIA's wheels (11.8, 12.4: and Debian's packages), without root rights."""

import argparse
import os
import re
import shlex
from typing import TYPE_CHECKING, Any, Iterator, Optional, Tuple

from envdoctor.cli.common import UsageError
from envdoctor.cli.output import complain, write_output

if TYPE_CHECKING:
    from envdoctor.host import Host
    from envdoctor.toolkit_root.create import Made

# A day: the limit of an examination does not fit a download.
LIMIT = 86400.0
_COSTS = """
what --with adds to the compiler, the runtime and the headers, in MB to fetch / on disk (CUDA 13.5, x86_64):
  (nothing)  194 /  520   nvcc, cudart, cccl, nvrtc, nvtx, nvml, cuobjdump, nvdisasm, stubs of the driver
  cublas    +444 / +610   curand +77 / +107   cufft +165 / +239   cusparse +277 / +367 (with nvjitlink)
  cusolver  +981 / +1270  (with cublas and cusparse)
  torch    +1220 / +1610  these five: what torch's headers include and find_package(Torch) links
  all      +1480 / +1990  every component that has wheels, cupti, npp, nvjpeg and the sanitizer among them
CUDA 12.4.1 and 11.8.0 (and no other of 11 and 12) have nvcc from Debian's packages, on any Linux of x86_64 or aarch64:
  (nothing)  165 /  290   12.4; the static runtime is 2 MB, read out of a package of 0.9 GB
  (nothing)  150 /  255   11.8; it accepts gcc 11 at most
  host-compiler +44 / +115  Debian's gcc 11, for where the compiler is too new; wants binutils and glibc's headers
Files of Debian's are compared with checksums that envdoctor has; where a mirror has newer ones, with its index.
"""


def add_parser(verbs: "argparse._SubParsersAction[Any]") -> None:
    """Declare the verb and its two parts."""
    parser = verbs.add_parser("toolkit", help="make a CUDA toolkit root of wheels", description=__doc__)
    parts = parser.add_subparsers(title="parts", metavar="PART", required=True, dest="part")
    create = _part(parts, "create", "make a root that nvcc, CMake and torch's cpp_extension can use")
    create.add_argument(
        "--prefix", metavar="DIR", required=True, help="the root; DIR.part holds what is unfinished"
    )
    create.add_argument(
        "--wheelhouse", metavar="DIR", help="take the wheels from this folder alone, without a network"
    )
    create.add_argument(
        "--cache",
        metavar="DIR",
        help="keep fetched wheels there (default: in DIR.part until the root is made)",
    )
    create.set_defaults(run=run_create)
    fetch = _part(
        parts, "fetch", "fill a folder of wheels for `create --wheelhouse` on a machine without a network"
    )
    fetch.add_argument("--to", metavar="DIR", required=True, help="the folder; what is whole there stays")
    fetch.set_defaults(run=run_fetch)


def _part(parts: "argparse._SubParsersAction[Any]", name: str, help: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = parts.add_parser(
        name,
        help=help,
        description=f"{help[0].upper()}{help[1:]}. pip's own settings (mirrors, proxies) hold. Exit status: 0 or 2.",
        epilog=_COSTS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "version",
        metavar="VERSION",
        help="13.0 (its newest), 13.0.2, 13 or newest; 12.4 and 11.8, with the compiler of Debian's packages",
    )
    parser.add_argument(
        "--debian",
        metavar="URL",
        help="take Debian's packages (for 12.4, 11.8 and host-compiler) from this mirror",
    )
    parser.add_argument(
        "--with",
        metavar="LIST",
        dest="extras",
        default="",
        help="also these, as cublas,curand or torch or all; host-compiler: gcc 11, which each CUDA here accepts",
    )
    return parser


def run_create(arguments: argparse.Namespace) -> int:
    """Make the root, try it, and print how to use it."""
    from envdoctor.cli.progress import StderrProgress
    from envdoctor.toolkit_root.create import Wanted, create
    from envdoctor.toolkit_root.plan import PlanError

    host = _host()
    if arguments.wheelhouse is not None and arguments.cache is not None:
        raise UsageError(
            "--wheelhouse and --cache: nothing is fetched from a wheelhouse; give one of the two"
        )
    folders = {name: _folder(getattr(arguments, name), name) for name in ("prefix", "wheelhouse", "cache")}
    prefix = folders["prefix"]
    assert prefix is not None
    wanted = Wanted(
        arguments.version,
        _extras(arguments),
        prefix,
        folders["wheelhouse"],
        folders["cache"],
        _mirror(arguments),
    )
    with StderrProgress() as progress:
        try:
            made = create(host, wanted, progress)
        except PlanError as error:
            raise UsageError(_with_cure(arguments.version, error)) from None
    return _report(prefix, made)


def run_fetch(arguments: argparse.Namespace) -> int:
    """Fill the folder and say what to do with it."""
    from envdoctor.cli.progress import StderrProgress
    from envdoctor.toolkit_root.create import fetch
    from envdoctor.toolkit_root.plan import PlanError

    host = _host()
    folder = _folder(arguments.to, "to")
    assert folder is not None
    with StderrProgress() as progress:
        try:
            plan = fetch(host, arguments.version, _extras(arguments), folder, progress, _mirror(arguments))
        except PlanError as error:
            raise UsageError(_with_cure(arguments.version, error)) from None
    extras = f" --with {arguments.extras}" if arguments.extras else ""
    write_output(
        f"envdoctor toolkit create {plan.version}{extras} --wheelhouse {shlex.quote(folder)} --prefix DIR\n",
        None,
    )
    return 0


def _report(prefix: str, made: "Made") -> int:
    """What was made, on standard error; the lines for a shell on standard output."""
    from envdoctor.host import umask

    trial = made.trial
    status = 0
    if trial is None:
        complain(f"{prefix} is CUDA {made.version} already; nothing to do")
    elif trial.good:
        complain(f"CUDA {made.version} is at {prefix}: nvcc {trial.nvcc}; {trial.detail}")
    else:
        complain(f"CUDA {made.version} is at {prefix}: nvcc {trial.nvcc}; but {trial.detail}")
        status = 2
    if trial and umask() & 0o055:
        complain(f"others cannot read it: the umask is {umask():03o}; chmod -R a+rX {shlex.quote(prefix)}")
    write_output("".join(f"export {line}\n" for line in _use(prefix, made)), None)
    return status


def _use(prefix: str, made: "Made") -> Iterator[str]:
    """Settings for a shell."""
    yield f"CUDA_HOME={shlex.quote(prefix)}"
    yield 'CUDACXX="$CUDA_HOME/bin/nvcc"'
    yield 'PATH="$CUDA_HOME/bin:$PATH"'
    # nvcc finds it by itself; what is beside the CUDA sources should come from the same.
    if made.host_compiler:
        yield f'CC="$CUDA_HOME/{made.host_compiler}/bin/gcc"'
        yield f'CXX="$CUDA_HOME/{made.host_compiler}/bin/g++"'
    elif made.trial and made.trial.told:
        yield f"CUDAHOSTCXX={shlex.quote(made.trial.told)}"
        yield f"NVCC_PREPEND_FLAGS={shlex.quote('-ccbin ' + shlex.quote(made.trial.told))}"


def _host() -> "Host":
    from envdoctor.host import LocalHost

    return LocalHost(limit=LIMIT)


def _extras(arguments: argparse.Namespace) -> Tuple[str, ...]:
    from envdoctor.toolkit_root.plan import extras_of

    return extras_of(word for word in re.split(r"[,\s]+", arguments.extras.lower()) if word)


def _mirror(arguments: argparse.Namespace) -> Optional[str]:
    url: Optional[str] = arguments.debian
    if url is not None and not re.match(r"(https?|file)://.", url):
        raise UsageError(f"--debian {url}: it is no address; write it as http://deb.debian.org/debian")
    return url


def _folder(path: Optional[str], option: str) -> Optional[str]:
    """The absolute path, links resolved: a rename would replace a link, not what it leads to."""
    if path is None:
        return None
    if not path.strip() or "\0" in path:
        raise UsageError(f"--{option}: it is empty; give a folder")
    return os.path.realpath(os.path.expanduser(path))


def _with_cure(version: str, error: Exception) -> str:
    """The complaint, with what can give a CUDA that cannot be made."""
    from envdoctor.toolkit_root.elsewhere import elsewhere
    from envdoctor.toolkit_root.plan import TooOld

    return f"{error}; {elsewhere(version)}" if isinstance(error, TooOld) else str(error)
