"""Copies of a program, and which one a shell and the tools of a build would run."""

import posixpath
from dataclasses import replace
from typing import Dict, Iterator, List, Optional, Tuple

from envdoctor.facts import Compilers, Facts, Interpreters, Nvccs, Python, Resolution, Tools
from envdoctor.find import places
from envdoctor.find.model import Copy, Found, Taken
from envdoctor.host import Host
from envdoctor.probes import _programs

SUBJECTS = {"nvcc": "cuda", "python": "python", "python3": "python"}


def search(name: str, facts: Facts, host: Host) -> Found:
    """A program by its name."""
    name = posixpath.basename(name)
    copies = _in_order([*_from_facts(name, facts), *_others(name, facts, host)], name, host)
    takers = tuple(_takers(name, facts, host)) if copies else ()
    looked = (*host.search_path(), *(posixpath.dirname(path) for path in _elsewhere(name, facts, host)))
    return Found(name, "program", copies, takers, tuple(dict.fromkeys(looked)), ())


def _from_facts(name: str, facts: Facts) -> Iterator[Copy]:
    for program in facts.tools.all(name) if isinstance(facts.tools, Tools) else ():
        remark = program.error or ("" if program.found_via == "PATH" else f"by {program.found_via}")
        yield Copy(program.path, program.kind, program.version, program.owner, (), remark)
    for compiler in facts.compilers.items if isinstance(facts.compilers, Compilers) else ():
        if posixpath.basename(compiler.path) == name:
            remark = "compiles no C++" if compiler.cxx is False else ""
            yield Copy(compiler.path, compiler.kind, compiler.version, compiler.owner, (), remark)
    for python in facts.interpreters.pythons if isinstance(facts.interpreters, Interpreters) else ():
        if python.name == name:
            yield Copy(python.path, python.kind, python.version, python.prefix or "unknown")
    if name == "nvcc":
        yield from _nvccs(facts)


def _nvccs(facts: Facts) -> Iterator[Copy]:
    by_root = {toolkit.root: toolkit for toolkit in places.toolkits(facts)}
    for item in facts.nvccs.items if isinstance(facts.nvccs, Nvccs) else ():
        toolkit = by_root.get(item.root or "")
        remark = item.error or (
            f"runs the nvcc of {item.root}" if item.kind != "binary" and item.root else ""
        )
        yield Copy(
            item.path, item.kind, toolkit.build if toolkit else None, item.root or "unknown", (), remark
        )
    for toolkit in by_root.values():
        if toolkit.nvcc:
            owner = f"CUDA {toolkit.version or '?'} toolkit {toolkit.root}"
            yield Copy(toolkit.nvcc, "binary", toolkit.build, owner, (), toolkit.error or "")


def _others(name: str, facts: Facts, host: Host) -> Iterator[Copy]:
    for path in _elsewhere(name, facts, host):
        if host.is_file(path) and host.access(path, "x"):
            yield Copy(path, _programs.kind(host, path), None, _programs.owner(host, path))


def _elsewhere(name: str, facts: Facts, host: Host) -> Iterator[str]:
    """On PATH, and where programs lie that PATH may not have."""
    yield from host.which_all(name)
    for toolkit in places.toolkits(facts):
        yield f"{toolkit.root}/bin/{name}"
    if isinstance(facts.python, Python):
        yield posixpath.join(posixpath.dirname(facts.python.executable), name)
    for place in places.wheel_folders(facts, host, "bin"):
        yield f"{place.folder}/{name}"
    for prefix in places.prefixes(facts, host):
        yield f"{prefix}/bin/{name}"


def _in_order(copies: List[Copy], name: str, host: Host) -> Tuple[Copy, ...]:
    """As PATH has them, the others after, each folder once (links followed); what PATH hides says so."""
    ranks = {path: rank for rank, path in enumerate(host.which_all(name))}
    found: Dict[str, Copy] = {}
    for copy in sorted(copies, key=lambda copy: ranks.get(copy.path, len(ranks))):
        folder = host.realpath(posixpath.dirname(copy.path))
        if folder not in found:
            found[folder] = replace(
                copy, remark="; ".join(filter(None, (copy.remark, _hidden(ranks.get(copy.path)))))
            )
    return tuple(found.values())


def _hidden(rank: Optional[int]) -> str:
    if rank is None:
        return "not on PATH"
    return "hidden by an earlier one on PATH" if rank else ""


def _takers(name: str, facts: Facts, host: Host) -> Iterator[Taken]:
    first = host.which(name)
    folders = len(host.search_path())
    why = f"first found of the {folders} folders on PATH" if first else "PATH has none"
    yield Taken("shell", first, why)
    subject = SUBJECTS.get(name)
    answers = facts.resolution.about(subject) if subject and isinstance(facts.resolution, Resolution) else ()
    for answer in answers:
        if answer.finder != "shell":
            path = f"{answer.takes}/bin/nvcc" if answer.takes and subject == "cuda" else answer.takes
            yield Taken(answer.finder, path, f"{answer.reason}; {answer.how}")
