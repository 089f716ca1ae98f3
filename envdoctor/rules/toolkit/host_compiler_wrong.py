"""A compiler is named or found that cannot compile this project's C++.

## What it means

CC, CXX, CUDAHOSTCXX or -ccbin may name a program that is not there (left from another machine or a conda
environment that is gone): CMake says "Could not find compiler set in environment variable CXX", nvcc "No such
file or directory". gcc without g++ is incomplete: "cannot execute 'cc1plus'", "gcc: fatal error: cannot
execute". torch gives a compiler that it cannot run the version 0.0.0. A project may also insist on clang.

## How envdoctor knows

The compilers that the variables name were looked for, and each one that was found was asked whether it has
its own C++ parts. What a CMakeLists.txt insists on by itself ("Clang is required") and Windows SDK paths are
known from the log alone.

## What to do

Unset the variable or name a compiler that is there; install g++ beside gcc.

## When to ignore it

When the variable is not read by this project's build.
"""

import re
from typing import Iterator, Optional, Tuple

from envdoctor import compat, compiler_cures, installing
from envdoctor.facts import Compiler, Compilers, Environment, Project, System, Toolkit
from envdoctor.finding import Evidence, Finding, Fix, SetEnv, Severity
from envdoctor.log import BuildLog
from envdoctor.messages import host_compilers

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")
# Who reads each variable decides whether it matters: CUDA's two only where nvcc compiles.
FOR_ALL = ("CXX", "CC")
FOR_CUDA = ("CUDAHOSTCXX",)
FLAGS = ("NVCC_PREPEND_FLAGS", "NVCC_APPEND_FLAGS")
# nvcc 11.8 and 12.4 do not know NVCC_CCBIN, 13.0 does (tried).
READS_NVCC_CCBIN = (13, 0)
FLAGS_FOR_CMAKE = ("CUDACXX", "CUDAFLAGS")
_CCBIN = re.compile(r"(?:^|\s)(?:-ccbin|--compiler-bindir)[\s=]+(\S+)")
_C_ALONE = re.compile(r"(?P<before>(?:\S*[/-])?)(?P<name>gcc|clang)(?P<after>(?:-[\d.]+)?)$")
_GNU_OR_CLANG = re.compile(r"(?:^|[/-])(?:gcc|g\+\+|cc|c\+\+|clang|clang\+\+)(?:-[\d.]+)?$")


def check(
    environment: Environment,
    project: Project,
    compilers: Compilers,
    compiler: Optional[Compiler],
    system: Optional[System],
    toolkit: Optional[Toolkit],
) -> Iterator[Finding]:
    if not project.builds:
        return
    in_vain = tuple(_named_in_vain(environment, project, compilers, toolkit))
    yield from in_vain
    if not in_vain:
        yield from _c_for_cxx(environment, compilers)
        if compiler and compiler.cxx is False:
            yield _incomplete(compiler, compilers, system)


def _named_in_vain(
    environment: Environment,
    project: Project,
    compilers: Compilers,
    toolkit: Optional[Toolkit],
) -> Iterator[Finding]:
    """Variables that name a compiler which is not there."""
    for name in (*FOR_ALL, *(FOR_CUDA if project.wants_cuda else ())):
        value = environment.get(name)
        if value and (environment.missing(name) or not _found(value, name, compilers)):
            yield _names_nothing(name, value, compilers)
    for variable in environment.missing("NVCC_CCBIN") if _reads_ccbin(project, toolkit) else ():
        yield _names_nothing(variable.name, variable.value, compilers)
    for name in (*FLAGS, *(FLAGS_FOR_CMAKE if project.cmake else ())) if project.wants_cuda else ():
        value = _ccbin(environment.get(name) or "")
        if value and not _answers(value, name, compilers):
            yield _flags_name_nothing(name, value, environment)


def _found(value: str, variable: str, compilers: Compilers) -> bool:
    """Whether any word of the value (`ccache g++ -m64`) is a compiler that answered.

    Compilers of other makers (icpx, nvc++, hipcc) are not asked, so nothing is said of them.
    """
    words = value.split()
    if not any(_GNU_OR_CLANG.search(word) for word in words):
        return True
    return any(_answers(word, variable, compilers) for word in words)


def _reads_ccbin(project: Project, toolkit: Optional[Toolkit]) -> bool:
    return project.wants_cuda and toolkit is not None and toolkit.release >= READS_NVCC_CCBIN


def _ccbin(flags: str) -> str:
    """The last -ccbin that names a gcc or clang; "" without one, or where another maker's is named."""
    found = [value.strip("\"'") for value in _CCBIN.findall(flags)][-1:]
    return found[0] if found and _GNU_OR_CLANG.search(found[0]) else ""


def _answers(value: str, variable: str, compilers: Compilers) -> bool:
    return any(value in (item.path, item.name) or item.found_via == variable for item in compilers.items)


def _flags_name_nothing(name: str, value: str, environment: Environment) -> Finding:
    left = _CCBIN.sub(" ", environment.get(name) or "").strip()
    return Finding(
        message=f"{name} has -ccbin {value}, and no compiler answers there.",
        consequence="Every call of nvcc stops: Failed to preprocess host compiler properties.",
        evidence=(Evidence(name, environment.get(name) or ""),),
        fix=Fix(
            f"Leave -ccbin out of {name}; nvcc then takes the compiler on PATH", (SetEnv(name, left or None),)
        ),
    )


def _c_for_cxx(environment: Environment, compilers: Compilers) -> Iterator[Finding]:
    """CXX=gcc compiles C++ and links it without the C++ library."""
    value = environment.get("CXX") or ""
    found = _C_ALONE.search(value)
    if found is None:
        return
    wanted = found["before"] + {"gcc": "g++", "clang": "clang++"}[found["name"]] + found["after"]
    known = any(wanted in (item.path, item.name) for item in compilers.items)
    yield Finding(
        message=f"CXX is {value}, the C compiler.",
        consequence="It compiles C++ and links without the C++ library: undefined reference to std::...",
        evidence=(Evidence("CXX", value),),
        fix=Fix(f"Set CXX to {wanted}", (SetEnv("CXX", wanted),))
        if known
        else Fix("Unset CXX", (SetEnv("CXX", None),)),
        severity=Severity.WARNING,
    )


def _names_nothing(name: str, value: str, compilers: Compilers) -> Finding:
    good = next((item for item in compilers.items if item.cxx is not False), None)
    return Finding(
        message=f"{name} is {value}, and no compiler answers there.",
        consequence="CMake, setuptools, make and nvcc stop when they call it.",
        evidence=(
            Evidence(name, value),
            Evidence("compilers found", ", ".join(c.path for c in compilers.items) or "none"),
        ),
        fix=Fix(f"Unset {name}" + (f"; {good.path} is then used" if good else ""), (SetEnv(name, None),)),
    )


def _incomplete(compiler: Compiler, compilers: Compilers, system: Optional[System]) -> Finding:
    whole = compiler_cures.accepted_compiler(compilers, compiler.kind, None)
    command = installing.by_manager(system, compat.CXX_PACKAGES)
    if whole:
        steps = compiler_cures.use_compiler(whole, everywhere=True)
        fix = Fix(f"Use {whole.path}, which has its C++ parts", steps)
    elif command:
        fix = Fix("Install the C++ half of gcc", (command,))
    else:
        fix = Fix("Install g++ of the same version")
    return Finding(
        message=f"{compiler.path} ({compiler.kind} {compiler.version}) has no C++ compiler of its own.",
        consequence="Every C++ and CUDA source fails: cannot execute 'cc1plus'.",
        evidence=(Evidence(f"{compiler.path} ({compiler.found_via})", "cc1plus is not installed"),),
        fix=fix,
    )


_UNIX = (
    "Unset CC, CXX, CUDAHOSTCXX and NVCC_CCBIN, or let them name a complete g++ (`g++ -v` shows what runs)"
)
_WINDOWS = (
    "Build in a developer prompt (x64 Native Tools, or vcvarsall.bat x64), with the Windows SDK and the C++ workload"
    " installed"
)
# What is wrong, how to put it right, how sure that is, and the words that say it.
_SIGNS: Tuple[Tuple[str, str, str, Tuple[str, ...]], ...] = (
    (
        "The compiler that a variable or option names is not there{named}.",
        _UNIX,
        "high",
        host_compilers.NOT_THERE,
    ),
    (
        "torch could not learn the version of the compiler{named}: it is not there, or no g++ or clang.",
        f"{_UNIX}; unset TORCH_DONT_CHECK_COMPILER_ABI, which has torch take any compiler for version 0.0.0",
        "high",
        host_compilers.WITHOUT_VERSION,
    ),
    (
        "nvcc cannot work with this host compiler.",
        "Have nvcc call g++ (NVCC_CCBIN, CUDAHOSTCXX or -ccbin); on Windows cl.exe of Visual Studio is the only one",
        "high",
        host_compilers.NO_HOST_COMPILER,
    ),
    (
        "The build needs Clang, and another compiler was found.",
        "Install clang and set CC=clang CXX=clang++ in a fresh build directory",
        "high",
        host_compilers.CLANG_WANTED,
    ),
    (
        "The compiler is incomplete: it does not find its own headers or programs.",
        (
            "Install the compiler whole (g++ or build-essential; in conda gxx_linux-64), and unset GCC_EXEC_PREFIX and"
            " COMPILER_PATH"
        ),
        "high",
        host_compilers.INCOMPLETE,
    ),
    (
        "The compiler does not find the headers or start files of the C or C++ library.",
        (
            "Install them: libc6-dev and libstdc++-dev (Debian), glibc-devel (RHEL), xcode-select --install (macOS)"
            " the multilib ones"
        ),
        "medium",
        host_compilers.NO_C_LIBRARY,
    ),
    (
        "The Visual Studio environment is not set up: the compiler does not find the Windows SDK or the C runtime.",
        _WINDOWS,
        "high",
        host_compilers.NO_WINDOWS_SDK,
    ),
    (
        "The compiler{named} does not pass CMake's first test, and no message says why: it is broken, or none.",
        (
            "Try it by itself (echo 'int main() {}' > t.cpp, compile that with it, echo $?); name a compiler that works"
            " (CC, CXX), or unset them, in an empty build folder"
        ),
        "medium",
        host_compilers.FIRST_TEST_FAILS_SILENTLY,
    ),
    (
        "The C or C++ compiler does not pass CMake's first test.",
        (
            "Read the output of the test in CMakeFiles/CMakeError.log (CMakeConfigureLog.yaml since 3.26);"
            " it names the reason"
        ),
        "low",
        host_compilers.FIRST_TEST_FAILS,
    ),
)


def explain(log: BuildLog) -> Iterator[Finding]:
    for message, cure, confidence, patterns in _SIGNS:
        hit = log.first(*patterns)
        if hit:
            text = message.format(named=_named(hit["variable"], hit["path"]))
            yield hit.finding(text, "Nothing of the project is compiled.", Fix(cure), confidence)


def _named(variable: str, path: str) -> str:
    """What stands behind "compiler" where the log names it."""
    if not path:
        return f" ({variable})" if variable else ""
    return f" ({variable} is {path})" if variable else f" ({path})"
