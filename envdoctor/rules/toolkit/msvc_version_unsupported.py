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

from envdoctor.finding import Severity

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")
