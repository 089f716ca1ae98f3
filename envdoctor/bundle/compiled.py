"""What is known of machine code in a wheel: a wheel's tag is only a promise. Pure."""

import posixpath
from dataclasses import dataclass
from typing import FrozenSet, Optional, Tuple

from envdoctor import compat


@dataclass(frozen=True)
class Compiled:
    """A file of machine code."""

    member: str
    machine: str
    glibc: Optional[str]  # newest that it asks for: "2.34"
    #: The same of the machine's libstdc++ ("3.4.30", "1.3.13"); one that a wheel brings has another name.
    glibcxx: Optional[str]
    cxxabi: Optional[str]
    soname: Optional[str]
    needed: Tuple[str, ...]  # libraries
    rpath: Tuple[str, ...]
    #: "sm_90a", "compute_90"; None: there is GPU code, which cannot be read.
    gpu: Optional[Tuple[str, ...]]

    @property
    def names(self) -> FrozenSet[str]:
        """What others may ask for it by."""
        return frozenset({self.soname or "", posixpath.basename(self.member)} - {""})


@dataclass(frozen=True)
class Linked:
    """The same with its symbols, of those that are torch's or CUDA's alone."""

    file: Compiled
    undefined: FrozenSet[str]
    defined: FrozenSet[str]


def beyond(file: Compiled, glibc: Tuple[int, int]) -> Optional[str]:
    """What a file needs and machines with that glibc lack: "glibc 2.34"."""
    glibcxx, cxxabi = compat.libstdcxx(glibc)
    has = (("glibc", file.glibc, "{}.{}".format(*glibc)), ("GLIBCXX", file.glibcxx, glibcxx))
    for name, needs, there in (*has, ("CXXABI", file.cxxabi, cxxabi)):
        if compat.numbers(needs) > compat.numbers(there):
            return f"{name} {needs}"
    return None
