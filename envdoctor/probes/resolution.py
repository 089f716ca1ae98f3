"""Resolution replay: what each finder of a build would take."""

from typing import Iterator, Optional, Tuple

from envdoctor.facts import Answer, FindPackage, Nvccs, Project, Request, Resolution, Toolkits, Tools, Torch
from envdoctor.host import Host
from envdoctor.probes import _ask_cmake, _cuda_finders, _python_finders


def probe(
    host: Host,
    request: Request,
    toolkits: Optional[Toolkits],
    nvccs: Optional[Nvccs],
    project: Optional[Project],
    torch: Optional[Torch],
    tools: Optional[Tools],
) -> Resolution:
    """Computed by the rules of the finders' own text; with --deep the real cmake is asked for Python."""
    cuda = _cuda(host, toolkits, nvccs, project, torch) if toolkits else ()
    return Resolution((*cuda, *_python(host, request, project, tools)))


def _cuda(
    host: Host,
    toolkits: Toolkits,
    nvccs: Optional[Nvccs],
    project: Optional[Project],
    torch: Optional[Torch],
) -> Iterator[Answer]:
    finders = _cuda_finders.Finders(host, toolkits, nvccs, project, torch)
    # nvcc was asked for the root that it runs with; the others are replayed
    yield Answer("cuda", "shell", *finders.shell(), "asked")
    if torch is not None:
        yield Answer("cuda", "torch cpp_extension", *finders.cpp_extension(), "computed")
    yield Answer("cuda", "CMake CUDA language", *finders.cmake_language(), "computed")
    yield Answer("cuda", "FindCUDAToolkit", *finders.find_toolkit(), "computed")


def _python(
    host: Host, request: Request, project: Optional[Project], tools: Optional[Tools]
) -> Iterator[Answer]:
    path = host.which("python") or host.which("python3")
    yield Answer("python", "shell", path, "first on PATH" if path else "no python on PATH", "computed")
    cmake = _python_finders.modules(host, tools)
    program = tools.first("cmake") if tools else None
    found = tuple(_python_finders.candidates(host, cmake)) if cmake else ()
    for finder, package, new in _finders(project, cmake):
        if cmake is None or program is None:
            reason = "no cmake on PATH" if program is None else f"{program.path} could not be examined"
            yield Answer("python", finder, None, reason, "computed")
            continue
        if finder == "FindPythonInterp":
            take = _python_finders.find_python_interp(host, cmake, package)
        else:
            hint = f"{finder.partition(' ')[0][len('Find') :]}_ROOT_DIR"
            first = _python_finders.candidates(host, cmake, (hint,)) if host.env.get(hint) else found
            take = _python_finders.find_python(tuple(first), cmake, package, new)
        # Asking takes 0.1 to 0.5 s, seconds behind pyenv's shims: only for what this project looks for.
        wanted = request.deep and package is not None
        asked = _ask_cmake.ask(host, program.path, finder, package, new) if wanted else None
        yield Answer("python", finder, asked or take.path, take.reason, "asked" if asked else "computed")


def _finders(
    project: Optional[Project],
    cmake: Optional[_python_finders.Modules],
) -> Iterator[Tuple[str, Optional[FindPackage], bool]]:
    """(finder, what the project asks of it, whether CMP0094 is NEW); the second is the same under the old policy."""
    asks = project.cmake.package if project and project.cmake else (lambda name: None)
    new = cmake is not None and _python_finders.policy_is_new(project, cmake)
    yield "FindPython3", asks("Python3"), new
    yield "FindPython3 (CMP0094 OLD)", asks("Python3"), False
    yield "FindPython", asks("Python"), new
    yield "FindPythonInterp", asks("PythonInterp"), False
