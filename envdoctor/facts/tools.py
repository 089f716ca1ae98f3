"""Build tools: every copy on PATH, which one wins, and the compilers in detail."""

from dataclasses import dataclass
from typing import Optional, Tuple


@dataclass(frozen=True)
class Program:
    """One copy of a program."""

    name: str  # "cmake"
    path: str
    real: str
    version: Optional[str]  # None: could not be determined (see `error`)
    #: "system" | "python" (console script or wheel) | "conda" | "pyenv" | "home" | "other"
    owner: str
    #: "binary" | "script" | "console-script" | "shim" (pyenv) | "link" | "compiler-cache"
    kind: str
    #: First of its name on PATH.
    wins: bool
    #: Why it does not work, in one line; None when it answered.
    error: Optional[str]
    found_via: str  # "PATH", "CXX", "pip package cmake", ...


@dataclass(frozen=True)
class Tools:
    """cmake, ninja, make, git, ld, ccache, sccache and the like, in PATH order."""

    programs: Tuple[Program, ...]

    def first(self, name: str) -> Optional[Program]:
        """The copy that a bare name runs, or None."""
        return next((p for p in self.programs if p.name == name and p.wins), None)

    def all(self, name: str) -> Tuple[Program, ...]:
        """Every copy, also those not on PATH (a wheel's binary)."""
        return tuple(p for p in self.programs if p.name == name)


@dataclass(frozen=True)
class Compiler:
    """A host compiler."""

    name: str  # as called: "g++", "clang++-16", "x86_64-conda-linux-gnu-c++"
    path: str
    kind: str  # "gcc" | "clang" | "other"
    version: str  # "12.2.0"
    target: Optional[str]  # "x86_64-linux-gnu"
    owner: str
    #: Whether it compiles C++ (has its cc1plus and headers); None when not tried.
    cxx: Optional[bool]
    #: GLIBCXX version of the libstdc++ that it links.
    glibcxx: Optional[str]
    found_via: str  # "CXX", "PATH", "NVCC_CCBIN", "CUDAHOSTCXX", ...
    #: Other names under which PATH has the same file: "g++-12", "c++".
    aliases: Tuple[str, ...] = ()

    @property
    def major(self) -> int:
        """12."""
        return int(self.version.split(".")[0])


@dataclass(frozen=True)
class Compilers:
    """All host compilers found (PATH, versioned names, CC/CXX/CUDAHOSTCXX), best known first."""

    items: Tuple[Compiler, ...]
