"""Host compilers: those that variables name, and every gcc and clang on PATH, versioned and conda's names too."""

import posixpath
import re
from dataclasses import replace
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

from envdoctor import elf
from envdoctor.facts import Compiler, Compilers
from envdoctor.host import Host
from envdoctor.probes import _programs

#: Who names a compiler, strongest first for nvcc.
VARIABLES = (
    *("NVCC_APPEND_FLAGS", "NVCC_PREPEND_FLAGS", "CUDAFLAGS", "NVCC_CCBIN"),
    *("CUDAHOSTCXX", "CUDACXX", "CC", "CXX"),
)
#: Those in which a compiler is the value of nvcc's -ccbin among other words.
WITH_CCBIN = ("NVCC_APPEND_FLAGS", "NVCC_PREPEND_FLAGS", "CUDAFLAGS", "CUDACXX")
_NAME = re.compile(
    r"(?P<triplet>\w+-(?:\w+-)?linux(?:-\w+)?-)?(?P<plain>gcc|g\+\+|cc|c\+\+|clang|clang\+\+)(?P<number>-\d[\d.]*)?"
)
_PLAIN = ("g++", "gcc", "clang++", "clang", "c++", "cc")
_VERSION = re.compile(
    r"^(?P<vendor>.*?)\b(?P<kind>gcc|clang) version (?P<version>\d+(?:\.\d+)*)", re.MULTILINE
)
_TARGET = re.compile(r"^Target: (\S+)", re.MULTILINE)
_CHOSEN_GCC = re.compile(r"^Selected GCC installation: (\S+)", re.MULTILINE)
# Red Hat's newer gcc links a text file: INPUT ( /usr/lib64/libstdc++.so.6 -lstdc++_nonshared )
_INPUT = re.compile(r"^\s*(?:INPUT|GROUP)\s*\(\s*(/\S+)", re.MULTILINE)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
# A machine has a dozen; a folder full of links must not start hundreds of programs.
_MOST = 24


class Candidate(NamedTuple):
    """A compiler to be asked, and how it was reached; `names`: all under which PATH has it."""

    path: str
    via: str
    names: Tuple[str, ...] = ()


def probe(host: Host) -> Compilers:
    """Each compiler once, as the strongest name that reaches it; C++ drivers before C."""
    named = [Candidate(path, via) for via in VARIABLES for path in [named_by(host, via)] if path]
    found = _distinct(host, [*named, *_on_path(host)])
    asked = _programs.side_by_side(lambda candidate: _named(host, candidate), found[:_MOST])
    return Compilers(tuple(_native([compiler for compiler in asked if compiler])))


def _named(host: Host, candidate: Candidate) -> Optional[Compiler]:
    compiler = ask(host, candidate.path, candidate.via)
    if compiler is None:
        return None
    return replace(compiler, aliases=tuple(name for name in candidate.names if name != compiler.name))


def named_by(host: Host, variable: str) -> Optional[str]:
    """The compiler that a variable names, as an executable's path; None when it names none that is there."""
    words = _programs.words_of(host.env.get(variable, ""))
    name = ccbin(words) if variable in WITH_CCBIN else next(iter(_without_launchers(words)), None)
    return located(host, name) if name else None


def names_one(host: Host, value: str) -> Optional[bool]:
    """Whether the program that CC or CXX names is there; None when the value names none (empty, `ccache` alone)."""
    name = next(iter(_without_launchers(_programs.words_of(value))), None)
    # CMake and nvcc take a path with a space in it as it is.
    return bool(located(host, value) or located(host, name)) if name else None


def ccbin(words: List[str]) -> Optional[str]:
    """The value of nvcc's -ccbin among flags; the last one counts."""
    value = None
    for number, word in enumerate(words):
        option, equals, rest = word.partition("=")
        if option in ("-ccbin", "--compiler-bindir"):
            value = rest if equals else "".join(words[number + 1 : number + 2])
    return value or None


def located(host: Host, name: str) -> Optional[str]:
    """A compiler by name, path or folder (nvcc takes the g++ or gcc in a folder)."""
    if "/" in name and host.is_dir(posixpath.join(host.cwd, name)):
        inside = (posixpath.join(host.cwd, name, program) for program in ("gcc", "g++"))
        return next((path for path in inside if host.which(path)), None)
    return host.which(name)


def ask(host: Host, path: str, via: str) -> Optional[Compiler]:
    """The compiler as it describes itself; None, with a note, when it does not answer as one."""
    answer = host.run(path, "-v")
    text = answer.stderr + answer.stdout
    version = _VERSION.search(text)
    if not answer.ok or version is None:
        if answer.status is not None:  # what could not be run is noted by the host
            host.note(path, f"not a compiler that could be asked: {answer.complaint}"[:200])
        return None
    target = _TARGET.search(text)
    return Compiler(
        name=posixpath.basename(path),
        path=path,
        kind=version["kind"],
        version=version["version"],
        target=target[1] if target else None,
        owner=_programs.owner(host, path),
        cxx=_compiles_cxx(host, path, version["kind"], text),
        glibcxx=None,
        found_via=via,
    )


def glibcxx(host: Host, path: str) -> Optional[str]:
    """Newest GLIBCXX version of the libstdc++ that a compiler links; None when it names none that can be read."""
    answer = host.run(path, "-print-file-name=libstdc++.so")
    library = answer.stdout.strip() if answer.ok else ""
    head = _programs.beginning(host, library)
    script = _INPUT.search(head.decode("ascii", errors="replace"))
    library = host.realpath(script[1] if script else library)
    try:
        found = elf.parse(lambda offset, size: host.read_range(library, offset, size))
    except (OSError, ValueError):
        return None
    newest = elf.newest(found.version_definitions, "GLIBCXX")
    return newest.split("_", 1)[1] if newest else None


def _on_path(host: Host) -> Iterator[Candidate]:
    """Plain names first, then versioned, then with a target's name; each in PATH order."""
    ranked: Dict[Tuple[int, int, int, str], str] = {}
    for place, folder in enumerate(host.search_path()):
        for name in host.listdir(folder):
            found = _NAME.fullmatch(name)
            if found:
                rank = 2 if found["triplet"] else 1 if found["number"] else 0
                ranked[(rank, place, _PLAIN.index(found["plain"]), name)] = posixpath.join(folder, name)
    for key in sorted(ranked):
        if host.which(ranked[key]):
            yield Candidate(ranked[key], "PATH")


def _distinct(host: Host, candidates: List[Candidate]) -> List[Candidate]:
    """The first of those that lead to one file as the same kind of driver; links of ccache and pyenv lead elsewhere."""
    first: Dict[Tuple[str, bool], Candidate] = {}
    names: Dict[Tuple[str, bool], Dict[str, None]] = {}
    for candidate in candidates:
        real, name = host.realpath(candidate.path), posixpath.basename(candidate.path)
        if candidate.via == "PATH" and posixpath.basename(real) in _programs.COMPILER_CACHES:
            continue
        first.setdefault((real, "++" in name), candidate)
        if candidate.via == "PATH":
            names.setdefault((real, "++" in name), {})[name] = None
    return [candidate._replace(names=tuple(names.get(key, ()))) for key, candidate in first.items()]


def _native(compilers: List[Compiler]) -> List[Compiler]:
    """Without cross compilers: those for the processor of the first one under a plain name."""
    plain = next(
        (c.target for c in compilers if c.target and not c.name.startswith(c.target.split("-")[0])), None
    )
    processor = plain.split("-")[0] if plain else None
    return [c for c in compilers if not (processor and c.target) or c.target.split("-")[0] == processor]


def _without_launchers(words: List[str]) -> Iterator[str]:
    """The program and its flags: no `ccache` before it, no `env NAME=value`."""
    for word in words:
        name = posixpath.basename(word)
        if name not in _programs.COMPILER_CACHES and name != "env" and not _ASSIGNMENT.match(word):
            yield word


def _compiles_cxx(host: Host, path: str, kind: str, text: str) -> Optional[bool]:
    if kind == "gcc":
        answer = host.run(path, "-print-prog-name=cc1plus")
        # A bare name is gcc's way to say that it has none of its own.
        return host.is_file(answer.stdout.strip()) if answer.ok else None
    gcc = _CHOSEN_GCC.search(text)
    if gcc is None:
        return None
    folder = posixpath.normpath(gcc[1])  # .../lib/gcc/x86_64-linux-gnu/12
    return host.is_dir(posixpath.normpath(f"{folder}/../../../../include/c++/{posixpath.basename(folder)}"))
