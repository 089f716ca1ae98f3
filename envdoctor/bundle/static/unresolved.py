"""Whether torch's and CUDA's libraries in the bundle define what files want of them."""

from typing import Dict, FrozenSet, Optional

from envdoctor import symbols
from envdoctor.bundle.compiled import Linked
from envdoctor.bundle.static.libraries import provided
from envdoctor.bundle.static.subject import Outcome, Subject, looked, stem

_SHOWN = 3


def check(subject: Subject) -> Outcome:
    """Symbol by symbol; those of libraries that the bundle does not bring are not judged."""
    defined = frozenset(name for wheel in subject.wheels for each in wheel.compiled for name in each.defined)
    brought = frozenset(map(stem, provided(subject)))
    wanted: Dict[str, FrozenSet[str]] = {
        each.file.member: _wanted(each, brought) for _, each in subject.files
    }

    def missing(each: Linked) -> Optional[str]:
        lacks = sorted(wanted[each.file.member] - defined)
        more = f" and {len(lacks) - _SHOWN} more" if len(lacks) > _SHOWN else ""
        return f"wants {' '.join(lacks[:_SHOWN])}{more}" if lacks else None

    findings = looked(
        subject,
        missing,
        "It does not load: undefined symbol. It was built for another torch or CUDA.",
        f"take a release that was built for {_releases(subject)}, or build it with that (--source)",
    )
    every = frozenset(name for names in wanted.values() for name in names)
    return Outcome(f"{len(every)} that files want of torch and CUDA are defined" if every else "", findings)


def _wanted(each: Linked, brought: FrozenSet[str]) -> FrozenSet[str]:
    """Of torch where it is there, and of the libraries of CUDA that the file names and a wheel brings."""
    named = frozenset(map(stem, each.file.needed)) & brought
    torch = "torch_cpu" in brought
    return frozenset(
        name
        for name in each.undefined
        if (torch and symbols.is_of_torch(name)) or symbols.cuda_library(name) in named
    )


def _releases(subject: Subject) -> str:
    torch = subject.wheel("torch")
    return f"torch {torch.version}" if torch else "these libraries"
