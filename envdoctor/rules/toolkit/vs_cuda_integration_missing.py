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

from envdoctor.finding import Severity

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")
