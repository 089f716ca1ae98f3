"""An installed extension was compiled for another torch: symbols that it needs are not in this one.

## What it means

torch's C++ interface changes with every release. An extension built for torch 2.3 asks for functions that 2.4 has
under another signature, and Python says "undefined symbol: _ZN3c10…" when it is imported.

## How envdoctor knows

It reads the undefined symbols of the installed extension and the symbols that the installed torch's libraries
export, and names those that are missing. Where the string ABI alone is the reason, cxx11-abi-mismatch speaks.

In a log, undefined symbols of torch's count, and libraries that only other releases of torch had.

## What to do

Install the build of the extension for this torch, or the torch that it was built for; else rebuild it from source:
`pip install --no-build-isolation --no-binary :all: --force-reinstall <package>`.

## When to ignore it

When the package checks torch's version itself and does without the extension.
"""

import re
from typing import Dict, Iterator, List

from envdoctor import symbols
from envdoctor.facts import CompiledModule, CompiledModules, Packages, Torch
from envdoctor.finding import Evidence, Finding, Fix, Severity
from envdoctor.log import BuildLog
from envdoctor.messages import unresolved

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


# Libraries that only older releases had: parts of torch_cuda, caffe2's, libtorch.so.1. Source: pytorch/pytorch's
# caffe2/CMakeLists.txt.
_GONE_LIBRARIES = r"(?:^|/)lib(?:torch_cuda_(?:cu|cpp)|caffe2\w*|torch\.so\.1|aten_\w+|ATen\w*)\b"
# Exported by every release: they are missing when torch is not loaded yet. torch-not-imported-first speaks.
_ALWAYS_THERE = r"THPVariableClass$|_ZT[ISV]N3c105ErrorE$|_ZTIN3c10\d+\w*ErrorE$"
# Source: xformers' _cpp_lib.py, torchvision's extension.py, flash-attn's and sgl-kernel's loaders, CPython's Windows
# loader of a module that misses a function.
_TOLD = (
    r"xFormers was built for: PyTorch (?P<built>\S+)[^\n]* \(you have (?P<here>[^)\n]+)\)",
    (
        r"(?:extension|module|wheel|package|kernels?|library) (?:was|were) (?:built|compiled) (?:for|with|against)"
        r" (?:PyTorch|torch)[ =]{1,2}(?P<built>\d[\w.+]*)[^\n]{0,80}(?:but|you have|found"
        r"|installed)[^\n]{0,60}?(?P<here>\d+\.\d[\w.+]*)"
    ),
)
_REFUSED = r"PyTorch version mismatch! DeepSpeed ops were compiled and installed with a different version"
_WINDOWS = r"DLL load failed while importing (?P<name>\w+): The specified procedure could not be found"


def explain(log: BuildLog) -> Iterator[Finding]:
    for symbol in unresolved.symbols(log):
        if symbol.of_torch:
            yield symbol.hit.finding(
                f"The extension asks torch for {symbol.name[:80]}, which the installed torch does not have.",
                "It was compiled for another torch, and importing it stops.",
                _CURE,
                confidence=_confidence(symbol),
            )
    for library in unresolved.libraries(log):
        if library.of_torch and re.search(_GONE_LIBRARIES, library.name):
            yield library.hit.finding(
                f"The extension needs {library.name}, which only older releases of torch have.",
                "It was compiled for an older torch, and importing it stops.",
                _CURE,
            )
    yield from _told(log)


def _confidence(symbol: unresolved.Symbol) -> str:
    if re.search(_ALWAYS_THERE, symbol.name) or symbol.by_torch_itself:
        return "low"
    return "medium" if symbol.misses_by_string else "high"


def _told(log: BuildLog) -> Iterator[Finding]:
    told = log.first(*_TOLD)
    if told:
        yield told.finding(
            f"The compiled part was built for torch {told['built']}, and {told['here']} is installed.",
            "It does not load.",
            _CURE,
            confidence="medium",
        )
    refused = log.first(_REFUSED)
    if refused:
        yield refused.finding(
            "The ops were compiled with another torch than this one.", "They are refused.", _CURE
        )
    procedure = log.first(_WINDOWS)
    if procedure:
        yield procedure.finding(
            f"{procedure['name']} calls a function that a DLL here does not have: it was compiled for another torch.",
            "Importing it stops.",
            _CURE,
            confidence="medium",
        )


_CURE = Fix(
    "Install the extension's build for this torch, or the torch that it was built for; else rebuild it:"
    " pip install --no-build-isolation --no-binary :all: --force-reinstall --no-deps <package>"
)
