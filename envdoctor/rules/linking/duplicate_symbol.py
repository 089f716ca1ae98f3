"""The same symbol is defined in two objects that are linked together.

## What it means

"multiple definition of", "nvlink error : Multiple definition of": a function or variable is defined in a header
that two sources include, the same object reaches the link twice (in a library and by itself), or device objects
that were already linked on the device are linked again.

## How envdoctor knows

It cannot be foreseen: definitions are only known when the sources are compiled. It is known from the linker's
lines, which name both objects.

## What to do

Make the definition `inline` or `static`, or leave it in one source; list each object once; do not device-link an
archive whose objects have been device-linked. `-Wl,--allow-multiple-definition` hides the mistake.

## When to ignore it

Never: which of the two definitions wins is left to chance.
"""

from typing import Iterator

from envdoctor.finding import Finding, Fix, Severity
from envdoctor.log import BuildLog

SEVERITY = Severity.ERROR


# Source: the messages of GNU ld and gold, nvlink, lld, Apple's ld (both forms) and link.exe.
_TWICE = (
    r"[Mm]ultiple definition of '(?P<name>[^'\n]+)'",
    r"error: duplicate symbol: (?P<name>\S.*)$",
    r"^duplicate symbol '?(?P<name>[^'\n]+)'? in:",
    r"error LNK2005: (?P<name>\S.*?) already defined in ",
    r"error LNK1169: one or more multiply defined symbols found",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    hit = log.first(*_TWICE[:-1]) or log.first(_TWICE[-1])
    if hit:
        name = hit["name"] or "A symbol"
        yield hit.finding(
            f"{name} is defined in two objects of this link.",
            "The linker refuses to choose; the line names both objects.",
            Fix(
                "Make the definition inline or static, or leave it in one source; list each object and archive once."
                " C code from before gcc 10: -fcommon. Objects with relocatable device code: device-link once"
            ),
        )
