"""An installed package needs a newer C library than this system has.

## What it means

A module compiled on a newer distribution needs symbol versions like GLIBC_2.34. The C library belongs to the system
and cannot be put in front by a variable; loading says "version `GLIBC_2.34' not found".

## How envdoctor knows

It reads the newest GLIBC_ version that each installed compiled module needs, and the system's C library.

In a log, the loader's `version 'GLIBC_2.NN' not found` counts; the linker's words and a requirement that is only
stated count less.

## What to do

Install a build for older systems (`manylinux2014`, `manylinux_2_28` in the wheel's name tell the glibc it needs),
build the package here, or run in a container of a newer distribution.

## When to ignore it

When the module is one of several and this one is not used.
"""

from typing import Dict, Iterator, Optional

from envdoctor import compat
from envdoctor.facts import CompiledModule, CompiledModules, Packages, System
from envdoctor.finding import Evidence, Finding, Fix, Severity
from envdoctor.log import BuildLog

SEVERITY = Severity.ERROR


def check(modules: CompiledModules, system: System, packages: Optional[Packages]) -> Iterator[Finding]:
    if system.libc != "glibc" or not system.libc_version:
        return
    worst: Dict[str, CompiledModule] = {}
    for module in modules.items:
        name = module.package or module.path
        if compat.numbers(module.glibc) > compat.numbers(system.libc_version) and (
            name not in worst or compat.numbers(module.glibc) > compat.numbers(worst[name].glibc)
        ):
            worst[name] = module
    for name, module in worst.items():
        version = packages.version(name) or "" if packages else ""
        yield Finding(
            message=f"{name} {version} needs glibc {module.glibc}; this system has {system.libc_version}.",
            consequence=f"Importing it stops: version `GLIBC_{module.glibc}' not found.",
            evidence=(
                Evidence(module.path, f"needs GLIBC_{module.glibc}"),
                Evidence(system.found_via, f"{system.distribution_name}, glibc {system.libc_version}"),
            ),
            fix=Fix(f"Install a build of {name} for glibc {system.libc_version} or older, or build it here"),
        )


# Source: glibc's dl-version.c and dl-lookup.c; GNU ld of a shared library that wants it.
_MISSING = (
    r"(?:version '|\b)GLIBC_(?P<version>2\.[\d.]*\d)'? not found(?: \(required by (?P<by>[^)\n]{1,300})\))?",
    r"version GLIBC_(?P<version>2\.[\d.]+) not defined in file",
)
_AT_LINK = r"undefined reference to '[^'\n]{0,200}@{1,2}GLIBC_(?P<version>2\.[\d.]+)'"
_STATED = r"(?i:requires|needs?) (?:at least )?(?:glibc|GLIBC)[ _]?(?:>=|version)?\s?(?P<version>2\.\d+)"
_FIX = Fix(
    "Run on a newer distribution or in a container of one, install a build for older systems (manylinux2014 or"
    " manylinux_2_28 in the wheel's name), or build it here; never put another libc.so.6 on LD_LIBRARY_PATH"
)


def explain(log: BuildLog) -> Iterator[Finding]:
    missing = list(log.search(*_MISSING))
    if missing:
        newest = max(missing, key=lambda hit: compat.numbers(hit["version"]))
        by = newest["by"]
        yield missing[0].finding(
            f"{by or 'A binary'} needs glibc {newest['version']}, and this system's C library is older.",
            "It does not load; the C library belongs to the distribution and cannot be put beside it.",
            _FIX,
            because=(newest,),
        )
    hint = log.first(_AT_LINK, _STATED)
    if hint and not missing and not log.has(r"compiler_compat/ld"):
        yield hint.finding(
            f"A library that is linked needs glibc {hint['version']}, and the C library of this link is older.",
            "The link stops.",
            Fix(
                "Link with the compiler and C library of the system that the library was built for,"
                " or rebuild the library"
            ),
            confidence="medium",
        )
