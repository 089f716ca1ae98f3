"""What a project asks for, read statically from its files and never executed."""

from dataclasses import dataclass
from typing import Optional, Tuple

from envdoctor.facts.base import Located


@dataclass(frozen=True)
class Extension:
    """An extension that setup.py declares; a part of a string that is not known stands in it as {name}."""

    name: str
    kind: str  # "CUDAExtension" | "CppExtension" | "Extension"
    sources: Tuple[str, ...]
    libraries: Tuple[str, ...]
    #: Relative where they lie below the root.
    include_dirs: Tuple[str, ...]
    #: Compile and link flags, flattened; define_macros as -D.
    flags: Tuple[str, ...]
    file: str
    line: int


@dataclass(frozen=True)
class SetupScript:
    """setup.py read as syntax, as far as what it would do here can be told; variables decide as they are set here.

    Both ways of a condition that cannot be decided are read.
    """

    file: str
    #: Top-level modules that it imports when it runs, with line ("torch", "pkg_resources", ...); those whose failure it
    #: survives are left out.
    imports: Tuple[Located, ...]
    #: Calls of interest: questions to the GPU that are not behind a test for one ("torch.cuda.get_device_capability"),
    #: downloads ("urllib.request.urlopen"), programs with their name when it is known ("subprocess.check_output nvcc").
    calls: Tuple[Located, ...]
    extensions: Tuple[Extension, ...]
    #: Requirements of install_requires / setup_requires.
    requirements: Tuple[Located, ...]
    #: Environment variables that it reads ("BUILD_CUDA_EXT", "CUDA_HOME").
    variables: Tuple[Located, ...]
    #: Why it could not be parsed (Python 2, template), None when it could.
    error: Optional[str]
    #: CUDA extensions that it would declare only where a GPU is visible, and none is: they are not in `extensions`.
    gpu_only: Tuple[Located, ...] = ()
    #: The line that ends it where no GPU is visible (`raise` behind `not torch.cuda.is_available()`), when none is.
    stops_without_gpu: Optional[Located] = None


@dataclass(frozen=True)
class FindPackage:
    """One find_package call; pkg_check_modules gives one named "pkg-config NAME" for each module."""

    name: str
    version: Optional[str]
    components: Tuple[str, ...]
    #: REQUIRED, and not behind a condition that cannot be decided.
    required: bool
    file: str
    line: int


@dataclass(frozen=True)
class CMakeProject:
    """What the root CMakeLists.txt and the files that it adds ask for.

    Where there is none, the folder that a shell script of the root configures counts as root. Options and the caller's
    definitions (CMAKE_ARGS, tool.scikit-build.cmake.define) decide conditions. What stands behind a condition that
    cannot be decided, or depends on one, is left out of minimums, languages, standards, architectures and libraries;
    so is what vendored files set for themselves, except for minimums, languages and packages.
    """

    #: Root first: "3.18" with the file that says it; sub-projects follow.
    minimums: Tuple[Located, ...]
    languages: Tuple[Located, ...]  # "CXX", "CUDA"
    packages: Tuple[FindPackage, ...]
    standards: Tuple[Located, ...]  # "CXX 14", "CUDA 17"
    #: CMAKE_CUDA_ARCHITECTURES and target properties as written ("80;86", "native"); one that is not known, or not
    #: certain, stands as "${CMAKE_CUDA_ARCHITECTURES}".
    architectures: Tuple[Located, ...]
    libraries: Tuple[Located, ...]  # names given to target_link_libraries
    subdirectories: Tuple[Located, ...]  # add_subdirectory arguments
    include_dirs: Tuple[str, ...]
    #: Whether an unconditional or guarded FetchContent / ExternalProject download is there.
    downloads: Tuple[Located, ...]
    #: The file that reads ${CMAKE_CUDA_ARCHITECTURES_ALL} or ..._ALL_MAJOR, CMake's own lists for a toolkit.
    cmake_lists: Optional[Located] = None

    @property
    def minimum(self) -> Optional[Located]:
        """The root's cmake_minimum_required."""
        return self.minimums[0] if self.minimums else None

    def package(self, name: str) -> Optional[FindPackage]:
        """The first find_package of that name."""
        return next((p for p in self.packages if p.name == name), None)


@dataclass(frozen=True)
class Submodule:
    """One entry of .gitmodules."""

    path: str
    url: str
    state: str  # "present" | "empty" | "absent"
    line: int


@dataclass(frozen=True)
class Header:
    """An include of the sources that resolves nowhere on the search path."""

    name: str  # "cutlass/core_io.h"
    included_from: Located  # the include line
    #: Where the file does exist below the project, relative: ("third_party/cutlass/include",) = roots to add.
    roots: Tuple[str, ...]


@dataclass(frozen=True)
class BuildFolder:
    """An earlier build's folder with a CMakeCache.txt or compiled left-overs."""

    path: str
    #: "NAME=value" of CMAKE_HOME_DIRECTORY, CMAKE_COMMAND, CMAKE_MAKE_PROGRAM, CMAKE_*_COMPILER and
    #: (_)Python*_EXECUTABLE.
    entries: Tuple[Located, ...]
    #: Those of them whose file or folder does not exist any more.
    missing: Tuple[Located, ...] = ()


@dataclass(frozen=True)
class Project:
    """One project folder."""

    root: str
    name: Optional[str]
    #: What builds it: "pyproject", "setup.py", "cmake", "make", in the order of use; empty: nothing to build. CMake and
    #: make are left out beside a Python build that compiles extensions and calls neither.
    builds: Tuple[str, ...]
    build_backend: Optional[Located]
    build_requires: Tuple[Located, ...]
    #: Whether pyproject.toml has a [build-system] table (pip then isolates the build).
    build_system: bool
    requires_python: Optional[Located]
    #: Run-time requirements: pyproject dependencies, install_requires, requirements.txt with its options ("-f wheels").
    requirements: Tuple[Located, ...]
    setup: Optional[SetupScript]
    #: None also where a Python build beside it makes no use of it.
    cmake: Optional[CMakeProject]
    #: Library names asked of the linker anywhere (setup.py, CMake, Makefile): "cublas_static", "cudart", ...
    link_names: Tuple[Located, ...]
    #: GPU architectures asked for anywhere, for certain, normalised to "80", "90a", "native", "all-major", ...
    architectures: Tuple[Located, ...]
    #: C++ standards asked for anywhere, at every place: "14", "17", ...
    cxx_standards: Tuple[Located, ...]
    #: CUDA sources that are compiled, relative; those of the root where nothing says how and there is no Python.
    cuda_sources: Tuple[str, ...]
    #: Headers of the toolkit, torch, Python, pybind11, CUTLASS, cuDNN and NCCL that the sources include for certain,
    #: found or not ("cusparse.h", "torch/extension.h", "cutlass/..."), first place each.
    includes: Tuple[Located, ...]
    #: Those of the toolkit and of torch are here only when there is a toolkit or torch at all; Python's never are.
    unresolved_headers: Tuple[Header, ...]
    #: Identifiers in the sources that need an architecture or an older torch ("__dp4a", "ldmatrix", "AT_CHECK",
    #: "THC/THC.h") and stand behind no condition of the preprocessor.
    features: Tuple[Located, ...]
    submodules: Tuple[Submodule, ...]
    lfs_pointers: Tuple[str, ...]
    build_folders: Tuple[BuildFolder, ...]
    #: Python packages of the root that the build puts a compiled module into and that hold none: ("torch_int",).
    packages: Tuple[str, ...]
    #: Notes on what could not be read.
    unread: Tuple[str, ...]
    #: Releases of header libraries that the sources include, as their own headers say: "cutlass 4.2.0" at its
    #: version.h.
    header_versions: Tuple[Located, ...] = ()
    #: Headers of system libraries that a required find_package looks for and that lie in no folder that it searches:
    #: "curl/curl.h" at the line of find_package(CURL).
    packages_without_header: Tuple[Located, ...] = ()
    #: What a build backend that lies in the project (backend-path) imports when it is loaded.
    backend_imports: Tuple[Located, ...] = ()
    #: "CUDA_HOME=/usr/local/cuda-11.6" where the Makefile sets what it takes $(CUDA_HOME)/bin/nvcc from, and no nvcc
    #: is there.
    makefile_toolkits_gone: Tuple[Located, ...] = ()
    #: Options that nvcc itself is given for certain by setup.py, a Makefile or a script, without dashes: "std=c++20",
    #: and those of `compat.NVCC_FLAG_SINCE`.
    nvcc_options: Tuple[Located, ...] = ()
    #: Recipes of the Makefile in which nvcc links: nvcc as it is called ("nvcc", "/opt/cuda/bin/nvcc", "$(NVCC)").
    #: Those that name a folder with the run time's archives are left out.
    nvcc_links: Tuple[Located, ...] = ()
    #: Include folders that the Makefile or a script names, as written.
    make_include_dirs: Tuple[str, ...] = ()
    #: "2.41" at the features.h of a glibc that is not the system's and whose headers a compile finds first: a folder of
    #: the project's flags, of CPATH or of a flags variable has them.
    glibc_headers: Optional[Located] = None

    @property
    def wants_cuda(self) -> bool:
        """Whether building it needs nvcc, as far as its files say."""
        languages = self.cmake.languages if self.cmake else ()
        extensions = self.setup.extensions if self.setup else ()
        return (
            any(language.text == "CUDA" for language in languages)
            or any(extension.kind == "CUDAExtension" for extension in extensions)
            or bool(self.cuda_sources)
        )

    @property
    def is_built(self) -> bool:
        """Whether something is built here, if only by hand, or has to be fetched first."""
        unfetched = any(submodule.state != "present" for submodule in self.submodules)
        return bool(self.builds or self.cuda_sources or unfetched)

    @property
    def wants_torch(self) -> bool:
        """Whether building it needs torch (imported by setup.py, found by CMake, required to build)."""
        imports = self.setup.imports if self.setup else ()
        return (
            any(name.text == "torch" for name in imports)
            or bool(self.cmake and self.cmake.package("Torch"))
            or any(requirement.text.split()[0].startswith("torch") for requirement in self.build_requires)
        )
