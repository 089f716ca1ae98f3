"""An installed extension was compiled with the other string ABI than torch.

## What it means

g++ has two layouts of `std::string`, and a library uses one of them (`_GLIBCXX_USE_CXX11_ABI`). torch's wheels from
PyPI used the old one up to 2.6 and use the new one since; conda-forge's and NVIDIA's builds use the new one. An
extension of the other kind asks for symbols that torch has only in its own spelling, and import says "undefined
symbol".

## How envdoctor knows

Symbols that the extension needs and torch does not export carry the other ABI's spelling of std::string than the
one that torch was built with.

## What to do

Install the extension's wheel for this ABI (`cxx11abiTRUE` or `cxx11abiFALSE` in its file name), or rebuild it
against this torch: torch's own extension builder passes the right macro.

## When to ignore it

When the package does without the extension.
"""

from typing import Iterator

from envdoctor import symbols
from envdoctor.facts import CompiledModules, Torch
from envdoctor.finding import Evidence, Finding, Fix, Severity

SEVERITY = Severity.ERROR


def check(modules: CompiledModules, torch: Torch) -> Iterator[Finding]:
    seen = set()
    for module in modules.items:
        name = module.package or module.path
        symbol = symbols.uses_other_string_abi(module.missing_torch_symbols, torch.cxx11_abi)
        if symbol is None or name in seen:
            continue
        seen.add(name)
        has, other = ("new", "old") if torch.cxx11_abi else ("old", "new")
        flag = "TRUE" if torch.cxx11_abi else "FALSE"
        yield Finding(
            message=f"{name} uses the {other} string ABI, torch {torch.version} the {has} one.",
            consequence="Importing it stops with an undefined symbol.",
            evidence=(
                Evidence(module.path, f"needs {symbol}"),
                Evidence(
                    torch.found_via,
                    f"torch was built with _GLIBCXX_USE_CXX11_ABI={int(bool(torch.cxx11_abi))}",
                ),
            ),
            fix=Fix(
                f"Install the wheel of {name} that says cxx11abi{flag}, or rebuild it against this torch"
            ),
        )
