"""A tool that the build calls is not installed: cmake, ninja, make, a C++ compiler, Rust.

## What it means

The build starts the tool by name and finds nothing: `cmake: not found`, `CMake was unable to find a build program
corresponding to "Ninja"`, `error: can't find Rust compiler`.

## How envdoctor knows

What the project builds with is read from its files (CMakeLists.txt, Makefile, extensions, build requirements,
CMAKE_GENERATOR), and no program of that name is on PATH. CMake and Ninja that the build backend fetches by itself are
not asked for.

## What to do

Install it: pip brings cmake and ninja without root; the package manager's command is given where its package is known.

## When to ignore it

When the build brings the tool along in a way that its files do not show.
"""

import posixpath
import re
from typing import Iterator, Optional, Tuple

from envdoctor import installing
from envdoctor.facts import Compilers, Environment, Project, System, Tools
from envdoctor.finding import Evidence, Finding, Fix, SetEnv, Severity
from envdoctor.isolation import requires
from envdoctor.log import BuildLog

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")

# Package of each tool for the package managers that we know by name.
PACKAGES = {
    "make": {
        "apt-get": "make",
        "dnf": "make",
        "yum": "make",
        "apk": "make",
        "zypper": "make",
        "pacman": "make",
    },
    "g++": {
        "apt-get": "g++",
        "dnf": "gcc-c++",
        "yum": "gcc-c++",
        "apk": "g++",
        "zypper": "gcc-c++",
        "pacman": "gcc",
    },
    "rustc": {
        "apt-get": "rustc",
        "dnf": "rust cargo",
        "apk": "rust cargo",
        "zypper": "rust cargo",
        "pacman": "rust",
    },
}
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
    command = installing.by_manager(system, PACKAGES.get(tool, {}))
    if command is None:
        return Fix(f"Install {tool} and put it on PATH")
    return Fix(f"Install {tool}", (command,))


_NAME = (
    r"(?P<tool>ninja|cmake|make|gmake|nmake|mingw32-make|g?cc|g\+\+|c\+\+|clang(?:\+\+|-cl)?|(?:g\+\+|gcc|clang(?:\+\+)?)-\d+"
    r"|[\w-]+-linux-gnu-g(?:cc|\+\+)|cl(?:\.exe)?|link\.exe|rustc|cargo|git|swig|patch|meson|bison|flex|protoc|ccache|sccache|mold|lld"
    r"|hipcc|gfortran|nvfortran|ifort|sh|bash|python[23]?|which|sudo|ar|as|ld|autoconf|automake|autoreconf|libtoolize|m4|nasm|yasm|perl|pkg-config|unzip|wget|curl)"
)
# How something says that it could not start a program: shells, make, env, Python, setuptools, cmd, PowerShell.
_NOT_STARTED = (
    rf"(?:^|[\s:/]){_NAME}: (?:command )?not found",
    rf"command not found: {_NAME}\s*$",
    rf"^g?make(?:\[\d+\])?: {_NAME}: (?:Command not found|No such file)",
    rf"/usr/bin/env: '?{_NAME}'?: No such file",
    rf"(?:FileNotFoundError|OSError|IOError|error): \[Errno 2\] No such file or directory: '{_NAME}'",
    r"(?:error: command|unable to execute) '?(?:[\w/]{0,20}/bin/)?(?P<tool>(?!nvcc)[\w.+-]+)'?(?: failed)?: No such",
    rf"is '{_NAME}' not installed\?",
    rf"Program '{_NAME}' not found or not executable",
    rf"Command '\[?'?(?:which|where)'?,? '?{_NAME}'?\]?' returned non-zero",
    rf"'{_NAME}' is not recognized as an internal or external command",
    rf"The term '{_NAME}' is not recognized as",
    rf"failed to (?:execute|spawn|run)[^\n]*\b{_NAME}\b[^\n]*(?:No such file|os error 2\b)",
    rf"which: no {_NAME} in \(",
    rf"[Ee]xecutable '?{_NAME}'? (?:was )?not found",
    rf"[Cc]annot find command '{_NAME}'",
    rf"[Rr]unning '{_NAME}' '[-\w?]+' failed with:",
    rf"error: linker '{_NAME}' not found",
    rf"^{_NAME}: No such file or directory\nnvcc fatal",
)
# What a tool says of another one in its own words, and which that is.
_MISSED = {
    "ninja": (
        r"Ninja is required to load C\+\+ extensions",
        r"unable to find a build program corresponding to \"Ninja\"",
        r"Could not (?:find|detect) [Nn]inja|NinjaNotFoundError",
    ),
    "cmake": (
        r"Problem with the CMake installation, aborting build",
        r"CMake must be installed to build",
        r"(?:Cannot|Could not|Failed to|Unable to) find (?:the )?(?:CMake executable|CMake with version|cmake\b)",
        r"CMakeNotFoundError",
    ),
    "make": (r"unable to find a build program corresponding to \"(?:Unix|MSYS|MinGW)\s?Makefiles\"",),
    "git": (
        r"could not find git for clone of",
        r"(?i:cannot|could not) find (?:command 'git'|.{0,20}git executable)",
    ),
    "Rust (rustc and cargo)": (
        r"can't find Rust compiler",
        r"Cargo, the Rust package manager, is not installed or is not on PATH",
        r"(?:rustc, the rust compiler|rust compiler).{0,20} is not installed or not in PATH",
        r"Rust toolchain (?:is )?not (?:found|installed)",
    ),
    "Visual Studio's C++ compiler (cl.exe)": (
        r"[Cc]annot find compiler 'cl\.exe' in PATH",
        r"Microsoft Visual C\+\+ 1\d\.\d (?:or greater )?is required",
        r"Unable to find (?:a compatible Visual Studio|vcvarsall\.bat)",
        r"Compiler: cl is not found|unable to find a build program corresponding to \"NMake",
        r"could not find any instance of Visual Studio",
        r"MSVC is required to load C\+\+ extensions",
        r"(?:vcvarsall|vcvars64)\.bat'? (?:was )?not found",
        r"Error checking compiler version for cl: \[WinError 2\]",
    ),
    "a Fortran compiler": (r"No CMAKE_Fortran_COMPILER could be found|[Nn]o Fortran compiler found",),
    "a C++ compiler": (
        r"No CMAKE_C(?:XX)?_COMPILER could be found",
        r"CMAKE_C(?:XX)?_COMPILER: [^\n]* is not a full path and was not found in the PATH",
        r"Failed to find C compiler\. Please specify via CC",
        r"No working C\+\+ compiler found|xcrun: error: invalid active developer path",
        r"no acceptable C compiler found in \$PATH",
        r"Unknown compiler\(s\): \[\[",
        r"(?:No|Cannot find an?|Could not find an?) (?:suitable |working |usable )?(?:C|C\+\+|host) compiler\b",
    ),
    "the linker": (
        r"invalid linker name in (?:argument )?'-fuse-ld=",
        r"collect2: fatal error: cannot find '(?:ld|gold|lld|mold)",
    ),
}


def explain(log: BuildLog) -> Iterator[Finding]:
    hits = [(hit, tool) for tool, patterns in _MISSED.items() for hit in log.search(*patterns)]
    named = log.first(*_NOT_STARTED)
    if named:
        hits.append((named, named["tool"]))
    # A tool of an isolated build that is over: the build folder is stale.
    hits = [(hit, tool) for hit, tool in hits if "pip-build-env-" not in hit.text]
    if hits:
        hit, tool = min(hits, key=lambda pair: pair[0].line)
        yield hit.finding(
            f"{tool[0].upper() + tool[1:] if ' ' in tool else tool} is not installed, or not on PATH.",
            "The build starts it and finds nothing.",
            Fix(_how_to_install(tool)),
            # Many setup.py files ask git for a version, and go on without.
            "medium" if tool == "git" else "high",
        )


def _how_to_install(tool: str) -> str:
    if tool in FROM_PIP:
        return f"Run `pip install {tool}` in the environment that builds, or install the system's package"
    if "Rust" in tool or tool in ("rustc", "cargo"):
        return (
            "Upgrade pip first (a wheel needs no Rust); else install Rust: `curl https://sh.rustup.rs -sSf | sh`,"
            " and put ~/.cargo/bin on PATH"
        )
    if "Visual" in tool or tool in ("cl", "cl.exe", "link.exe", "nmake"):
        return (
            "Install the Visual Studio Build Tools with 'Desktop development with C++', and build in the x64 Native"
            " Tools prompt, where `where cl` finds it"
        )
    if tool == "a C++ compiler" or re.search(r"(?:cc|\+\+|clang|gcc)(?:-\d+)?$", tool):
        return (
            "Install a compiler: `apt install build-essential`, `dnf install gcc-c++`, `conda install -c conda-forge"
            " gxx_linux-64` or `xcode-select --install`"
        )
    if "Fortran" in tool or tool.endswith(("fortran", "ifort")):
        return (
            "Install one: `apt install gfortran`, `dnf install gcc-gfortran` or"
            " `conda install -c conda-forge gfortran`"
        )
    if tool == "sudo":
        return "Leave sudo out where you are root (containers), or do without what needs it"
    return f"Install {tool} with the system's package manager or conda, into a folder of PATH"
