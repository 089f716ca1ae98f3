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

import re
from typing import Iterator

from envdoctor.finding import Finding, Fix, Severity
from envdoctor.log import BuildLog
from envdoctor.messages import unresolved

SEVERITY = Severity.ERROR


# Exported by every release of torch: when they are missing, torch is not loaded.
_ALWAYS_THERE = r"THPVariableClass$|_ZT[ISV]N3c10\d+\w*ErrorE$"
#: The first of torch's libraries that an extension asks for, by the order in which cpp_extension links them.
_FIRST = r"(?:^|/)lib(?:c10|torch|torch_cpu|torch_python)\.(?:so|dylib)$"
_STABLE = r"(?:^|/)libtorch_cuda\.so$"
# torch's own import is what fails, or it ran before.
_TORCH_FIRST = (r"torch[/\\]__init__\.py", r"torch[/\\]_(?:ops|classes)\.py", r"from torch\._C import")
_FIX = Fix("import torch before the extension; in a package, as the first line of its __init__.py")


def explain(log: BuildLog) -> Iterator[Finding]:
    if log.has(*_TORCH_FIRST):
        return
    for symbol in unresolved.symbols(log):
        if re.search(_ALWAYS_THERE, symbol.name):
            yield symbol.hit.finding(
                f"{symbol.name} is in every torch, and torch is not loaded when the extension is imported.",
                "The loader does not find it, although everything fits.",
                _FIX,
                confidence="medium",
            )
    for library in unresolved.libraries(log):
        if not library.program and re.search(f"{_FIRST}|{_STABLE}", library.name):
            yield library.hit.finding(
                f"{library.name} is loaded by import torch alone, and the extension is imported before it.",
                "The loader does not find torch's libraries, although everything fits.",
                _FIX,
                confidence="medium",
            )
