"""The C++ library that processes load is older than what compiled code needs.

## What it means

Code compiled by a newer g++ may need symbol versions (GLIBCXX_3.4.30) that an older libstdc++.so.6 does not
have. The system's g++ links the system's library; at run time LD_LIBRARY_PATH or conda's own copy may come
first. Loading says "version `GLIBCXX_3.4.30' not found".

## How envdoctor knows

It reads which symbol versions each libstdc++ defines, which copy the loader takes for the examined Python, which
one the compiler links, and what installed modules need.

In a log, the loader's `version 'GLIBCXX_3.4.NN' not found` (also CXXABI, GCC) counts, and symbols that came with
newer releases.

## What to do

The cure that `envdoctor check` prints puts the newest copy of this one library (nothing else of its folder)
first on LD_LIBRARY_PATH. For good: take the old copy out of LD_LIBRARY_PATH, `conda install -c conda-forge
libstdcxx-ng`, or build with an older g++ or `-static-libstdc++`.

## When to ignore it

When what you build uses none of the newer functions: then only the warning about the compiler stands, and it
loads.
"""

from typing import Iterator, Optional

from envdoctor import compat
from envdoctor.facts import CompiledModule, CompiledModules, Compiler, Needed, Project, RuntimeLibrary, System
from envdoctor.finding import Evidence, Finding, Fix, SetEnv, Severity, Shim
from envdoctor.log import BuildLog

SEVERITY = Severity.ERROR

# Where the loader looks before LD_LIBRARY_PATH.
_BEFORE_LIBRARY_PATH = ("LD_PRELOAD", "conda", "run path of python")


def check(
    system: System,
    modules: Optional[CompiledModules],
    compiler: Optional[Compiler],
    project: Optional[Project],
) -> Iterator[Finding]:
    taken = next((library for library in system.libstdcxx if library.taken and library.glibcxx), None)
    yield from _by_own_path(modules, system)
    if taken is None:
        return
    module = _neediest(modules)
    if module is not None and compat.numbers(module.glibcxx) > compat.numbers(taken.glibcxx):
        yield Finding(
            message=f"{module.package or module.path} needs GLIBCXX_{module.glibcxx}; "
            f"the libstdc++ that is loaded ends at GLIBCXX_{taken.glibcxx}.",
            consequence=f"Importing it stops: version `GLIBCXX_{module.glibcxx}' not found.",
            evidence=(Evidence(module.path, f"needs GLIBCXX_{module.glibcxx}"), _seen(taken)),
            fix=_fix(system, module.glibcxx, preload=taken.origin in _BEFORE_LIBRARY_PATH),
        )
    elif (
        compiler is not None
        and _compiles_cxx(project)
        and compat.numbers(compiler.glibcxx) > compat.numbers(taken.glibcxx)
    ):
        yield Finding(
            message=f"{compiler.name} {compiler.version} links a libstdc++ up to GLIBCXX_{compiler.glibcxx}; "
            f"the one that is loaded ends at GLIBCXX_{taken.glibcxx}.",
            consequence=f"What is built here may not load: version `GLIBCXX_{compiler.glibcxx}' not found.",
            evidence=(Evidence(compiler.path, f"links GLIBCXX_{compiler.glibcxx}"), _seen(taken)),
            fix=_fix(system, compiler.glibcxx, preload=taken.origin in _BEFORE_LIBRARY_PATH),
            severity=Severity.WARNING,
        )
    elif compiler is not None and _compiles_cxx(project) and taken.origin != "LD_PRELOAD":
        yield from _linked_in(system, compiler)


def _linked_in(system: System, compiler: Compiler) -> Iterator[Finding]:
    """A run path that the environment gives to everything that is linked leads to an older libstdc++."""
    for library in system.libstdcxx:
        old = library.glibcxx and compat.numbers(compiler.glibcxx) > compat.numbers(library.glibcxx)
        if library.origin in ("LDFLAGS", "LD_RUN_PATH") and old:
            yield Finding(
                message=f"{library.origin} gives what is linked here a run path to {library.path}, which ends at "
                f"GLIBCXX_{library.glibcxx}; {compiler.name} {compiler.version} links up to "
                f"GLIBCXX_{compiler.glibcxx}.",
                consequence=f"What is built here may not load: version `GLIBCXX_{compiler.glibcxx}' not found.",
                evidence=(Evidence(compiler.path, f"links GLIBCXX_{compiler.glibcxx}"), _seen(library)),
                fix=_fix(system, compiler.glibcxx, preload=True),
                severity=Severity.WARNING,
            )
            return


def _by_own_path(modules: Optional[CompiledModules], system: System) -> Iterator[Finding]:
    """Modules whose run path leads to an older libstdc++ than they need."""
    for module in modules.items if modules else ():
        own = _own(module)
        if own and own.path and compat.numbers(module.glibcxx) > compat.numbers(own.glibcxx):
            yield Finding(
                message=f"{module.package or module.path} needs GLIBCXX_{module.glibcxx}; "
                f"its own run path leads to {own.path}, which ends at GLIBCXX_{own.glibcxx}.",
                consequence=f"Importing it stops: version `GLIBCXX_{module.glibcxx}' not found.",
                evidence=(
                    Evidence(module.path, f"needs GLIBCXX_{module.glibcxx}"),
                    Evidence(own.path, f"defines up to GLIBCXX_{own.glibcxx}; taken by way of the run path"),
                ),
                fix=_fix(system, module.glibcxx, preload=True),
            )


def _own(module: CompiledModule) -> Optional[Needed]:
    return next((needed for needed in module.needed if needed.glibcxx), None)


def _neediest(modules: Optional[CompiledModules]) -> Optional[CompiledModule]:
    """Of those that take the libstdc++ that everything takes."""
    items = [module for module in modules.items if _own(module) is None] if modules else []
    return max(items, key=lambda module: compat.numbers(module.glibcxx), default=None)


def _compiles_cxx(project: Optional[Project]) -> bool:
    if project is None:
        return False
    languages = {language.text for language in project.cmake.languages} if project.cmake else set()
    extensions = bool(project.setup and project.setup.extensions)
    return extensions or bool(languages & {"CXX", "CUDA"}) or "make" in project.builds


def _seen(taken: RuntimeLibrary) -> Evidence:
    return Evidence(taken.path, f"defines up to GLIBCXX_{taken.glibcxx}; taken by way of {taken.origin}")


def _fix(system: System, wanted: Optional[str], preload: bool = False) -> Fix:
    new = max(system.libstdcxx, key=lambda library: compat.numbers(library.glibcxx), default=None)
    if new is None or compat.numbers(new.glibcxx) < compat.numbers(wanted):
        return Fix(
            f"Install a libstdc++ with GLIBCXX_{wanted} (a newer distribution, or conda-forge's libstdcxx-ng)"
        )
    if preload:  # LD_PRELOAD and an old-style run path come before LD_LIBRARY_PATH
        return Fix(
            f"Load the newer libstdc++ first ({new.path})", (SetEnv("LD_PRELOAD", new.path, "prepend"),)
        )
    # A link to the one library: its whole folder in front would replace other libraries as well.
    steps = (
        Shim("run/libstdc++.so.6", "link", new.path),
        SetEnv("LD_LIBRARY_PATH", "{overlay}/run", "prepend"),
    )
    return Fix(f"Load the newer libstdc++ first ({new.path}, GLIBCXX_{new.glibcxx})", steps)


# Source: glibc's dl-version.c and dl-lookup.c; GNU ld of a shared library that wants it.
_MISSING = (
    (
        r"(?<![^\s:'\"(])(?P<file>[^\s:'\"(]{1,300}): version '(?P<version>(?:GLIBCXX|CXXABI|GCC)_[\d.]+)' not found"
        r"(?: \(required by (?P<by>[^)\n]{1,300})\))?"
    ),
    r"(?:version '|\b)(?P<version>(?:GLIBCXX|CXXABI|GCC)_[\d.]+\d)'? not found",
    r"version (?P<version>(?:GLIBCXX|CXXABI)_[\d.]+) not defined in file (?P<file>\S+)",
    r"undefined reference to '[^'\n]{0,200}@{1,2}(?P<version>(?:GLIBCXX|CXXABI)_[\d.]+)'",
)
#: Bound to the newest libstdc++ alone, by function.
_NEW_FUNCTIONS = (
    r"undefined (?:symbol|reference)[^\n]{0,20}"
    r"(?P<version>_ZSt28__throw_bad_array_new_lengthv|_ZNSt15__exception_ptr13exception_ptr(?:9_M_addref|10_M_release)\w*)"
)
_OLD_SYSTEM = r"version 'GLIBC_2\.[\d.]+' not found"


def explain(log: BuildLog) -> Iterator[Finding]:
    hit = log.first(*_MISSING) or log.first(_NEW_FUNCTIONS)
    if hit:
        taken = hit["file"] or "The libstdc++ that is loaded"
        yield hit.finding(
            f"{taken} has no {hit['version']}, which {hit['by'] or 'a compiled file'} needs.",
            "It was compiled by a newer g++ than the libstdc++ that comes first here, and does not load.",
            Fix(
                "Have the newest copy loaded: take the old one out of LD_LIBRARY_PATH, or conda install -c conda-forge"
                " libstdcxx-ng, or install the distribution's newer libstdc++6; to look: strings <copy> | grep GLIBCXX"
            ),
            # A system that also lacks glibc's is old as a whole.
            confidence="medium" if log.has(_OLD_SYSTEM) else "high",
        )
