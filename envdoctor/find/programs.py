"""Copies of a program, and which one a shell and the tools of a build would run."""

import posixpath
from typing import Dict, Iterator, Tuple

from envdoctor.facts import Compilers, Facts, Interpreters, Nvccs, Python, Resolution, Tools
from envdoctor.find import places
from envdoctor.find.model import Copy, Found, Taken
from envdoctor.host import Host
from envdoctor.probes import _programs

SUBJECTS = {"nvcc": "cuda", "python": "python", "python3": "python"}


def search(name: str, facts: Facts, host: Host) -> Found:
    """A program by its name."""
    name = posixpath.basename(name)
    known = dict(_from_facts(name, facts))
    seen = {(host.realpath(posixpath.dirname(path)), name) for path in known}
    for path in _elsewhere(name, facts, host):
        place = (host.realpath(posixpath.dirname(path)), name)
        if place not in seen and host.is_file(path) and host.access(path, "x"):
            seen.add(place)
            known[path] = Copy(path, _programs.kind(host, path), None, _programs.owner(host, path))
    ordered = _in_order(known, name, host)
    looked = tuple(
        dict.fromkeys([*host.search_path(), *(posixpath.dirname(p) for p in _elsewhere(name, facts, host))])
    )
    return Found(name, "program", ordered, tuple(_takers(name, facts, host)) if ordered else (), looked, ())


def _from_facts(name: str, facts: Facts) -> Iterator[Tuple[str, Copy]]:
    for program in facts.tools.all(name) if isinstance(facts.tools, Tools) else ():
        remark = "" if program.found_via == "PATH" else f"by {program.found_via}"
        yield (
            program.path,
            Copy(program.path, program.kind, program.version, program.owner, (), program.error or remark),
        )
    for compiler in facts.compilers.items if isinstance(facts.compilers, Compilers) else ():
        if posixpath.basename(compiler.path) == name:
            remark = "compiles no C++" if compiler.cxx is False else ""
            yield (
                compiler.path,
                Copy(compiler.path, compiler.kind, compiler.version, compiler.owner, (), remark),
            )
    for python in facts.interpreters.pythons if isinstance(facts.interpreters, Interpreters) else ():
        if python.name == name:
            yield python.path, Copy(python.path, python.kind, python.version, python.prefix or "unknown")
    if name == "nvcc":
        yield from _nvccs(facts)


def _nvccs(facts: Facts) -> Iterator[Tuple[str, Copy]]:
    versions = {toolkit.root: toolkit for toolkit in places.toolkits(facts)}
    for item in facts.nvccs.items if isinstance(facts.nvccs, Nvccs) else ():
        toolkit = versions.get(item.root or "")
        remark = item.error or (
            f"runs the nvcc of {item.root}" if item.kind != "binary" and item.root else ""
        )
        yield (
            item.path,
            Copy(
                item.path, item.kind, toolkit.build if toolkit else None, item.root or "unknown", (), remark
            ),
        )
    for toolkit in places.toolkits(facts):
        if toolkit.nvcc:
            owner = f"CUDA {toolkit.version or '?'} toolkit {toolkit.root}"
            yield toolkit.nvcc, Copy(toolkit.nvcc, "binary", toolkit.build, owner, (), toolkit.error or "")


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


def _in_order(known: Dict[str, Copy], name: str, host: Host) -> Tuple[Copy, ...]:
    """As PATH has them, the others after; what PATH hides says so."""
    on_path = list(host.which_all(name))
    ordered = []
    for path in [
        *(path for path in on_path if path in known),
        *(path for path in known if path not in on_path),
    ]:
        copy = known[path]
        state = (
            "not on PATH"
            if path not in on_path
            else "hidden by an earlier one on PATH"
            if path != on_path[0]
            else ""
        )
        remark = "; ".join(part for part in (copy.remark, state) if part)
        ordered.append(Copy(copy.path, copy.kind, copy.version, copy.owner, copy.links, remark))
    return tuple(ordered)


def _takers(name: str, facts: Facts, host: Host) -> Iterator[Taken]:
    first = host.which(name)
    why = f"the first of {len(host.search_path())} folders on PATH that has it" if first else "PATH has none"
    yield Taken("shell", first, why)
    subject = SUBJECTS.get(name)
    answers = facts.resolution.about(subject) if subject and isinstance(facts.resolution, Resolution) else ()
    for answer in answers:
        if answer.finder != "shell":
            path = f"{answer.takes}/bin/nvcc" if answer.takes and subject == "cuda" else answer.takes
            yield Taken(answer.finder, path, f"{answer.reason}; {answer.how}")
