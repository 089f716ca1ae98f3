"""A compiler died by itself.

## What it means

ptxas, cicc, cudafe++ or gcc ended with a signal other than a kill, or with "internal compiler error": a bug
of that release on that source. Memory is another matter: `out-of-memory-compiler-killed`.

## How envdoctor knows

It cannot be foreseen: only the run on that source shows it. From a log it is known by "terminated (signal:
11)", "Segmentation fault" of a compiler, or "internal compiler error".

## What to do

Use another release of the toolkit (for ptxas and cicc) or of gcc, lower the optimisation of that one file, or
leave out the architecture at which it dies. Where every program dies at random, suspect the memory of the
machine.

## When to ignore it

Never.
"""

from envdoctor.finding import Severity

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")
