"""Build tools: every copy on PATH in order, conda's own linker, and what pip installed but PATH hides."""

import posixpath
from dataclasses import replace
from typing import Iterator, List, Optional, Tuple

from envdoctor.facts import Program, Python, Tools
from envdoctor.host import Host
from envdoctor.probes import _programs

NAMES = (
    "cmake ninja ninja-build make git git-lfs ld ld.bfd ld.gold ld.lld mold ccache sccache patchelf rustc cargo"
    " pkg-config conda mamba micromamba"
).split()
# The others are asked nothing: a rule needs to know only that they are there.
ASKED = frozenset("cmake ninja ninja-build git ld".split())
# Where the wheel keeps the program that its console script calls.
WHEEL_PROGRAMS = {"cmake": "cmake/data/bin/cmake", "ninja": "ninja/data/bin/ninja"}


def probe(host: Host, python: Optional[Python]) -> Tools:
    """Programs by name in PATH order; versions are asked side by side."""
    found = [*_on_path(host), *_conda_linkers(host, python)]
    found += _hidden_wheels(host, python, found)
    return Tools(tuple(_programs.side_by_side(lambda program: _with_version(host, program), found)))


def _on_path(host: Host) -> Iterator[Program]:
    for name in NAMES:
        for number, path in enumerate(_programs.copies(host, name)):
            yield _program(host, name, path, "PATH", wins=number == 0)


def _conda_linkers(host: Host, python: Optional[Python]) -> Iterator[Program]:
    """conda's compiler_compat/ld: its Python links extensions with it, whatever PATH says."""
    prefixes = dict.fromkeys(
        filter(None, (python.base_prefix if python else "", host.env.get("CONDA_PREFIX")))
    )
    for prefix in prefixes:
        path = posixpath.join(prefix, "compiler_compat", "ld")
        if host.is_file(path) and host.access(path, "x"):
            yield replace(_program(host, "ld", path, "compiler_compat of conda", wins=False), owner="conda")


def _hidden_wheels(host: Host, python: Optional[Python], known: List[Program]) -> Iterator[Program]:
    """cmake and ninja from wheels of the examined interpreter that no program on PATH leads to."""
    for name, inside in WHEEL_PROGRAMS.items():
        reached = {wheel_program(host, program) or program.real for program in known if program.name == name}
        for folder in python.site_packages if python else ():
            path = posixpath.join(folder, inside)
            if host.is_file(path) and host.realpath(path) not in reached:
                yield _program(host, name, path, f"pip package {name}", wins=False)


def _program(host: Host, name: str, path: str, via: str, wins: bool) -> Program:
    kind, owner = _programs.kind(host, path), _programs.owner(host, path)
    return Program(name, path, host.realpath(path), None, owner, kind, wins, None, via)


def _with_version(host: Host, program: Program) -> Program:
    if program.name not in ASKED:
        return program
    # The wheel's own program answers in a tenth of the time of the script, which starts Python first.
    asked = wheel_program(host, program) or program.path
    version, error = _programs.version_in(host.run(asked, "--version"))
    return replace(program, version=version, error=error)


def wheel_program(host: Host, program: Program) -> Optional[str]:
    """The real program that a working console script runs; None when its package is not where it should be."""
    inside = WHEEL_PROGRAMS.get(program.name)
    script = _programs.console_script(host, program.path) if program.kind == "console-script" else None
    if inside is None or script is None or script.module != program.name or not host.is_file(script.python):
        return None
    folders: Tuple[str, ...] = _programs.package_folders(host, script.python)
    return next(
        (host.realpath(f"{folder}/{inside}") for folder in folders if host.is_file(f"{folder}/{inside}")),
        None,
    )
