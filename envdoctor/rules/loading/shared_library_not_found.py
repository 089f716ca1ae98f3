"""An installed package needs a shared library that the loader does not find.

## What it means

The library is not installed (libgomp in a slim image), or it lies in a folder that the loader does not search: a
toolkit below /usr/local or /opt, a wheel's folder. Importing the package says "cannot open shared object file".

## How envdoctor knows

The needed libraries of compiled modules are read from the files and looked up as the loader does it: run path,
LD_LIBRARY_PATH, ld.so.cache, default folders, and what torch loads first. Said only for modules that Python itself
imports or that are a package's only one, and only for CUDA's libraries and the compilers' run-time libraries:
others are often optional.

## What to do

The cure that `envdoctor check` prints puts the folder on LD_LIBRARY_PATH when a copy is on this machine; else
install the package that is named.

## When to ignore it

When the package loads the library itself, or does without the module.
"""

import posixpath
from typing import Dict, Iterator, List, Optional, Tuple

from envdoctor import compat, installing, libraries
from envdoctor.facts import (
    CompiledModule,
    CompiledModules,
    Loader,
    Packages,
    Python,
    System,
    Toolkits,
    Torch,
)
from envdoctor.finding import Evidence, Finding, Fix, SetEnv, Severity

SEVERITY = Severity.ERROR


def check(
    modules: CompiledModules,
    packages: Packages,
    loader: Loader,
    toolkits: Optional[Toolkits],
    torch: Optional[Torch],
    system: Optional[System],
    python: Optional[Python],
) -> Iterator[Finding]:
    here = {_number(entry.soname) for entry in loader.get("cudart") if entry.taken or entry.others}
    here |= {torch.cuda.partition(".")[0]} if torch is not None and torch.cuda else set()
    for (name, soname), found in _missing(modules).items():
        copy = _copy(soname, loader, toolkits)
        stem = libraries.soname(soname)[0]
        if copy is None and stem in compat.CUDA_MAJOR_SONAMES and here and _number(soname) not in here:
            continue  # another CUDA is here: wheel-built-for-other-cuda speaks
        yield Finding(
            message=f"{name} {packages.version(name) or ''} needs {soname}, which the loader does not find.",
            consequence=f"Importing it stops: {soname}: cannot open shared object file.",
            evidence=(
                *(Evidence(module.path, f"needs {soname}: not found") for module in found[:3]),
                *((Evidence(copy, "is there, in a folder that is not searched"),) if copy else ()),
            ),
            fix=_there(copy) if copy else _install(stem, soname, system, python),
        )


def _number(soname: str) -> str:
    return libraries.soname(soname)[1].partition(".")[0]


def _missing(modules: CompiledModules) -> Dict[Tuple[str, str], List[CompiledModule]]:
    """By package and soname; a module that is one of several alternatives is left out."""
    counts: Dict[str, int] = {}
    for module in modules.items:
        counts[module.package or module.path] = counts.get(module.package or module.path, 0) + 1
    missing: Dict[Tuple[str, str], List[CompiledModule]] = {}
    for module in modules.items:
        name = module.package or module.path
        if name.startswith(compat.OWN_LOADERS):
            continue
        for needed in module.needed:
            if needed.path is None and _counts(
                needed.soname, counts[name] == 1, libraries.is_importable(module.path)
            ):
                missing.setdefault((name, needed.soname), []).append(module)
    return missing


def _counts(soname: str, only: bool, importable: bool) -> bool:
    """Whether a missing library is certain to matter."""
    stem = libraries.soname(soname)[0]
    if stem in compat.CUDA_LIBRARIES:
        return only or importable
    return only and any(stem == known for known, *_ in compat.RUNTIME_PACKAGES)


def _copy(soname: str, loader: Loader, toolkits: Optional[Toolkits]) -> Optional[str]:
    """A copy that is on this machine; a stub is none."""
    for entry in loader.libraries:
        if entry.soname == soname:
            copies = [copy for copy in (entry.taken, *entry.others) if copy and not copy.stub]
            if copies:
                return copies[0].path
    for item in toolkits.items if toolkits else ():
        for library in item.libraries:
            if library.soname == soname and library.shared:
                return library.shared
    return None


def _there(copy: str) -> Fix:
    return Fix(
        "Let the loader search the folder", (SetEnv("LD_LIBRARY_PATH", posixpath.dirname(copy), "append"),)
    )


def _install(stem: str, soname: str, system: Optional[System], python: Optional[Python]) -> Fix:
    for known, *packages in compat.RUNTIME_PACKAGES:
        command = installing.by_manager(system, installing.names(*packages)) if stem == known else None
        if command:
            return Fix(f"Install {command.package}", (command,))
    number = _number(soname)
    wheel = (
        compat.cuda_wheel(stem, int(number))
        if stem in compat.CUDA_MAJOR_SONAMES and number.isdigit()
        else None
    )
    if wheel:
        return Fix(
            f"Install CUDA {number}'s library, and put its folder on LD_LIBRARY_PATH",
            (installing.by_pip(python, wheel),),
        )
    return Fix(f"Install the package that brings {soname}")
