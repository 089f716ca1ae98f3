"""The CUDA toolkit does not accept this version of Visual Studio.

## What it means

Each toolkit's host_config.h names the Visual Studio releases that it accepts; with another one nvcc ends in
C1189, "unsupported Microsoft Visual Studio version".

## How envdoctor knows

It cannot be foreseen: envdoctor examines Linux machines, where there is no Visual Studio. From a log it is
known by error C1189 in host_config.h.

## What to do

Install a Visual Studio toolset that the toolkit accepts (several can be installed side by side and are chosen
with vcvarsall's -vcvars_ver), or a newer CUDA toolkit. Defining _ALLOW_UNSUPPORTED_COMPILER only hides the
check.

## When to ignore it

Never.
"""

from typing import Iterator

from envdoctor.finding import Finding, Fix, Severity
from envdoctor.log import BuildLog

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")


# Source: crt/host_config.h of CUDA 7 to 13; nvcc itself up to 8; MSVC's yvals_core.h, which in turn refuses old CUDA.
_REFUSED = (
    (
        r"unsupported Microsoft Visual Studio version!(?: Only the versions? (?P<accepted>[^\n]*?) (?:\(inclusive\) )?"
        r"(?:are|is) supported)?"
    ),
    (
        r"nvcc cannot find a supported version of Microsoft Visual Studio\.?(?: Only the versions?"
        r" (?P<accepted>[^\n]*?) (?:are|is) supported)?"
    ),
)
_STL = (r"STL1002: Unexpected compiler version, expected CUDA (?P<needed>[\d.]+) or newer",)


def explain(log: BuildLog) -> Iterator[Finding]:
    hit = log.first(*_REFUSED)
    if hit:
        accepted = hit["accepted"]
        yield hit.finding(
            "This CUDA toolkit does not accept the installed Visual Studio"
            + (f": only {accepted}." if accepted else "."),
            "Every .cu file stops here; _ALLOW_UNSUPPORTED_COMPILER only hides the check.",
            _cure(f"of Visual Studio {accepted}" if accepted else "that the toolkit accepts"),
        )
    hit = log.first(*_STL)
    if hit:
        yield hit.finding(
            f"The installed Visual Studio's C++ library needs CUDA {hit['needed']} or newer.",
            "Every .cu file that includes a C++ header stops here.",
            _cure("of an older release", f"CUDA {hit['needed']} or newer"),
        )


def _cure(toolset: str, toolkit: str = "a newer CUDA toolkit") -> Fix:
    return Fix(
        f"Install a toolset {toolset} beside this one (Visual Studio Installer, individual components) and open the"
        f" prompt with `vcvarsall.bat x64 -vcvars_ver=14.xx`, or use {toolkit}"
    )
