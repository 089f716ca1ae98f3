"""An installed extension was compiled for another torch: symbols that it needs are not in this one.

## What it means

torch's C++ interface changes with every release. An extension built for torch 2.3 asks for functions that 2.4 has
under another signature, and Python says "undefined symbol: _ZN3c10…" when it is imported.

## How envdoctor knows

It reads the undefined symbols of the installed extension and the symbols that the installed torch's libraries
export, and names those that are missing. Where the string ABI alone is the reason, cxx11-abi-mismatch speaks.

## What to do

Install the build of the extension for this torch, or the torch that it was built for; else rebuild it from source:
`pip install --no-build-isolation --no-binary :all: --force-reinstall <package>`.

## When to ignore it

When the package checks torch's version itself and does without the extension.
"""

from typing import Dict, Iterator, List

from envdoctor import symbols
from envdoctor.facts import CompiledModule, CompiledModules, Packages, Torch
from envdoctor.finding import Evidence, Finding, Fix, Severity

SEVERITY = Severity.ERROR


def check(modules: CompiledModules, torch: Torch, packages: Packages) -> Iterator[Finding]:
    by_package: Dict[str, List[CompiledModule]] = {}
    for module in modules.items:
        wrong_abi = symbols.uses_other_string_abi(module.missing_torch_symbols, torch.cxx11_abi)
        if module.missing_torch_symbols and not wrong_abi:
            by_package.setdefault(module.package or module.path, []).append(module)
    for name, found in by_package.items():
        version = packages.version(name) or ""
        yield Finding(
            message=f"{f'{name} {version}'.strip()} was compiled for another torch than {torch.version}.",
            consequence="Importing it stops with an undefined symbol.",
            evidence=tuple(
                Evidence(m.path, f"needs {m.missing_torch_symbols[0]}, which torch does not export")
                for m in found[:5]
            ),
            fix=Fix(f"Install {name} built for torch {torch.version}, or rebuild it against this torch"),
        )
