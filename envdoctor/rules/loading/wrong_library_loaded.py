"""A library of another installation is loaded in place of the one that torch brings.

## What it means

torch's wheels find most of CUDA's libraries through their own run path, but not those that other wheels ask for in
turn: libcusparse asks for libnvJitLink, libcublas for libcublasLt, libcudnn opens its parts by name. For these
LD_LIBRARY_PATH (and for a part that the wheel lacks, the system's folders) come first. An older nvJitLink gives
"undefined symbol: __nvJitLinkComplete_12_4", another cuDNN "CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH".

## How envdoctor knows

It looks up these libraries as the loader does, and compares the copy that is taken with torch's own: older than
torch's for CUDA's libraries (newer ones of the same name serve), any other version for cuDNN.

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
