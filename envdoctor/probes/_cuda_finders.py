"""Which CUDA each finder of a build takes, by the rules of its own source text.

Read and replayed: `_find_cuda_home` of torch/utils/cpp_extension.py (one lookup from torch 1.13 to 2.15; it never looks
into NVIDIA's wheels), CMakeDetermineCUDACompiler, CMakeDetermineCompiler and FindCUDAToolkit of CMake 3.25 and 3.31.
"""

import posixpath
import re
from typing import Iterator, List, NamedTuple, Optional, Tuple

from envdoctor.facts import Nvccs, Project, Toolkit, Toolkits, Torch
from envdoctor.host import Host
from envdoctor.probes import _programs, _toolkit_layout, nvccs

#: CMake's prefixes beyond PATH (Modules/Platform/UnixPaths.cmake).
SYSTEM_PREFIXES = ("/usr/local", "/usr", "/")
_RELEASE = re.compile(r"\d\d?\.\d$")
_MAKEFILES = ("GNUmakefile", "makefile", "Makefile")


class Take(NamedTuple):
    """One finder's choice."""

    root: Optional[
        str
    ]  # real root of a known toolkit, else the folder as the finder names it; None: nothing found
    reason: str


class Finders:
    """The finders of one machine and project."""

    def __init__(
        self,
        host: Host,
        toolkits: Toolkits,
        on_path: Optional[Nvccs],
        project: Optional[Project],
        torch: Optional[Torch],
    ) -> None:
        self.host = host
        self.toolkits = toolkits
        self.on_path = on_path.items if on_path else ()
        self.project = project
        self.torch = torch

    def shell(self) -> Take:
        """What a bare `nvcc` runs."""
        first = next((item for item in self.on_path if item.wins), None)
        if first is None:
            return Take(None, "no nvcc on PATH")
        root = first.root or posixpath.dirname(posixpath.dirname(first.real))
        kind = {"link": ", a link without its profile", "wrapper": ", a wrapper"}.get(first.kind, "")
        return Take(root, f"first nvcc on PATH: {first.path}{kind}")

    def cpp_extension(self) -> Take:
        """torch's own lookup; a build of torch without CUDA does not look at all."""
        if self.torch and self.torch.cuda is None:
            return Take(None, "this torch is a build without CUDA: it looks for none")
        return self.by_variables()

    def by_variables(self) -> Take:
        """CUDA_HOME, CUDA_PATH, the folder above the first nvcc's, /usr/local/cuda: torch's lookup, often copied."""
        for name in ("CUDA_HOME", "CUDA_PATH"):
            if self.host.env.get(name):
                return Take(self._known(self.host.env[name]), name)
        nvcc = self.host.which("nvcc")
        if nvcc:
            return Take(
                self._known(posixpath.dirname(posixpath.dirname(nvcc))), f"first nvcc on PATH: {nvcc}"
            )
        if self.host.exists("/usr/local/cuda"):
            return Take(self._known("/usr/local/cuda"), "/usr/local/cuda")
        return Take(None, "no CUDA_HOME, no nvcc on PATH, no /usr/local/cuda")

    def cmake_language(self) -> Take:
        """CMake's CUDA language: CUDACXX, the folder of the C++ compiler, prefixes, PATH, CUDA_PATH last."""
        named = _programs.words_of(self.host.env.get("CUDACXX", ""))
        if named:
            nvcc = self.host.which(named[0])
            return (
                self._of_nvcc(nvcc, "CUDACXX")
                if nvcc
                else Take(None, f"CUDACXX names {named[0]}, which is not there")
            )
        places = program_places(self.host, "nvcc", prefixes_too=self._cuda_comes_later())
        for nvcc, reason in (*self._beside_compilers(), *places, *self._in_variable("CUDA_PATH")):
            return self._of_nvcc(nvcc, reason)
        return Take(None, "no nvcc on PATH or in CUDA_PATH")

    def find_toolkit(self) -> Take:
        """find_package(CUDAToolkit): what the CUDA language took, else its own search."""
        if self.project and self.project.cmake and _speaks_cuda(self.project):
            return self.cmake_language()
        for nvcc, reason in (
            *self._in_variable("CUDAToolkit_ROOT"),
            *program_places(self.host, "nvcc"),
            *self._in_variable("CUDA_PATH"),
            *self._in_usual_places(),
        ):
            return self._of_nvcc(nvcc, reason)
        return Take(None, "no nvcc in CUDAToolkit_ROOT, on PATH, in CUDA_PATH or /usr/local/cuda")

    def makefile(self) -> Take:
        """$(CUDA_HOME)/bin/nvcc where the Makefile says so (with its own default), else the first nvcc on PATH."""
        for name, default in _make_variables(self.host, self.project):
            value = self.host.env.get(name) or default
            if value:
                return Take(
                    self._known(value), name if self.host.env.get(name) else f"{name} of the Makefile"
                )
        return self.shell()

    def toolkit(self, take: Take) -> Optional[Toolkit]:
        """The toolkit behind a choice: that of the nvcc in it, also behind a wrapper or a link."""
        if take.root is None:
            return None
        root = _toolkit_layout.real_root(self.host, posixpath.join(self.host.cwd, take.root))
        return self.toolkits.get(take.root) or self.toolkits.get(root)

    def _known(self, folder: str) -> str:
        """The real root when it is a toolkit's, else the folder as it was named."""
        real = self.host.realpath(posixpath.join(self.host.cwd, folder))
        return real if self.toolkits.get(real) else folder

    def _of_nvcc(self, nvcc: str, reason: str) -> Take:
        """CMake asks nvcc for its root; one that names none counts by its folder."""
        kind, binary = nvccs.resolve(self.host, nvcc)
        root = nvccs.root_of(self.host, binary) if binary and kind != "link" else None
        return Take(root or self._known(posixpath.dirname(posixpath.dirname(nvcc))), f"{reason}: {nvcc}")

    def _beside_compilers(self) -> Iterator[Tuple[str, str]]:
        """Folders of the compilers of languages that are enabled before CUDA (CMakeDetermineCompiler.cmake)."""
        languages = (
            [found.text for found in self.project.cmake.languages]
            if self.project and self.project.cmake
            else []
        )
        before = languages[: languages.index("CUDA")] if "CUDA" in languages else languages
        for language, variable, names in (
            ("C", "CC", ("cc", "gcc")),
            ("CXX", "CXX", ("c++", "g++", "clang++")),
        ):
            if language in before:
                words = _programs.words_of(self.host.env.get(variable, ""))
                paths = [self.host.which(name) for name in (words[:1] or names)]
                folder = next((posixpath.dirname(path) for path in paths if path), None)
                nvcc = self.host.which(f"{folder}/nvcc") if folder else None
                if nvcc:
                    yield nvcc, f"beside the {language} compiler"

    def _cuda_comes_later(self) -> bool:
        """Whether CUDA is enabled by another call than an earlier language: CMake knows the platform's folders then."""
        languages = self.project.cmake.languages if self.project and self.project.cmake else ()
        cuda = next((item for item in languages if item.text == "CUDA"), None)
        return cuda is not None and any(
            item.place != cuda.place for item in languages[: languages.index(cuda)]
        )

    def _in_variable(self, name: str) -> Iterator[Tuple[str, str]]:
        value = self.host.env.get(name)
        nvcc = self.host.which(posixpath.join(self.host.cwd, value, "bin/nvcc")) if value else None
        if nvcc:
            yield nvcc, name

    def _in_usual_places(self) -> Iterator[Tuple[str, str]]:
        """/usr/local/cuda, then /usr/local/cuda-X.Y with the newest first."""
        dated = [path for path in self.host.glob("/usr/local", "cuda-*") if _RELEASE.search(path)]
        for folder in ("/usr/local/cuda", *sorted(dated, key=_release, reverse=True)):
            nvcc = self.host.which(f"{folder}/bin/nvcc")
            if nvcc:
                yield nvcc, folder


def program_places(host: Host, name: str, prefixes_too: bool = True) -> Iterator[Tuple[str, str]]:
    """(path, reason) of a program in the order of CMake's find_program; prefixes once CMake knows the platform."""
    prefixes = [entry for entry in host.env.get("CMAKE_PREFIX_PATH", "").split(":") if entry]
    places: List[Tuple[str, str]] = [
        (f"{prefix}/{part}", "CMAKE_PREFIX_PATH") for prefix in prefixes for part in ("bin", "sbin")
    ]
    places += [
        (entry, "CMAKE_PROGRAM_PATH") for entry in host.env.get("CMAKE_PROGRAM_PATH", "").split(":") if entry
    ]
    places += [(folder, "first on PATH") for folder in host.search_path()]
    places += [
        (posixpath.join(prefix, part), "a system folder")
        for prefix in (SYSTEM_PREFIXES if prefixes_too else ())
        for part in ("bin", "sbin")
    ]
    for folder, reason in places:
        path = host.which(posixpath.join(host.cwd, folder, name))
        if path:
            yield path, reason


def _speaks_cuda(project: Project) -> bool:
    return project.cmake is not None and any(language.text == "CUDA" for language in project.cmake.languages)


def _make_variables(host: Host, project: Optional[Project]) -> Iterator[Tuple[str, Optional[str]]]:
    """Variables that a Makefile takes nvcc from, with the Makefile's own default."""
    if project is None or "make" not in project.builds:
        return
    paths = (posixpath.join(project.root, name) for name in _MAKEFILES)
    text = next((found for found in map(host.try_text, paths) if found), "")
    for used in dict.fromkeys(re.findall(r"\$[({](\w*CUDA\w*)[)}]/bin/nvcc", text)):
        default = re.search(rf"^\s*{used}\s*[?:]?=\s*(/[^\s$]*)\s*$", text, re.MULTILINE)
        yield used, default[1] if default else None


def _release(path: str) -> Tuple[int, ...]:
    return tuple(int(part) for part in path.rpartition("-")[2].split("."))
