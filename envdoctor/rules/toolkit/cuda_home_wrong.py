"""CUDA_HOME or CUDA_PATH names something that is not a CUDA toolkit.

## What it means

torch's extension builder, many Makefiles and many CMake files take `$CUDA_HOME/bin/nvcc`,
`$CUDA_HOME/include` and `$CUDA_HOME/lib64` without looking further. When the variable names a folder that is
not there, a list of folders, or a file, the build stops at its first call of nvcc, although a good toolkit
may be installed.

## How envdoctor knows

The variable is set, and no toolkit was found at the folder that it names.

## What to do

Set the variable to the root of a toolkit, the folder with `bin/nvcc` below it, or unset it. `envdoctor find
nvcc` lists the toolkits of a machine.

## When to ignore it

When nothing is compiled with it, and a program reads the variable only to find libraries.
"""

from typing import Iterator, Optional

from envdoctor.facts import Environment, Toolkit, Toolkits
from envdoctor.finding import Evidence, Finding, Fix, SetEnv, Severity

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")


def check(environment: Environment, toolkits: Toolkits) -> Iterator[Finding]:
    good = next((toolkit for toolkit in toolkits.items if toolkit.nvcc and not toolkit.error), None)
    for name in ("CUDA_HOME", "CUDA_PATH"):
        value = environment.get(name)
        if value and not any(name in toolkit.origins for toolkit in toolkits.items):
            yield Finding(
                message=f"{name} is {value}, which is not a CUDA toolkit{_why(value)}.",
                consequence=f"Builds that take nvcc from ${name}/bin stop at their first call of it.",
                evidence=(Evidence(name, value),),
                fix=_fix(name, good),
            )


def _why(value: str) -> str:
    return ": it is a list of folders, and one is wanted" if ":" in value else ": there is no bin/nvcc in it"


def _fix(name: str, good: Optional[Toolkit]) -> Fix:
    if good is None:
        return Fix(f"Unset {name}, or set it to a toolkit; none was found on this machine")
    return Fix(f"Set {name} to the toolkit CUDA {good.version} at {good.root}", (SetEnv(name, good.root),))
