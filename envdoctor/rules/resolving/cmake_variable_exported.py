"""A CMake variable is exported to the environment, where CMake does not look for it.

## What it means

CMake's cache variables are given with `-D`. Most are not read from the environment: `export Python3_EXECUTABLE=...`
or `export CMAKE_CUDA_ARCHITECTURES=80` changes nothing, without a word, and the build goes on with what it finds by
itself.

## How envdoctor knows

The variable is set in the environment, the project is configured by CMake, and CMake's documentation names another
variable, or none, for the environment.

In a log, an `export` of the variable counts together with what CMake says when it did not read it.

## What to do

Pass it with -D, or set the environment variable that CMake does read: CUDAARCHS, CUDACXX, CUDAToolkit_ROOT.

## When to ignore it

When a script of the build passes the variable on with -D by itself.
"""

import shlex
from typing import Iterator

from envdoctor.facts import Environment, Project
from envdoctor.finding import Evidence, Finding, Fix, Run, SetEnv, Severity
from envdoctor.log import BuildLog

SEVERITY = Severity.WARNING
ROLES = ("build", "ci")

# https://cmake.org/cmake/help/latest/manual/cmake-env-variables.7.html: exported name, and the one that is read.
READ_INSTEAD = {
    "Python3_EXECUTABLE": None,
    "Python_EXECUTABLE": None,
    "PYTHON_EXECUTABLE": None,
    "CMAKE_CUDA_ARCHITECTURES": "CUDAARCHS",
    "CMAKE_CUDA_COMPILER": "CUDACXX",
    "CUDA_TOOLKIT_ROOT_DIR": "CUDAToolkit_ROOT",
}


def check(project: Project, environment: Environment) -> Iterator[Finding]:
    for name, instead in READ_INSTEAD.items() if project.cmake else ():
        value = environment.get(name)
        if not value or (instead and environment.get(instead)):
            continue
        yield Finding(
            message=f"{name} is exported, but CMake does not read it from the environment.",
            consequence=f"The build goes on as if {name} were not set.",
            evidence=(Evidence(name, value),),
            fix=Fix(f"Set {instead}", (SetEnv(instead, value),))
            if instead
            else Fix(
                "Pass it on CMake's command line", (Run(f"cmake {shlex.quote(f'-D{name}={value}')} ..."),)
            ),
        )


# What CMake says or does when it did not read the exported variable.
_IGNORED = {
    "CMAKE_CUDA_COMPILER": r"No CMAKE_CUDA_COMPILER could be found|CUDA compiler identification is unknown",
    "CMAKE_CUDA_ARCHITECTURES": r"CMAKE_CUDA_ARCHITECTURES must be (?:non-empty|valid)|CUDA_ARCHITECTURES is empty",
    "CUDA_TOOLKIT_ROOT_DIR": r"Could NOT find CUDA(?:Toolkit)?\b|CUDA Toolkit not found|Specify CUDA_TOOLKIT_ROOT_DIR",
}


def explain(log: BuildLog) -> Iterator[Finding]:
    for name, ignored in _IGNORED.items():
        exported = log.first(rf"(?:^|\s)(?:export|ENV|setx?|\$env:)\s?{name}(?:=| )\S+")
        failed = log.first(ignored)
        if exported and failed and not log.has(rf"-D{name}"):
            instead = READ_INSTEAD[name]
            yield exported.finding(
                f"{name} is exported, and CMake does not read it from the environment.",
                "CMake goes on as if it were not set.",
                Fix(f"Pass -D{name}=... to CMake, or export {instead}"),
                because=(failed,),
            )
