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

import re
from typing import Iterator

from envdoctor.finding import Finding, Fix, Severity
from envdoctor.log import BuildLog

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")


# A compiler's own programs. Signals 9 and 15 are kills: out-of-memory-compiler-killed.
_TOOL = r"(?:ptxas|cicc|cudafe(?:\+\+)?|nvlink|fatbinary|nvcc|cc1(?:plus)?|lto1|collect2|ld|as|cl|rustc|clang(?:\+\+)?)"
_SIGNAL = r"(?!9\b|15\b)\d+"

_CRASHES = (
    # nvcc; "died with status" on Windows.
    rf"'{_TOOL}(?:\.exe)?' (?:died due to signal {_SIGNAL}|died with status 0x\w+|core dumped)",
    rf"\b{_TOOL} terminated (?:\(signal: |with signal ){_SIGNAL}",
    r"ptxas (?:fatal|error) *: (?:\(\w+\) )?Internal (?:compiler )?error[^\n]*",
    # gcc, cicc, MSVC, EDG (nvcc's front end), clang, rustc.
    r"[Ii]nternal [Cc]ompiler [Ee]rror(?! ?: (?:Killed|Terminated))\b[^\n]*",
    r"(?<!Killed)(?<!Terminated) signal terminated program \w+",
    r"INTERNAL COMPILER ERROR in [^\n]*",
    r"An internal error has occurred in the compiler",
    r"internal error: assertion (?:failed|failure)[^\n]*",
    r"clang(?:\+\+)?: error: (?:unable to execute command: (?!Killed)|clang frontend command failed)[^\n]*",
    r"PLEASE (?:submit a bug report to https://\S*llvm|ATTACH THE FOLLOWING FILES TO THE BUG REPORT)[^\n]*",
    r"error: the compiler unexpectedly panicked",
    # What runs a compiler: sccache, cargo, the shell.
    rf"[Cc]ompiler killed by signal {_SIGNAL}",
    rf"'[^'\n]*\brustc [^\n]*\(signal: {_SIGNAL}[^\n]*",
    rf"(?:Segmentation fault|Illegal instruction|Bus error)[^\n]{{0,40}}[ /]{_TOOL} -",
)

# Of `ulimit`. Source: gcc prints the C library's name of the signal.
_LIMIT = re.compile(r"(?:File size|CPU time) limit exceeded")
_LIFTED = {
    "File size limit exceeded": "Lift it: ulimit -f unlimited, in the shell that builds",
    "CPU time limit exceeded": "Lift it: ulimit -t unlimited, in the shell that builds",
}


def explain(log: BuildLog) -> Iterator[Finding]:
    hit = log.first(*_CRASHES)
    if hit:
        limit = _LIMIT.search(hit.text)
        yield hit.finding(
            f"A compiler died by itself: {hit.text[:160]}.",
            "A limit of this shell or container stopped it."
            if limit
            else "It is a mistake of that release on that source; the same command dies again.",
            Fix(
                _LIFTED[limit[0]]
                if limit
                else "Use another release of the toolkit (ptxas, cicc, cudafe++) or of the host compiler, or leave"
                " out the architecture or the optimisation at which it dies; where every run dies elsewhere, test the"
                " memory"
            ),
        )
