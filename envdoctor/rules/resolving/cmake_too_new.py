"""CMake 4 refuses a project that asks for compatibility with CMake older than 3.5.

## What it means

CMake 4.0 removed the policies of CMake before 3.5. A `cmake_minimum_required(VERSION 2.8.12)` in the project or, more
often, in a vendored sub-project stops the configuration: `Compatibility with CMake < 3.5 has been removed from CMake`.

## How envdoctor knows

The first `cmake` on PATH is 4.0 or newer, and a CMake file of the tree that the build reads asks for less than 3.5 (a
range such as `2.8...3.10` counts by its upper end).

In a log, CMake's `Compatibility with CMake < 3.5 has been removed` and its refusal of old policies count.

## What to do

Set `CMAKE_POLICY_VERSION_MINIMUM=3.5`, as an environment variable or with -D; no source needs to change.

## When to ignore it

When that sub-project is switched off by an option of the build.
"""

from typing import Iterator

from packaging.version import Version

from envdoctor.facts import Environment, Project, Tools
from envdoctor.finding import Edit, Evidence, Finding, Fix, Location, SetEnv, Severity
from envdoctor.log import BuildLog
from envdoctor.requirements import release_of

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")
REMOVED_BELOW = Version("3.5")


def check(project: Project, tools: Tools, environment: Environment) -> Iterator[Finding]:
    first = tools.first("cmake")
    running = release_of(first.version) if first else None
    if project.cmake is None or first is None or running is None or running < Version("4"):
        return
    if environment.get("CMAKE_POLICY_VERSION_MINIMUM"):
        return
    old = [line for line in project.cmake.minimums if _policy(line.text) < REMOVED_BELOW]
    if not old:
        return
    yield Finding(
        message=f"{old[0].place} asks for compatibility with CMake {old[0].text}, which CMake {first.version} lacks.",
        consequence="CMake stops: Compatibility with CMake < 3.5 has been removed from CMake.",
        evidence=(
            *(Evidence(line.place, f"cmake_minimum_required(VERSION {line.text})") for line in old),
            Evidence(first.path, f"version {first.version}, first on PATH"),
        ),
        fix=Fix(
            "Let CMake apply the policies of 3.5",
            (SetEnv("CMAKE_POLICY_VERSION_MINIMUM", "3.5"),),
            tuple(Edit(line.file, line.line, line.text, "3.5") for line in old if line.line),
        ),
        location=Location(old[0].file, old[0].line),
    )


def _policy(text: str) -> Version:
    """The version whose policies apply: the upper end of a range; high for what is no version (a variable)."""
    return release_of(text.rpartition("...")[2]) or Version("99")


# Source: cmCMakePolicyCommand, cmPolicies.cxx and cmMakefile.cxx of CMake 4.
_REMOVED = r"Compatibility with CMake < (?P<version>\d+\.\d+) has been removed from CMake"
_OLD_POLICY = (
    r"Policy (?P<policy>CMP\d+) may not be set to OLD behavior because this version of CMake no longer"
)
_MODULES = r'not providing "Find(?P<module>CUDA|PythonInterp|PythonLibs)\.cmake"'


def explain(log: BuildLog) -> Iterator[Finding]:
    removed, old_policy, module = log.first(_REMOVED), log.first(_OLD_POLICY), log.first(_MODULES)
    if removed:
        yield removed.finding(
            f"A cmake_minimum_required asks for CMake older than {removed['version']}, which CMake 4 no longer serves.",
            "The configuration stops at that line; no compiler was called yet.",
            Fix(
                f"Set CMAKE_POLICY_VERSION_MINIMUM={removed['version']} (as an environment variable from CMake 4.0 on,"
                ' or with -D), or use CMake 3: pip install "cmake<4"'
            ),
        )
    if old_policy:
        yield old_policy.finding(
            f"The project sets {old_policy['policy']} to OLD, which this CMake no longer has.",
            "The configuration stops there.",
            Fix('Use CMake 3 (pip install "cmake<4"), or remove that cmake_policy line'),
        )
    if module:
        yield module.finding(
            f"The project uses Find{module['module']}, which this CMake no longer has under its new policies.",
            "find_package does not find it.",
            Fix(
                'Use CMake 3.26 (pip install "cmake<3.27"), or have the project set policies CMP0146 and CMP0148 to OLD'
            ),
            "medium",
        )
