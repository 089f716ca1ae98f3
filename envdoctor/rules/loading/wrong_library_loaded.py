"""A library of another installation is loaded in place of the one that torch brings.

## What it means

torch's wheels find most of CUDA's libraries through their own run path, but not those that other wheels ask for in
turn: libcusparse asks for libnvJitLink, libcublas for libcublasLt, libcudnn opens its parts by name. For these
LD_LIBRARY_PATH (and for a part that the wheel lacks, the system's folders) come first. An older nvJitLink gives
"undefined symbol: __nvJitLinkComplete_12_4", another cuDNN "CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH".

## How envdoctor knows

It looks up these libraries as the loader does, and compares the copy that is taken with torch's own: older than
torch's for CUDA's libraries (newer ones of the same name serve), any other version for cuDNN.

In a log, cuDNN's, torch's and TensorFlow's words of a version count that is not the one they were compiled with,
and the loader's of a version that a library lacks.

## What to do

The cure that `envdoctor check` prints puts the folder of torch's copies first on LD_LIBRARY_PATH. For good,
take the other folder out of LD_LIBRARY_PATH: torch's wheels need none.

## When to ignore it

When the program does not use torch.
"""

import posixpath
from typing import Iterator, Optional, Tuple

from envdoctor import compat, libraries
from envdoctor.facts import Copy, Loader, Torch
from envdoctor.finding import Evidence, Finding, Fix, SetEnv, Severity
from envdoctor.log import BuildLog
from envdoctor.messages import unresolved

SEVERITY = Severity.ERROR

OWN = ("torch", "wheel")


def check(loader: Loader, torch: Torch) -> Iterator[Finding]:
    for entry in loader.libraries:
        taken = entry.taken
        if taken is None or taken.stub or taken.via in OWN or not taken.version:
            continue
        own = next((copy for copy in entry.others if copy.via in OWN and copy.version), None)
        stem, number = libraries.soname(entry.soname)
        # A part that the wheel lacks is taken from wherever there is one; the others only LD_LIBRARY_PATH replaces.
        rival = own if taken.via == "LD_LIBRARY_PATH" else None
        if stem.startswith("cudnn"):
            rival = rival or (_own_cudnn(loader, number) if own is None else None)
            wrong = rival is not None and _release(taken) != _release(rival)
        else:
            wrong = rival is not None and stem in compat.INDIRECT_LIBRARIES and _older(taken, rival)
        if wrong and rival is not None:
            yield _finding(entry.soname, taken, rival, torch)


def _own_cudnn(loader: Loader, number: str) -> Optional[Copy]:
    """torch's libcudnn.so of that number itself, whichever copy of it the loader would take by name."""
    for entry in loader.libraries:
        if entry.soname == f"libcudnn.so.{number}":
            copies = (copy for copy in (entry.taken, *entry.others) if copy is not None)
            return next((copy for copy in copies if copy.via in OWN and copy.version), None)
    return None


def _older(taken: Copy, own: Copy) -> bool:
    return compat.numbers(taken.version) < compat.numbers(own.version)


def _release(copy: Copy) -> Tuple[int, ...]:
    """cuDNN's parts must agree in the first three numbers; the fourth is the build's."""
    return compat.numbers(copy.version)[:3]


def _finding(soname: str, taken: Copy, own: Copy, torch: Torch) -> Finding:
    folder = posixpath.dirname(own.path)
    return Finding(
        message=f"{soname} {taken.version} from {taken.via} is loaded; torch {torch.version} brings {own.version}.",
        consequence="Importing torch or its first GPU operation fails: undefined symbol, or versions do not match.",
        evidence=(
            Evidence(taken.path, f"{taken.version}, via {taken.via}"),
            Evidence(own.path, f"{own.version}, torch's own"),
        ),
        fix=Fix("Put torch's own copies first", (SetEnv("LD_LIBRARY_PATH", folder, "prepend"),)),
    )


# Source: cuDNN's own status, torch's cudnn/__init__.py, TensorFlow's cuda_dnn.cc, glibc's dl-version.c.
_VERSIONS = (
    r"CUDNN_STATUS_(?:SUBLIBRARY_)?VERSION_MISMATCH",
    (
        r"cuDNN version incompatibility: PyTorch was compiled against \(?(?P<wanted>[\d, .]+?)\)?"
        r" but (?:found|linked against)"
    ),
    (
        r"Loaded (?:runtime|cuDNN library:?) (?:CuDNN library: )?(?P<here>[\d.]+)"
        r" but source was compiled with:? (?P<wanted>[\d.]+)"
    ),
    r"version '(?!GLIBC|CXXABI|GCC_)(?P<wanted>[A-Za-z][\w.+-]+)' not found \(required by",
    r"NCCL version mismatch|nccl: .*version mismatch",
    r"\.so[\w.]{0,40}: wrong ELF class: ELFCLASS\d+",
    r"procedure entry point \S+ could not be located in the dynamic link library",
)
_WEAKER = (
    r"OMP: Error #15: Initializing \S+, but found \S+ already initialized",
    r"\[WinError 127\][^\n]*Error loading \"[^\"\n]*\"",
    r"cannot allocate memory in static TLS block",
    r"is not a valid Win32 application|mach-o file, but is an incompatible architecture",
)
# Patterns, what is so, what follows, and how sure that is.
_SIGNS = (
    (
        _VERSIONS,
        "The library that is loaded is of another release than the one that is meant.",
        "What uses it stops.",
        "high",
    ),
    (
        _WEAKER,
        "Two copies of a library, or one of another build, meet in this process.",
        "It stops, or the second copy does not load.",
        "medium",
    ),
)
_COPIES = r"(?<!\S)[^\s=]{1,200}\.so[\w.]* => /usr/local/lib/\S+"
_CLASH = r"Segmentation fault|core dumped|[Cc]lash"
_SEARCHED = r"search path=[^\n]*\(LD_LIBRARY_PATH\)"


def explain(log: BuildLog) -> Iterator[Finding]:
    yield from _missing_symbols(log)
    for patterns, message, consequence, confidence in _SIGNS:
        hit = log.first(*patterns)
        if hit:
            yield hit.finding(message, consequence, _FIX, confidence)
    clash = log.first(_COPIES) if log.has(_CLASH) else log.first(_SEARCHED)
    if clash:
        yield clash.finding(
            "LD_LIBRARY_PATH or /usr/local/lib gives libraries of another installation.",
            "The program runs with libraries that it was not built with.",
            _FIX,
            confidence="medium" if log.has(r"LD_LIBRARY_PATH") else "low",
        )


def _missing_symbols(log: BuildLog) -> Iterator[Finding]:
    for symbol in unresolved.symbols(log):
        confidence = _confidence(symbol)
        if confidence:
            yield symbol.hit.finding(
                f"{symbol.name[:80]} is missing in the copy of {symbol.version or 'a library'} that the loader takes.",
                "A library of another installation or release stands in for the one that is meant.",
                _FIX,
                confidence=confidence,
            )


def _confidence(symbol: unresolved.Symbol) -> str:
    """Empty where it is no sign."""
    if unresolved.NOT_ITS_OWN.match(symbol.name) or symbol.version.startswith(
        ("GLIBC_2", "GLIBCXX", "CXXABI")
    ):
        return ""
    file = posixpath.basename(symbol.object)
    if symbol.by_torch_itself:
        return "high"  # two releases of torch, or of what it loads
    if symbol.of_torch:
        return ""
    if symbol.version or unresolved.CUDA_FAMILY.match(file) or symbol.name.startswith("__nvJitLink"):
        return "high"
    if symbol.importable:
        return ""  # its own function: library-not-linked
    return "medium" if file else "low"


_FIX = Fix(
    "Take the other installation's folder out of LD_LIBRARY_PATH (torch's wheels need none), or put the right one"
    " first; LD_DEBUG=libs <command> 2>&1 | grep 'calling init', or ldd on the file that is named, shows which copies"
    " are loaded"
)
