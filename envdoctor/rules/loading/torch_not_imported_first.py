"""The extension is imported before torch, so torch's libraries are not loaded yet.

## What it means

Extensions need libc10.so and libtorch.so and do not say where they lie: `import torch` loads them, and an extension
that is imported afterwards finds them in the process. Imported first it fails with "libc10.so: cannot open shared
object file", although everything fits.

## How envdoctor knows

It cannot be foreseen: the order of imports is a matter of the program. It is known from the traceback, whose last
frames are the extension's own import, with a library of torch missing.

## What to do

`import torch` before the extension; packages should do so in their `__init__.py`.

## When to ignore it

When the symbol or library is missing with torch imported first as well: then see torch-abi-mismatch.
"""

from envdoctor.finding import Severity

SEVERITY = Severity.ERROR
