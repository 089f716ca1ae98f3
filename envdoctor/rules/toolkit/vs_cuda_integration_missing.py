"""Visual Studio has no CUDA build rules.

## What it means

CMake's Visual Studio generators compile CUDA through MSBuild files that the CUDA installer puts into Visual
Studio. When Visual Studio or its Build Tools were installed later, or the installer did not know them, CMake
says "No CUDA toolset found" although nvcc is installed.

## How envdoctor knows

It cannot be foreseen: envdoctor examines Linux machines. From a log it is known by "No CUDA toolset found".

## What to do

Run the CUDA installer again after Visual Studio, copy its visual_studio_integration files into the
BuildCustomizations folder, or use the Ninja generator from a developer prompt.

## When to ignore it

Never.
"""

from typing import Iterator

from envdoctor.finding import Finding, Fix, Severity
from envdoctor.log import BuildLog

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")


# Source: CMake's CMakeDetermineCompilerId.cmake and its Visual Studio generators; MSBuild.
_MISSING = (
    r"No CUDA toolset found",
    r"MSB4019: .*\bCUDA (?P<release>[\d.]+)\.(?:props|targets)",
    r"The imported (?:project|file) .*BuildCustomizations[/\\]CUDA (?P<release>[\d.]+)\.(?:props|targets)",
    r"Generator.*given toolset specification.*cuda=(?P<release>[\d.]+).*\n?.*(?:not|does not).*(?:found|exist)",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    hit = log.first(*_MISSING)
    if hit:
        release = hit["release"]
        yield hit.finding(
            f"Visual Studio has no build rules for CUDA{f' {release}' if release else ''}.",
            "Its generators cannot compile a .cu file, although nvcc may be installed.",
            Fix(
                "Run the CUDA installer again with 'Visual Studio Integration' ticked, or copy %CUDA_PATH%\\extras\\"
                "visual_studio_integration\\MSBuildExtensions\\* into the BuildCustomizations folder of Visual Studio;"
                " or configure with -G Ninja in a developer prompt"
            ),
        )
