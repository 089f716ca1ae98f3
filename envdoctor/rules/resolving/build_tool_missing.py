"""A tool that the build calls is not installed: cmake, ninja, make, a C++ compiler, Rust.

## What it means

The build starts the tool by name and finds nothing: `cmake: not found`, `CMake was unable to find a build program
corresponding to "Ninja"`, `error: can't find Rust compiler`.

## How envdoctor knows

What the project builds with is read from its files (CMakeLists.txt, Makefile, extensions, build requirements,
CMAKE_GENERATOR), and no program of that name is on PATH. CMake and Ninja that the build backend fetches by itself are
not asked for.

In a log, the words of shells, make, Python and build tools count that a program was not found or could not be
started.

## What to do

Install it: pip brings cmake and ninja without root; the package manager's command is given where its package is known.

## When to ignore it

When the build brings the tool along in a way that its files do not show.
"""

import posixpath
import re
from typing import Iterator, Optional, Tuple

from envdoctor import compat, installing
from envdoctor.facts import Compilers, Environment, Project, System, Tools
from envdoctor.finding import Evidence, Finding, Fix, Here, SetEnv, Severity
from envdoctor.isolation import requires
from envdoctor.log import BuildLog
from envdoctor.messages import programs

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")

_BY_CMAKE = "language CXX"
FROM_PIP = ("cmake", "ninja")

_CACHES = ("ccache", "sccache")
_CMAKES_LAUNCHERS = tuple(f"CMAKE_{language}_COMPILER_LAUNCHER" for language in ("C", "CXX", "CUDA"))
_LINKING = ("LDFLAGS", "CFLAGS", "CXXFLAGS")
_FUSED = re.compile(r"(?:^|\s)-fuse-ld=(lld|gold|mold|bfd)(?=\s|$)")


def check(
    project: Project,
    tools: Tools,
    environment: Environment,
    system: System,
    compilers: Optional[Compilers],
) -> Iterator[Finding]:
    yield from _named_in_variables(project, tools, environment)
    for tool, source, text in _wanted(project, environment):
        there = (
            _has_compiler(compilers, text == _BY_CMAKE) if tool == "g++" else tools.first(tool) is not None
        )
        if not there:
            yield Finding(
                message=f"The build calls {'a C++ compiler' if tool == 'g++' else tool}, and none is on PATH.",
                consequence="The build ends when it is called.",
                evidence=(Evidence(source, text), Evidence("PATH", environment.get("PATH") or "not set")),
                fix=_fix(tool, source, system, tools),
            )


def _named_in_variables(project: Project, tools: Tools, environment: Environment) -> Iterator[Finding]:
    """Compiler caches and linkers that variables put before or behind the compiler, and that are not there."""
    launchers = _CMAKES_LAUNCHERS if project.cmake else ()
    for variable in (*launchers, "CC", "CXX") if project.builds else ():
        value = environment.get(variable) or ""
        first, _, rest = value.partition(" ")
        if first in _CACHES and tools.first(first) is None and (rest.strip() or variable in launchers):
            left = None if variable in launchers else rest.strip()
            yield _named(first, variable, value, left, environment)
    for variable in _LINKING if project.builds else ():
        value = environment.get(variable) or ""
        found = _FUSED.search(value)
        if found and not any(tools.first(name) for name in (f"ld.{found[1]}", found[1])):
            left = " ".join(_FUSED.sub(" ", value).split())
            yield _named(f"ld.{found[1]}", variable, value, left or None, environment)


def _named(tool: str, variable: str, value: str, left: Optional[str], environment: Environment) -> Finding:
    return Finding(
        message=f"{variable} has the build call {tool}, and none is on PATH.",
        consequence="Every compile or link ends with it, CMake's test of the compiler too.",
        evidence=(Evidence(variable, value), Evidence("PATH", environment.get("PATH") or "not set")),
        fix=Fix(
            f"Set {variable} to {left}" if left else f"Unset {variable}, or install {tool}",
            (SetEnv(variable, left),),
        ),
    )


def _wanted(project: Project, environment: Environment) -> Iterator[Tuple[str, str, str]]:
    """Each tool that the build will call, with what says so."""
    first = project.builds[0] if project.builds else None
    if first == "cmake" and project.cmake and project.cmake.minimum:
        yield "cmake", project.cmake.minimum.place, "configured by CMake"
    if first == "make":
        yield "make", "Makefile", "built by make"
    generator = environment.get("CMAKE_GENERATOR") or ""
    if project.cmake and "Ninja" in generator:
        yield "ninja", "CMAKE_GENERATOR", generator
    elif first == "cmake" and not generator:
        yield "make", "CMakeLists.txt", "CMake's default generator is Unix Makefiles"
    languages = project.cmake.languages if project.cmake and first == "cmake" else ()
    cxx = next((language for language in languages if language.text == "CXX"), None)
    if cxx and not environment.get("CXX"):  # what CXX names: host-compiler-wrong
        yield "g++", cxx.place, _BY_CMAKE
    extensions = project.setup.extensions if project.setup else ()
    if extensions:
        yield (
            "g++",
            f"{extensions[0].file}:{extensions[0].line}",
            f"{extensions[0].kind} {extensions[0].name}",
        )
    rust = requires(project, "setuptools-rust") or requires(project, "maturin")
    if rust:
        yield "rustc", rust.place, f"requires {rust.text}"


def _has_compiler(compilers: Optional[Compilers], driver: bool) -> bool:
    """`driver`: CMake looks for c++, g++, clang++ and the like, and takes no gcc, whatever that can compile."""
    items = compilers.items if compilers else ()
    return any(item.cxx is not False and ("++" in item.name or not driver) for item in items)


def _fix(tool: str, source: str, system: System, tools: Tools) -> Fix:
    copy = next((copy for copy in tools.all(tool) if not copy.error), None)
    if copy is not None:
        return Fix(
            f"Use the {tool} at {copy.path}", (SetEnv("PATH", posixpath.dirname(copy.path), "append"),)
        )
    if source == "CMAKE_GENERATOR" and tools.first("make") is not None:
        return Fix(
            "Leave the generator to CMake, which takes make, or install ninja", (SetEnv(source, None),)
        )
    if tool in FROM_PIP:
        return Fix(
            f"Install {tool} into the active environment",
            (installing.by_pip(None, tool),),
        )
    command = installing.by_manager(system, compat.PROGRAM_PACKAGES.get(tool, {}))
    if command is None:
        return Fix(f"Install {tool} and put it on PATH")
    return Fix(f"Install {tool}", (command,))


def explain(log: BuildLog) -> Iterator[Finding]:
    missing = programs.first_missing(log)
    if missing:
        hit, tool = missing
        yield hit.finding(
            f"{tool[0].upper() + tool[1:] if ' ' in tool else tool} is not installed, or not on PATH.",
            "The build starts it and finds nothing.",
            Fix(programs.how_to_install(tool)),
            # Many setup.py files ask git for a version, and go on without.
            "medium" if tool == "git" else "high",
        )


def judge(finding: Finding, tools: Tools) -> Optional[Here]:
    name = finding.message.partition(" ")[0].lower()
    program = tools.first(name)
    if program is not None and not program.error:
        return Here("contradicted", f"{program.path} is on PATH")
    return Here("confirmed", f"no {name} on PATH") if name in ("ninja", "cmake", "make", "git") else None
