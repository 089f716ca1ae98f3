"""The C library declares functions that this toolkit's headers declare otherwise.

## What it means

glibc 2.41 added sinpi, cospi and their float forms to math.h, declared as noexcept. CUDA's
crt/math_functions.h before 13.0 declares them without: "exception specification is incompatible with that of
previous function cospi". Every CUDA source fails, and another gcc does not help.

## How envdoctor knows

The glibc whose headers a compile gets is 2.41 or newer: the system's, or one that a folder of CPATH or of the flags
brings first. The declarations in the toolkit's crt/math_functions.h were read.

In a log, the compiler's complaint counts that a function of glibc's (cospi, sinpi, rsqrt and their kin) is declared
with another exception specification.

## What to do

Hide the new functions from the compiler: a header `bits/libc-header-start.h` on CPATH that includes glibc's
own and then switches them off (tried with 12.4 and the headers of glibc 2.41). Or use CUDA 13 or newer, or
build in a container whose base is older (Debian 12, Ubuntu 22.04 or 24.04, Rocky 9).

## When to ignore it

When the build uses a sysroot of its own with an older glibc, as conda's compilers do.
"""

import posixpath
from typing import Iterator, Optional

from envdoctor import compat, toolkit_cures
from envdoctor.facts import Compiler, Environment, Located, Project, System, Toolkit
from envdoctor.finding import Evidence, Finding, Fix, SetEnv, Severity, Shim
from envdoctor.log import BuildLog

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")
FIRST = (2, 41)
FOLDER = "include/glibc-2.41"

_HEADER = """/* glibc's own, without the functions of C23 (cospi, sinpi, rsqrt) that CUDA declares otherwise. */
#include_next <bits/libc-header-start.h>
#undef __GLIBC_USE_IEC_60559_FUNCS_EXT_C23
#define __GLIBC_USE_IEC_60559_FUNCS_EXT_C23 0
"""


def check(
    system: System,
    toolkit: Toolkit,
    environment: Environment,
    compiler: Optional[Compiler],
    project: Optional[Project],
) -> Iterator[Finding]:
    first = project.glibc_headers if project else None
    version = first.text if first else system.libc_version
    if (
        system.libc != "glibc"
        or (compat.release(version) or (0, 0)) < FIRST
        or toolkit.glibc_2_41_ready is not False
    ):
        return
    if not toolkit.nvcc or not toolkit_cures.wants_nvcc(project) or (compiler and compiler.owner == "conda"):
        return
    if any(folder.endswith(f"/{FOLDER}") for folder in environment.folders("CPATH")):
        return
    yield Finding(
        message=f"CUDA {toolkit.version}'s math headers do not fit {_whose(first)} glibc {version}.",
        consequence="Every CUDA source fails: exception specification is incompatible (cospi, sinpi).",
        evidence=(
            Evidence(first.place if first else "C library", f"glibc {version}"),
            Evidence(f"{toolkit.root}: crt/math_functions.h", "declares cospi without noexcept"),
        ),
        fix=Fix(
            "Hide glibc's new functions from the compiler (CUDA 13 or newer needs no such help)",
            (
                Shim(f"{FOLDER}/bits/libc-header-start.h", "text", _HEADER),
                SetEnv("CPATH", f"{{overlay}}/{FOLDER}", "prepend"),
                # A folder after -I comes before those of CPATH. nvcc takes quotes in the middle of a word alone.
                *((SetEnv("NVCC_PREPEND_FLAGS", f'-I"{{overlay}}/{FOLDER}"', "prepend"),) if first else ()),
            ),
        ),
    )


def _whose(first: Optional[Located]) -> str:
    return f"{posixpath.dirname(first.file)}:" if first else "the system's"


# glibc's mathcalls.h against CUDA's crt/math_functions.h: by nvcc's front end, by gcc behind it, by clang.
_FUNCTIONS = r"(?P<name>(?:cospi|sinpi|tanpi|sincospi|rsqrt|acospi|asinpi|atanpi)[fl]?)\b"
_INCOMPATIBLE = (
    rf"""exception specification is incompatible with that of previous[\s#]+function ["']?{_FUNCTIONS}""",
    rf"is incompatible with that of previous declaration '[\w ]* {_FUNCTIONS}",
    rf"declaration of '[\w ]+ {_FUNCTIONS}.*' has a different exception specifier",
    rf"mathcalls\.h.*error: .*exception specification.*\n.*\b{_FUNCTIONS}",
    (
        r"mathcalls\.h\(\d+\): error: exception specification is incompatible with that of previous function "
        r"""["'](?P<name>\w+)["']"""
    ),
)


def explain(log: BuildLog) -> Iterator[Finding]:
    hit = log.first(*_INCOMPATIBLE)
    if hit:
        yield hit.finding(
            f"The C library declares {hit['name']} as noexcept, and this CUDA toolkit's math_functions.h does not.",
            "Every CUDA source fails; another gcc does not help.",
            Fix(
                "Use a CUDA toolkit that knows this glibc (13.0 or newer for glibc 2.41), build in a container with an"
                " older one (Ubuntu 24.04, Debian 12), or let `envdoctor fix` hide the new functions"
            ),
        )
