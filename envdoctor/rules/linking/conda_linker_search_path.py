"""conda's linker does not find libraries that the system has.

## What it means

conda's Python compiles with `-B <prefix>/compiler_compat`, so that the system's gcc runs conda's `ld`; conda's own
compilers bring a cross `ld` with a sysroot. Both search the conda environment first and know fewer of the system's
folders: "compiler_compat/ld: cannot find -lpthread", "x86_64-conda-linux-gnu/bin/ld: cannot find -lssl".

## How envdoctor knows

It cannot be foreseen. Most links with conda's `ld` succeed, because gcc hands it the system's folders, and which
libraries a link will ask for there is not written in the project's files. It is known from the linker's own line:
`cannot find -l…`, printed by an `ld` in `compiler_compat` or named after conda's target, for a library that is no
part of CUDA (for those see static-cublas-missing and cudart-dev-symlink-missing).

In a log, the messages of conda's own ld count (by its path): `cannot find -l...`, and libraries of the system that
it does not find or whose symbols it does not resolve.

## What to do

Install the library in the conda environment (`conda install openssl`), or name the system's folder to the linker
for this build: `LIBRARY_PATH=/usr/lib/x86_64-linux-gnu`. Never replace files of `compiler_compat`.

## When to ignore it

When the library that is missing belongs to CUDA: then it is missing for every linker.
"""

import posixpath
import re
from typing import Iterator

from envdoctor.finding import Finding, Fix, Severity
from envdoctor.log import BuildLog
from envdoctor.messages.absent import CONDA_LD, kind_of_library

SEVERITY = Severity.ERROR


# GNU ld of conda: a library, one of glibc's files that a script of the linker names, or a start file.
_NOT_FOUND = CONDA_LD + r": cannot find (?:-l)?(?P<name>[\w.+/-]+)"
# A library of the system that another one needs, or that wants a newer C library than conda's sysroot has.
_INDIRECT = (
    CONDA_LD + r": warning: (?P<name>lib\S+), needed by \S+, not found \(try using -rpath",
    CONDA_LD + r": \S{0,200}/lib[^/\s]+\.so[\d.]*: undefined reference to '(?P<name>[^'\n]+@GLIBC[\w.]+)'",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    for confidence, patterns in (("high", (_NOT_FOUND,)), ("medium", _INDIRECT)):
        hit = next((hit for hit in log.search(*patterns) if _of_the_system(hit["name"])), None)
        if hit:
            yield hit.finding(
                f"conda's linker does not find {posixpath.basename(hit['name'])}: it searches the environment and its"
                " own sysroot, not the system's folders.",
                "The system's own ld would find it; whatever links it in this environment fails.",
                Fix(
                    "Install it in the environment (conda install gxx_linux-64, openssl and the like), or name"
                    " the system's folder for this build: LIBRARY_PATH=/usr/lib/x86_64-linux-gnu"
                ),
                confidence,
            )
            return


def _of_the_system(name: str) -> bool:
    """Whether it is no part of CUDA or Python, whatever its file is called."""
    stem = re.sub(r"^lib|\.(?:so|a)\b.*$", "", posixpath.basename(name))
    return kind_of_library(stem) in ("base", "other")
