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

from envdoctor.finding import Severity

SEVERITY = Severity.ERROR
