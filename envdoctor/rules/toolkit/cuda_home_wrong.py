"""CUDA_HOME or CUDA_PATH names something that is not a CUDA toolkit.

## What it means

torch's extension builder, many Makefiles and many CMake files take `$CUDA_HOME/bin/nvcc`,
`$CUDA_HOME/include` and `$CUDA_HOME/lib64` without looking further. When the variable names a folder that is
not there, a list of folders, or a file, the build stops at its first call of nvcc, although a good toolkit
may be installed.

## How envdoctor knows

The variable is set (or the Makefile sets one that it takes `$(...)/bin/nvcc` from), and no toolkit was found
at the folder that it names, or one without nvcc where torch's builder will call it.

In a log, messages count that name a path of nvcc where nothing is, whoever tried it: setuptools, a shell, make,
CMake.

## What to do

Set the variable to the root of a toolkit, the folder with `bin/nvcc` below it, or unset it. `envdoctor find
nvcc` lists the toolkits of a machine.

## When to ignore it

When nothing is compiled with it, and a program reads the variable only to find libraries.
"""

import re
from typing import Iterator, Optional

from envdoctor.builders import builds_torch_extension
from envdoctor.facts import Environment, Project, Toolkit, Toolkits
from envdoctor.finding import Edit, Evidence, Finding, Fix, Location, SetEnv, Severity
from envdoctor.log import BuildLog
from envdoctor.messages import programs

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")


def check(
    environment: Environment,
    toolkits: Toolkits,
    project: Optional[Project],
) -> Iterator[Finding]:
    good = next((toolkit for toolkit in toolkits.items if toolkit.nvcc and not toolkit.error), None)
    yield from _without_nvcc(environment, toolkits, project, good)
    if good and project and project.wants_cuda:  # without any toolkit: cuda-toolkit-missing
        yield from _in_makefile(project, good)
    for name in ("CUDA_HOME", "CUDA_PATH"):
        value = environment.get(name)
        if value and not any(name in toolkit.origins for toolkit in toolkits.items):
            yield Finding(
                message=f"{name} is {value}, which is not a CUDA toolkit{_why(value)}.",
                consequence=f"Builds that take nvcc from ${name}/bin stop at their first call of it.",
                evidence=(Evidence(name, value),),
                fix=_fix(name, good),
            )


def _without_nvcc(
    environment: Environment,
    toolkits: Toolkits,
    project: Optional[Project],
    good: Optional[Toolkit],
) -> Iterator[Finding]:
    """Headers and libraries alone (the wheels that torch brings), where torch's builder looks for nvcc."""
    name = next((name for name in ("CUDA_HOME", "CUDA_PATH") if environment.get(name)), None)
    named = next((toolkit for toolkit in toolkits.items if name in toolkit.origins), None)
    if name and named and named.nvcc is None and builds_torch_extension(project):
        yield Finding(
            message=f"{name} is {environment.get(name)}, which has CUDA's headers or libraries and no nvcc.",
            consequence=f"torch's extension builder calls ${name}/bin/nvcc and stops: No such file or directory.",
            evidence=(Evidence(name, environment.get(name) or ""), Evidence(named.root, "no bin/nvcc")),
            fix=_fix(name, good),
        )


def _in_makefile(project: Project, good: Toolkit) -> Iterator[Finding]:
    """A folder that the Makefile itself names for $(CUDA_HOME)/bin/nvcc."""
    for place in project.makefile_toolkits_gone:
        variable, _, folder = place.text.partition("=")
        yield Finding(
            message=f"The Makefile takes nvcc from {variable} = {folder}, and there is no bin/nvcc in it.",
            consequence="make stops at its first call of nvcc.",
            evidence=(Evidence(place.place, place.text),),
            fix=Fix(
                f"Have make take CUDA {good.version} at {good.root} (as `make {variable}={good.root}` does)",
                (SetEnv("MAKEFLAGS", f"{variable}={good.root}", "append"),),
                (Edit(place.file, place.line, folder, good.root),) if place.line else (),
            ),
            location=Location(place.file, place.line),
            severity=Severity.WARNING,  # a Makefile may look whether it is there
        )


def _why(value: str) -> str:
    return ": it is a list of folders, and one is wanted" if ":" in value else ": there is no bin/nvcc in it"


def _fix(name: str, good: Optional[Toolkit]) -> Fix:
    if good is None:
        return Fix(f"Unset {name}, or set it to a toolkit; none was found on this machine")
    return Fix(f"Set {name} to the toolkit CUDA {good.version} at {good.root}", (SetEnv(name, good.root),))


def explain(log: BuildLog) -> Iterator[Finding]:
    hit = programs.nvcc_elsewhere(log)
    if hit:
        path = hit["path"]
        yield hit.finding(
            f"The build looks for CUDA at {path}, and nothing usable is there{_because(path)}.",
            "CUDA_HOME, CUDA_PATH or the path in the build file leads to no nvcc.",
            Fix(
                "Set CUDA_HOME to the root of one toolkit, the folder with bin/nvcc below it, or unset it; "
                "envdoctor find nvcc lists those of the machine"
            ),
        )


def _because(path: str) -> str:
    if re.search(r"^:|:[/$]|;", path):
        return ": the variable holds a list of folders"
    if re.search(r"[/\\]bin[/\\]bin[/\\]", path):
        return ": the variable names the folder bin instead of the one above it"
    if re.search(r"nvcc[/\\]bin", path):
        return ": the variable names nvcc itself instead of the toolkit's root"
    return ""
