"""Programs that a build could not start, as a log tells it, and how to get each. Pure."""

import re
from typing import Optional, Tuple

from envdoctor.log import BuildLog, Hit

_NAME = (
    r"(?P<tool>ninja|cmake|make|gmake|nmake|mingw32-make|g?cc|g\+\+|c\+\+|clang(?:\+\+|-cl)?|(?:g\+\+|gcc|clang(?:\+\+)?)-\d+"
    r"|[\w-]+-linux-gnu-g(?:cc|\+\+)|cl(?:\.exe)?|link\.exe|rustc|cargo|git|swig|patch|meson|bison|flex|protoc|ccache|sccache|mold|lld"
    r"|hipcc|gfortran|nvfortran|ifort|sh|bash|python[23]?|which|sudo|ar|as|ld|autoconf|automake|autoreconf|libtoolize|m4|nasm|yasm|perl|pkg-config|unzip|wget|curl)"
)
# How something says that it could not start a program. Source: shells, make, env, Python, setuptools, cmd, PowerShell.
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
# What a tool says of another one in its own words, and which that is. Source: torch's cpp_extension, CMake, triton,
# scikit-build, setuptools, setuptools-rust, maturin, Meson, gcc, setup scripts.
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
# How to get what a program's name or description is found in; the last one is for all others.
_INSTALLING = (
    (
        r"^(?:cmake|ninja)$",
        "Run `pip install {tool}` in the environment that builds, or install the system's package",
    ),
    (
        r"Rust|^(?:rustc|cargo)$",
        (
            "Upgrade pip first (a wheel needs no Rust); else install Rust: `curl https://sh.rustup.rs -sSf | sh`,"
            " and put ~/.cargo/bin on PATH"
        ),
    ),
    (
        r"Visual|^(?:cl|cl\.exe|link\.exe|nmake)$",
        (
            "Install the Visual Studio Build Tools with 'Desktop development with C++', and build in the x64 Native"
            " Tools prompt, where `where cl` finds it"
        ),
    ),
    (
        r"^a C\+\+ compiler$|(?:cc|\+\+|clang)(?:-\d+)?$",
        (
            "Install a compiler: `apt install build-essential`, `dnf install gcc-c++`, `conda install -c conda-forge"
            " gxx_linux-64` or `xcode-select --install`"
        ),
    ),
    (
        r"Fortran|(?:fortran|ifort)$",
        (
            "Install one: `apt install gfortran`, `dnf install gcc-gfortran` or"
            " `conda install -c conda-forge gfortran`"
        ),
    ),
    (r"^sudo$", "Leave sudo out where you are root (containers), or do without what needs it"),
    (r"", "Install {tool} with the system's package manager or conda, into a folder of PATH"),
)

_NVCC = r"(?P<path>(?:[A-Za-z]:)?[^'\"\s:]{0,300}[/\\]nvcc(?:\.exe)?)"
_MISSING = (
    r"(?:[Nn]o such file or directory|not found|[Cc]ommand not found|[Nn]ot a directory|[Pp]ermission denied)"
)

# nvcc's path as it was made from the variable. Source: distutils and setuptools, Python's OSError, shells, make, cmd.
_NVCC_PATHS = (
    rf"unable to execute ['\"]+(?P<path>[^\"\n]*[/\\]nvcc(?:\.exe)?)['\"]: {_MISSING}",
    rf"command ['\"]+(?P<path>[^\"\n]*[/\\]nvcc(?:\.exe)?)['\"] failed: {_MISSING}",
    rf"\[Errno (?:2|13|20)\] {_MISSING}: ['\"](?P<path>[^'\"\n]*[/\\]nvcc(?:\.exe)?)['\"]",
    rf"(?:^|[ :]){_NVCC}: {_MISSING}",
    r"CreateProcess failed: [^\n]*\n(?:[^\n]*\n){0,3}?\[\d+/\d+\] (?P<path>[^\n]{0,2000};[^\n;]{0,300}\\nvcc)",
    r"execute_noreturn of (?P<path>[^\n]*[/\\]nvcc(?:\.exe)?) failed: No such file",
    rf"exec: \"?{_NVCC}\"?: {_MISSING}",
    r"(?:^|['\"])(?P<path>[^'\"\n]{0,300}\\nvcc(?:\.exe)?)\"?'? is not recognized as an internal",
    r"Cannot find CUDA at CUDA_HOME: (?P<path>[^\n]+?)\. CUDA must be available",
    r"nvcc not found at '(?P<path>[^'\n]+)'\. Ensure CUDA path",
    r"(?i:could not find (?:the )?nvcc) (?:executable )?(?:in|at|under) ['\"]?(?P<path>(?:/|[A-Z]:\\)[^\s'\"]+)",
)
# The variable itself. Source: FindCUDAToolkit, MSBuild's CUDA targets, setup.py files.
_VARIABLES = (
    r"Could not find nvcc executable in path specified by (?:environment variable |variable )?\w+=(?P<path>[^\n]+)",
    r"The CUDA Toolkit v[\d.]+ directory '(?P<path>[^'\n]+)' does not exist",
    (
        r"(?:CUDA_HOME|CUDA_PATH|CUDA_ROOT|CUDA_TOOLKIT_ROOT_DIR)\b[^\n/\\]{0,40}['\"=:\s(]"
        r"(?P<path>(?:/|[A-Z]:\\)[^\s'\"]*)"
        r"[^\n]{0,30} (?:does not exist|doesn't exist|is not a (?:valid )?(?:directory|path|CUDA)|is invalid|not found)"
    ),
)
#: nvcc is looked for at a path where it is not, because a variable or a build file says so.
NVCC_ELSEWHERE = (*_NVCC_PATHS, *_VARIABLES)


def nvcc_elsewhere(log: BuildLog) -> Optional[Hit]:
    """Where that is said, and with which path; nowhere where the path is a build's own default."""
    return None if log.has(r"default cuda_home='") else log.first(*NVCC_ELSEWHERE)


def first_missing(log: BuildLog) -> Optional[Tuple[Hit, str]]:
    """The first program that could not be started, by its name, or described where only that is told."""
    hits = [(hit, tool) for tool, patterns in _MISSED.items() for hit in log.search(*patterns)]
    named = log.first(*_NOT_STARTED)
    if named:
        hits.append((named, named["tool"]))
    # A program of an isolated build that is over: the build folder is stale.
    hits = [(hit, tool) for hit, tool in hits if "pip-build-env-" not in hit.text]
    return min(hits, key=lambda pair: pair[0].line, default=None)


def how_to_install(tool: str) -> str:
    """What to do about a missing program."""
    return next(how for pattern, how in _INSTALLING if re.search(pattern, tool)).format(tool=tool)
