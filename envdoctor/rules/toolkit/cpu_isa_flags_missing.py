"""CPU kernels are compiled out because their flags were lost.

## What it means

Kernels for AVX2, AVX-512 or ARM dot products are compiled only where the compiler's flags allow them. When
CFLAGS or CXXFLAGS are overridden, -march or -mcpu goes with them, the kernels vanish behind their #ifdefs,
and the linker reports their names as undefined.

## How envdoctor knows

It cannot be foreseen: which kernels a project expects to exist is in its code, not in its files' names or
flags. From a log it is known by undefined references to names of CPU kernels while the compile lines have no
-march, -mcpu or -m flag.

## What to do

Add the flags instead of replacing them (-march=native, or the processor that is meant), or unset CFLAGS and
CXXFLAGS.

## When to ignore it

Never.
"""

from envdoctor.finding import Severity

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")
