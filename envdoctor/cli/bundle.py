"""`envdoctor bundle`: wheels for a machine without a network, resolved for it and proved before they travel."""

import argparse
import os
import shlex
from typing import TYPE_CHECKING, Any, List, Mapping, Sequence, Tuple

from envdoctor.cli import bundle_create
from envdoctor.cli.bundled import local_host, new_folder, told
from envdoctor.cli.common import UsageError, read_facts
from envdoctor.cli.output import complain, to_json, write_output

if TYPE_CHECKING:
    from envdoctor.bundle.layout import Contents
    from envdoctor.bundle.place import Place
    from envdoctor.facts import Facts


def add_parser(verbs: "argparse._SubParsersAction[Any]") -> None:
    """Declare the verb and its parts."""
    parser = verbs.add_parser(
        "bundle",
        help="wheels for a machine without a network, proved before they travel",
        description=__doc__,
    )
    parts = parser.add_subparsers(title="parts", metavar="PART", required=True, dest="part")
    bundle_create.add_parser(parts)
    verify = _part(
        parts,
        "verify",
        "compare every file with its checksum, look whether anything lacks, and say on which machine it runs",
        "0, 1 when nothing in it runs on the machine of --facts, or 2",
    )
    machine = verify.add_mutually_exclusive_group()
    machine.add_argument(
        "--facts",
        metavar="FILE",
        help="what `envdoctor facts` has written on the target (default: this machine)",
    )
    _add_python(machine)
    verify.set_defaults(run=run_verify)
    show = _part(parts, "show", "what a bundle holds, for which machines, and what was proved how")
    show.add_argument("--json", action="store_true", help="as JSON")
    show.set_defaults(run=run_show)
    _add_install(parts)


def _add_install(parts: "argparse._SubParsersAction[Any]") -> None:
    install = _part(
        parts, "install", "verify, install into a folder of its own and try it, or leave all as it was before"
    )
    into = install.add_mutually_exclusive_group(required=True)
    into.add_argument(
        "--venv", metavar="DIR", help="a virtual environment: a new one, or one that a bundle made"
    )
    into.add_argument(
        "--prefix", metavar="DIR", help="the same without an interpreter, for PATH and PYTHONPATH"
    )
    _add_python(install)
    install.add_argument(
        "--target",
        metavar="NAME",
        help="what to install of several, whatever GPU is here (default: what fits this machine best)",
    )
    install.set_defaults(run=run_install)
    uninstall = parts.add_parser(
        "uninstall",
        help="remove what `bundle install` made, as a whole",
        description="Remove the folder that `bundle install` made, with all that is in it. Exit status: 0 or 2.",
    )
    uninstall.add_argument("folder", metavar="DIR", help="what was given as --venv or --prefix")
    uninstall.set_defaults(run=run_uninstall)


def _add_python(parser: "argparse._ActionsContainer") -> None:
    parser.add_argument(
        "--python", metavar="PYTHON", help="its interpreter (default: the one that runs this)"
    )


def _part(
    parts: "argparse._SubParsersAction[Any]", name: str, help: str, status: str = "0 or 2"
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = parts.add_parser(
        name, help=help, description=f"{help[0].upper()}{help[1:]}. Exit status: {status}."
    )
    parser.add_argument("bundle", metavar="BUNDLE", help="what `bundle create` made: a folder, or a tar file")
    return parser


def run_verify(arguments: argparse.Namespace) -> int:
    """Look, and say that all is well, and for which machines."""
    from envdoctor.bundle import verify
    from envdoctor.bundle.machine import here

    host = local_host()
    with told(), verify.opened(host, os.path.abspath(arguments.bundle)) as folder:
        contents = verify.verify(host, folder)
        stated = read_facts(arguments.facts) if arguments.facts else None
        facts = stated or here(host, arguments.python or host.own_python or "python3")
        needs = verify.needs(host, folder)
        lines, fits = _fits(contents, needs, facts)
    names = ", ".join(one.target.name for one in contents)
    where = arguments.facts or "this machine"
    text = "".join(f"  {line}\n" for line in lines)
    write_output(f"{arguments.bundle}: whole and complete for {names}\non {where}:\n{text}", None)
    return int(stated is not None and not fits)


def _fits(
    contents: "Sequence[Contents]", needs: "Mapping[str, Mapping[str, Any]]", facts: "Facts"
) -> Tuple[List[str], bool]:
    """A line for each target, and whether one of them fits."""
    from envdoctor.bundle.fits import fit

    lines, fits = [], False
    for one in contents:
        found = fit(one.target, needs.get(one.target.name, {}), facts)
        fits = fits or not found.against
        verdict = f"does not fit: {'; '.join(found.against)}" if found.against else "fits"
        lines.append(f"{one.target.name} {verdict}")
        lines += [f"  {text}" for text in found.known]
    return lines, fits


def run_show(arguments: argparse.Namespace) -> int:
    """Print what it says of itself."""
    import json

    from envdoctor.bundle import verify
    from envdoctor.bundle.layout import ABOUT, read_about

    host = local_host()
    with told(), verify.opened(host, os.path.abspath(arguments.bundle)) as folder:
        try:
            text = host.read_text(os.path.join(folder, ABOUT))
        except OSError as error:
            raise UsageError(f"{arguments.bundle}: no bundle: {error.strerror or error}") from None
        contents, proofs = read_about(text), verify.proofs(host, folder)
        shown = [_shown(one, proofs) for one in contents]
    write_output(to_json({**json.loads(text), "proofs": proofs}) if arguments.json else "".join(shown), None)
    return 0


def _shown(one: "Contents", proofs: Any) -> str:
    from envdoctor.bundle import record
    from envdoctor.report.style import sized

    gpus = f" for GPUs {', '.join(one.target.gpus)}" if one.target.gpus else ""
    lines = [f"{one.target.name}{gpus} ({', '.join(one.requested) or 'files of requirements'})"]
    lines += record.lines(record.of_target(proofs, one.target.name))
    lines += [f"  {each.project} {each.version}  {sized(each.size)}  {each.file}" for each in one.packages]
    return "\n".join(lines) + "\n"


def run_install(arguments: argparse.Namespace) -> int:
    """Install, and say how to use it."""
    from envdoctor.bundle.install import install
    from envdoctor.bundle.place import Place
    from envdoctor.bundle.verify import opened
    from envdoctor.cli.progress import StderrProgress
    from envdoctor.report.style import counted

    host, named = local_host(), arguments.venv or arguments.prefix
    into = Place(new_folder(named), "venv" if arguments.venv else "prefix")
    with told(), StderrProgress() as progress, opened(host, os.path.abspath(arguments.bundle)) as folder:
        done = install(host, folder, into, arguments.python, progress, target=arguments.target)
    complain(f"{named}: {counted(len(done.contents.packages), 'package')} for {done.contents.target.name}")
    write_output(_use(into, done.folders), None)
    return 0


def _use(place: "Place", folders: Sequence[str]) -> str:
    """What makes a shell see it."""
    if place.kind == "venv":
        return f". {shlex.quote(os.path.join(place.programs, 'activate'))}\n"
    return (
        f"export PATH={shlex.quote(place.programs)}${{PATH:+:$PATH}} "
        f"PYTHONPATH={shlex.quote(':'.join(folders))}${{PYTHONPATH:+:$PYTHONPATH}}\n"
    )


def run_uninstall(arguments: argparse.Namespace) -> int:
    """Take it away again."""
    from envdoctor.bundle.place import uninstall

    with told():
        uninstall(local_host(), new_folder(arguments.folder))
    complain(f"{arguments.folder}: removed")
    return 0
