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

## What to do

Install the library in the conda environment (`conda install openssl`), or name the system's folder to the linker
for this build: `LIBRARY_PATH=/usr/lib/x86_64-linux-gnu`. Never replace files of `compiler_compat`.

## When to ignore it

When the library that is missing belongs to CUDA: then it is missing for every linker.
"""

from envdoctor.finding import Severity

SEVERITY = Severity.ERROR
