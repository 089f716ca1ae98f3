"""An installed package needs a newer C library than this system has.

## What it means

A module compiled on a newer distribution needs symbol versions like GLIBC_2.34. The C library belongs to the system
and cannot be put in front by a variable; loading says "version `GLIBC_2.34' not found".

## How envdoctor knows

It reads the newest GLIBC_ version that each installed compiled module needs, and the system's C library.

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
