"""The host compiler that nvcc would use for a build here."""

import posixpath
from dataclasses import replace
from typing import Iterator, List, Optional, Tuple

from envdoctor.facts import Compiler, Compilers, Project, Toolkit
from envdoctor.host import Host
from envdoctor.probes import _programs, _toolkit_parts, nvccs
from envdoctor.probes.compilers import ask, glibcxx, located, named_by


def probe(
    host: Host,
    compilers: Optional[Compilers],
    project: Optional[Project],
    toolkit: Optional[Toolkit],
) -> Optional[Compiler]:
    """The first that speaks, in nvcc's own order; None when nothing is there.

    -ccbin in NVCC_APPEND_FLAGS or NVCC_PREPEND_FLAGS; what the project's builder passes as -ccbin (CMake: CUDAHOSTCXX
    and -ccbin in CUDAFLAGS, while CUDACXX's own flags reach no compile; torch's cpp_extension: CC); NVCC_CCBIN, which
    11.8 and 12.4 do not know; the gcc in the folder that nvcc.profile names; the gcc in nvcc's own folder (Debian and
    Arch put an accepted one there, and nvcc looks there first); the first gcc on PATH. CMake does not hand CXX on.
    """
    for path, via in _choices(host, project, toolkit):
        chosen = _known(host, compilers, path) or ask(host, _behind_cache(host, path), via)
        if chosen:
            return replace(chosen, glibcxx=glibcxx(host, chosen.path), found_via=via)
        return None  # nvcc takes this one and fails; the next would be a guess
    return None


def _choices(host: Host, project: Optional[Project], toolkit: Optional[Toolkit]) -> Iterator[Tuple[str, str]]:
    for variable in _variables(project):
        path = named_by(host, variable)
        if path and not (variable == "NVCC_CCBIN" and _ignores_ccbin(host, toolkit)):
            yield path, variable
    if toolkit and toolkit.nvcc:
        folder = nvccs.compiler_folder(host, toolkit.nvcc)
        named = located(host, folder) if folder else None
        if named:
            yield named, "nvcc.profile"
        beside = posixpath.join(posixpath.dirname(toolkit.nvcc), "gcc")
        if host.which(beside):
            yield beside, "beside nvcc"
    path = host.which("gcc")
    if path:
        yield path, "PATH"


def _variables(project: Optional[Project]) -> List[str]:
    builder = []
    if project and project.wants_cuda:
        by_setup = bool(project.setup and project.setup.extensions) or project.cmake is None
        by_cmake = ["CUDAFLAGS", "CUDAHOSTCXX"] if project.cmake else []
        builder = ["CC"] if by_setup and project.wants_torch else by_cmake
    return ["NVCC_APPEND_FLAGS", "NVCC_PREPEND_FLAGS", *builder, "NVCC_CCBIN"]


def _ignores_ccbin(host: Host, toolkit: Optional[Toolkit]) -> bool:
    nvcc = toolkit.nvcc if toolkit else None
    return nvcc is not None and not _toolkit_parts.reads_variable(host, nvcc, "NVCC_CCBIN")


def _known(host: Host, compilers: Optional[Compilers], path: str) -> Optional[Compiler]:
    """The compiler as `compilers` has it, by file; as C++ driver when both lead to one installation."""
    real = host.realpath(path)
    items = compilers.items if compilers else ()
    return next((compiler for compiler in items if host.realpath(compiler.path) == real), None)


def _behind_cache(host: Host, path: str) -> str:
    """The compiler that a masquerading ccache link runs: the next of its name on PATH."""
    if _programs.kind(host, path) != "compiler-cache":
        return path
    name = posixpath.basename(path)
    return next(
        (other for other in _programs.copies(host, name) if _programs.kind(host, other) != "compiler-cache"),
        path,
    )
