"""An installed extension was compiled with the other string ABI than torch.

## What it means

g++ has two layouts of `std::string`, and a library uses one of them (`_GLIBCXX_USE_CXX11_ABI`). torch's wheels from
PyPI used the old one up to 2.6 and use the new one since; conda-forge's and NVIDIA's builds use the new one. An
extension of the other kind asks for symbols that torch has only in its own spelling, and import says "undefined
symbol".

## How envdoctor knows

Symbols that the extension needs and torch does not export carry the other ABI's spelling of std::string than the
one that torch was built with.

In a log, undefined symbols count that are torch's and are spelt with the other std::string.

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
from envdoctor.log import BuildLog
from envdoctor.messages import unresolved

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


# A wheel's name, a build's option, or torch's own answer.
_NAMED = (r"cxx11abi(?:TRUE|FALSE)", r"_GLIBCXX_USE_CXX11_ABI\s?[=:]", r"compiled_with_cxx11_abi")

# Source: GNU ld and lld, of demangled names.
_AT_LINK = (
    (
        r"undefined reference to '[^'\n]{0,200}\b(?:c10|at|torch|caffe2)::[^'\n]{0,400}"
        r"(?P<name>std::__cxx11::|std::string|std::basic_string<char)"
    ),
    r"undefined symbol: [^\n]{0,100}\b(?:c10|at|torch|caffe2)::[^\n]{0,400}(?P<name>std::__cxx11::)[^\n]*\n>>>",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    for symbol in unresolved.symbols(log):
        if symbol.of_torch and symbol.string_abi:
            decided = symbol.misses_by_string or log.has(*_NAMED)
            yield symbol.hit.finding(
                f"The extension asks torch for {symbol.name[:80]}, spelt with the {symbol.string_abi} std::string.",
                "torch here has it only in the other spelling, so that the import stops.",
                _cure(symbol.string_abi == "new"),
                confidence="high" if decided else "medium",
            )
            return
    hit = log.first(*_AT_LINK)
    if hit:
        new = hit["name"] == "std::__cxx11::"
        yield hit.finding(
            f"This is compiled with the {'new' if new else 'old'} std::string, and torch here with the other one.",
            "The linker finds no function of torch that takes a string.",
            _cure(new),
        )


def _cure(new: bool) -> Fix:
    """For code that uses the new string ABI, or the old one."""
    wheel, other = ("FALSE", 0) if new else ("TRUE", 1)
    return Fix(
        "Rebuild it against this torch (pip install --no-build-isolation --no-binary :all:), or install its wheel with"
        f" cxx11abi{wheel} in the name; builds of your own: -D_GLIBCXX_USE_CXX11_ABI={other}. python -c 'import torch;"
        " print(torch.compiled_with_cxx11_abi())' tells torch's own"
    )
