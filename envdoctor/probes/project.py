"""The project folder: what its build files and sources ask for, read and never executed."""

import posixpath
import re
from typing import Dict, FrozenSet, Iterator, List, Optional, Sequence, Tuple

from envdoctor import compat
from envdoctor.facts import Driver, Extension, Located, Project, Python, Request, Toolkit, Toolkits, Torch
from envdoctor.host import Host
from envdoctor.probes._project import (
    checkout,
    cmake_files,
    flags,
    headers,
    known_torch,
    makefiles,
    metadata,
    preprocessor,
    setup_script,
    sources,
)
from envdoctor.probes._project.tree import Tree

_MARKS = re.compile(
    r"pyproject\.toml|setup\.(?:py|cfg)|CMakeLists\.txt|(?:GNUm|M|m)akefile|requirements?([-_.]\w+)*\.txt|environment\.ya?ml"
    r"|\.gitmodules|.*\.(?:cu|cuh|cpp|cc|cxx)"
)
_CHECKOUT = frozenset((".git", ".gitmodules", ".gitattributes"))
#: Backends that call neither CMake nor make.
_OTHER_BACKENDS = frozenset("hatchling flit_core flit poetry pdm maturin mesonpy uv_build enscons".split())
_CMAKE_BACKENDS = ("scikit_build_core", "skbuild", "cmeel", "py_build_cmake")


def probe(
    host: Host,
    request: Request,
    python: Optional[Python],
    toolkits: Optional[Toolkits],
    torch: Optional[Torch],
    driver: Optional[Driver],
) -> Optional[Project]:
    """The folder that the request names; None when there is nothing of a project in it."""
    if request.project is None:
        return None
    tree = Tree(host, host.realpath(posixpath.join(host.cwd, request.project)))
    if not any(_MARKS.fullmatch(name) for name in tree.names(".")):
        return None
    seen = known_torch.of(torch, driver, elsewhere=request.role == "ci")
    return _Reading(tree, python, toolkits, seen, bool(request.cuda or request.architectures)).project()


class _Reading:
    """One project as its files are read, each kind once."""

    def __init__(
        self,
        tree: Tree,
        python: Optional[Python],
        toolkits: Optional[Toolkits],
        torch: known_torch.KnownTorch,
        cuda_stated: bool,
    ) -> None:
        self.cuda_stated = cuda_stated
        self.tree = tree
        self.python = python
        self.toolkits = toolkits
        self.pyproject = metadata.pyproject(tree)
        self.config = metadata.setup_cfg(tree)
        self.setup = setup_script.read(tree, torch=torch) if tree.is_file("setup.py") else None
        self.makefile = makefiles.read(tree)
        self.scripts = makefiles.scripts(tree)
        self.cmake = self._cmake()
        self.files = list(tree.files()) if self.is_one() else []

    def _cmake(self) -> Optional[cmake_files.Reader]:
        """The root's CMake project, else the one that a script of the root configures.

        None also where a Python build beside it compiles its extensions without it: that one is another product.
        """
        if self.compiles_alone() and not self.scripts.configured:
            return None
        given = cmake_files.definitions(self.tree.host.env.get("CMAKE_ARGS", ""))
        table = self.pyproject.get("tool", "scikit-build", "cmake", "define")
        stated = {name: str(value) for name, value in table.items()} if isinstance(table, dict) else {}
        for folder, defined in (*self.scripts.configured.items(), (".", {})):
            if folder == "." or not self.tree.is_file("CMakeLists.txt"):
                found = cmake_files.read(self.tree, folder, {**stated, **defined, **given}, self.cuda_stated)
                if found is not None:
                    return found
        return None

    def project(self) -> Project:
        tree, setup, cmake = self.tree, self.setup, self.cmake
        search = self.search_path()
        start = self.start()
        found = sources.read(tree, start, search, self.defined()) if self.builds() else sources.Findings()
        generated = cmake.generated if cmake else set()
        missing = tuple(
            header
            for header in sources.unresolved(tree, found, search, generated)
            if self.counts(header.name)
        )
        return Project(
            root=tree.root,
            name=self.name(),
            builds=self.builds(),
            build_backend=self.pyproject.located("build-system", "build-backend"),
            build_requires=self.build_requires(),
            build_system=isinstance(self.pyproject.get("build-system"), dict),
            requires_python=self.requires_python(),
            requirements=self.requirements(),
            setup=setup.fact if setup else None,
            cmake=cmake.fact() if cmake else None,
            link_names=self.asked("lib"),
            architectures=self.asked("arch"),
            cxx_standards=self.asked("std"),
            cuda_sources=tuple(path for path in start if path.endswith(".cu")) or self.loose(),
            includes=tuple(found.includes.values()),
            unresolved_headers=missing,
            features=tuple(found.features.values()),
            submodules=checkout.submodules(tree),
            lfs_pointers=checkout.lfs_pointers(tree, self.files),
            build_folders=checkout.build_folders(tree) if self.is_one() else (),
            packages=self.packages(),
            unread=tuple(tree.unread),
            nvcc_links=tuple(self.makefile.nvcc_links) if self.makes() else (),
            make_include_dirs=self.make_include_dirs() if self.makes() else (),
            packages_without_header=tuple(self.packages_without_header(search)),
            backend_imports=self.backend_imports(),
            makefile_toolkits_gone=makefiles.toolkits_gone(tree) if self.makes() else (),
            nvcc_options=tuple(self.nvcc_options()),
            header_versions=sources.cutlass_version(tree, search, found, missing),
            glibc_headers=sources.glibc(tree, search) if self.builds() else None,
        )

    def is_one(self) -> bool:
        """Whether what lies below is of one project; a folder of many checkouts is none, though it has a source."""
        return bool(self.builds() or self.requirements() or _CHECKOUT & self.tree.names("."))

    def compiles_alone(self) -> bool:
        """Whether a Python build is there that calls neither CMake nor make."""
        backend = self.pyproject.get("build-system", "build-backend")
        if isinstance(backend, str) and backend.split(".")[0] in _OTHER_BACKENDS:
            return True
        return self.setup is not None and bool(self.setup.built) and not self.setup.calls_cmake()

    def builds(self) -> Tuple[str, ...]:
        """What a person would run, in order."""
        found = ["pyproject"] if self.pyproject.builds else []
        declared = any(name.startswith(("metadata.", "options.")) for name in self.config)
        if self.setup is not None or (not found and declared):
            found.append("setup.py")
        if self.cmake is not None:
            found.append("cmake")
        return tuple(found + (["make"] if self.makes() else []))

    def makes(self) -> bool:
        """Whether the Makefile builds it: beside a CMakeLists.txt it calls that, or is the older way."""
        return self.makefile.makes and self.cmake is None and not self.compiles_alone()

    def name(self) -> Optional[str]:
        """As pyproject.toml, setup.cfg, setup.py or CMake call it."""
        candidates = (
            self.pyproject.located("project", "name") or self.pyproject.located("tool", "poetry", "name"),
            self.setup and self.setup.text("name"),
            next(iter(self.config.get("metadata.name", ())), None),
        )
        found = next((candidate for candidate in candidates if candidate), None)
        if found:
            return found.text
        return self.cmake.name if self.cmake and self.tree.is_file("CMakeLists.txt") else None

    def build_requires(self) -> Tuple[Located, ...]:
        return self.pyproject.strings("build-system", "requires") + tuple(
            self.config.get("options.setup_requires", ())
        )

    def requires_python(self) -> Optional[Located]:
        lines = self.config.get("options.python_requires", ())
        candidates = (
            self.pyproject.located("project", "requires-python"),
            self.setup and self.setup.text("python_requires"),
        )
        return next((found for found in (*candidates, *lines) if found), None)

    def requirements(self) -> Tuple[Located, ...]:
        """Run-time requirements; those of setup.py's setup_requires are its own."""
        arguments = self.setup.arguments if self.setup else {}
        return (
            *self.pyproject.strings("project", "dependencies"),
            *(setup_script.requirements(arguments, "setup.py", ("install_requires",)) if arguments else ()),
            *self.config.get("options.install_requires", ()),
            *metadata.requirement_files(self.tree),
        )

    def asked(self, kind: str) -> Tuple[Located, ...]:
        """Libraries ("lib"), architectures ("arch") or C++ standards ("std") asked for anywhere.

        Each once in a file; standards at every place, for a change of one alone would change nothing.
        """
        found = [*self._setup_flags(kind), *self._cmake_flags(kind)]
        found += self.makefile.asked[kind] if self.makes() else []
        found += self.scripts.asked[kind] if kind == "arch" or not self.compiles_alone() else []
        return tuple(
            {
                (place.text, place.file, place.line if kind == "std" else None): place
                for place in reversed(found)
            }.values()
        )[::-1]

    def _setup_flags(self, kind: str) -> Iterator[Located]:
        if self.setup is None:
            return
        for built, extension in zip(self.setup.built, self.setup.fact.extensions):
            for one, value, line in setup_script.asked(built):
                if one == kind:
                    yield Located(value, extension.file, line)
            if kind == "lib":
                yield from (Located(name, extension.file, extension.line) for name in extension.libraries)
        chosen = self.setup.assigned.get("TORCH_CUDA_ARCH_LIST")
        if kind == "arch" and isinstance(chosen, str):
            place = getattr(chosen, "line", None)
            yield from (
                Located(entry, self.setup.fact.file, place) for entry in flags.architecture_list(chosen)
            )

    def packages_without_header(self, search: sources.SearchPath) -> Iterator[Located]:
        """Not asked where a variable, a toolchain or a module of the project's own may lead elsewhere."""
        env = self.tree.host.env
        led = (
            "CMAKE_PREFIX_PATH",
            "CMAKE_INCLUDE_PATH",
            "CMAKE_TOOLCHAIN_FILE",
            "CMAKE_ARGS",
            "CONDA_PREFIX",
        )
        if self.cmake is None or any(env.get(name) for name in led):
            return
        for package in self.cmake.fact().packages:
            header = compat.CMAKE_PACKAGE_HEADERS.get(package.name)
            own = any(path.endswith(f"Find{package.name}.cmake") for path in self.files)
            named = any(name.upper().startswith(f"{package.name.upper()}_") for name in env)
            if (
                header
                and package.required
                and not (own or named)
                and not search.find(header, "", quoted=False)
            ):
                yield Located(header, package.file, package.line)

    def backend_imports(self) -> Tuple[Located, ...]:
        backend = self.pyproject.located("build-system", "build-backend")
        if backend is None:
            return ()
        for folder in self.pyproject.strings("build-system", "backend-path"):
            stem = posixpath.join(folder.text, backend.text.partition(":")[0].replace(".", "/"))
            for file in (f"{stem}.py", f"{stem}/__init__.py"):
                path = self.tree.relative(self.tree.full(file))
                if path and self.tree.is_file(path):
                    return setup_script.read(self.tree, path).fact.imports
        return ()

    def nvcc_options(self) -> Iterator[Located]:
        for built in self.setup.built if self.setup else ():
            for option, line in setup_script.nvcc_options(built) if built.kind == "CUDAExtension" else ():
                yield Located(option, "setup.py", line)
        if self.makes():
            yield from self.makefile.nvcc_options
        elif not self.setup and self.cmake is None:
            yield from self.scripts.nvcc_options

    def _cmake_flags(self, kind: str) -> Iterator[Located]:
        if self.cmake is None:
            return
        fact = self.cmake.fact()
        if kind == "lib":
            yield from self.cmake.link_names()
        elif kind == "arch":
            for place in fact.architectures:
                yield from (
                    Located(entry, place.file, place.line) for entry in flags.architecture_list(place.text)
                )
        else:
            yield from (Located(place.text.split()[1], place.file, place.line) for place in fact.standards)

    def extensions(self) -> Tuple[Extension, ...]:
        return self.setup.fact.extensions if self.setup else ()

    def start(self) -> List[str]:
        """The sources that setup.py compiles, else CMake, else make; all of the tree when the last two name none."""
        named: Dict[str, None] = {}
        for extension in self.extensions():
            named.update(dict.fromkeys(extension.sources))
        if not self.extensions() and self.cmake is not None:
            named.update(self.cmake.sources or self.cmake.maybe)
        elif not self.extensions() and self.makes():
            named.update(dict.fromkeys(self.makefile.sources))
        found = [path for path in named if not self.tree.is_vendored(path) and self.tree.is_file(path)]
        compiled = [path for path in found if path.rpartition(".")[2] in sources.COMPILED]
        if compiled or self.extensions() or self.builds()[-1:] not in (("cmake",), ("make",)):
            return compiled
        return sources.all_sources(self.tree, self.files)

    def loose(self) -> Tuple[str, ...]:
        """CUDA sources of a root that nothing builds: a person or a script calls nvcc. Beside Python they are data."""
        names = sorted(self.tree.names("."))
        if self.builds() or self.requirements() or any(name.endswith(".py") for name in names):
            return ()
        return tuple(name for name in names if name.endswith(".cu"))

    def defined(self) -> FrozenSet[str]:
        """Macros that setup.py or CMake defines."""
        given = [flag for extension in self.extensions() for flag in extension.flags]
        if not self.extensions() and self.cmake is not None:
            given = self.cmake.defined
        return frozenset(preprocessor.words(given))

    def search_path(self) -> sources.SearchPath:
        """The include folders of what compiles: those of a CMake project that is built beside it are not searched."""
        named: List[str] = []
        hidden = False
        for extension in self.extensions():
            named.extend((*extension.include_dirs, *flags.include_dirs(" ".join(extension.flags))))
        if self.extensions() and self.setup is not None:
            hidden = any(map(setup_script.hides_folders, self.setup.built))
        elif self.cmake is not None:
            named.extend(self.cmake.include_dirs)
            hidden = not self.cmake.sources
        else:
            named.extend(self.make_include_dirs())
        return sources.SearchPath(self.tree, named, tuple(self.outside()), hidden)

    def make_include_dirs(self) -> Tuple[str, ...]:
        """Those that the Makefile or a script hands to compilers."""
        return (*self.makefile.include_dirs, *self.scripts.include_dirs)

    def outside(self) -> Iterator[str]:
        """Include folders of the machine: variables, Python, its packages, the toolkit, the system."""
        env = self.tree.host.env
        for variable in ("CPATH", "CPLUS_INCLUDE_PATH", "C_INCLUDE_PATH"):
            yield from (
                posixpath.join(self.tree.root, part) for part in env.get(variable, "").split(":") if part
            )
        for variable in ("CFLAGS", "CXXFLAGS", "CPPFLAGS", "NVCC_PREPEND_FLAGS", "NVCC_APPEND_FLAGS"):
            yield from flags.include_dirs(env.get(variable, ""))
        if self.python is not None:
            yield self.python.include
            yield from (
                posixpath.join(site, inner) for site in self.python.site_packages for inner in _SITE_INCLUDES
            )
        toolkit = used_toolkit(self.toolkits)
        yield from toolkit.include_dirs if toolkit else ()
        yield from (posixpath.join(env[name], "include") for name in ("CONDA_PREFIX",) if env.get(name))
        yield from ("/usr/local/include", "/usr/include")
        multiarch = (name for name in self.tree.names("/usr/include") if name.endswith("-linux-gnu"))
        yield from (posixpath.join("/usr/include", name) for name in sorted(multiarch))

    def counts(self, name: str) -> bool:
        """Whether a header that was not found is missing: not when the thing that brings it is absent as a whole."""
        if headers.CUDA.match(name):
            return used_toolkit(self.toolkits) is not None
        if headers.TORCH.match(name):
            sites = self.python.site_packages if self.python else ()
            return any(self.tree.is_dir(posixpath.join(site, "torch/include/torch")) for site in sites)
        return not headers.PYTHON.match(name)

    def packages(self) -> Tuple[str, ...]:
        """Packages of the root that a build puts a compiled module into and that hold none."""
        names = [
            e.name.split(".")[0] for e in (self.setup.fact.extensions if self.setup else ()) if "." in e.name
        ]
        backend = self.pyproject.located("build-system", "build-backend")
        if self.cmake is not None and backend and backend.text.startswith(_CMAKE_BACKENDS):
            names.append(re.sub(r"[-.]+", "_", self.name() or ""))
        found = (name for name in dict.fromkeys(names) if name and self.tree.is_file(f"{name}/__init__.py"))
        return tuple(name for name in found if not self._compiled(name))

    def _compiled(self, package: str) -> bool:
        return any(path.startswith(f"{package}/") and path.endswith((".so", ".pyd")) for path in self.files)


_SITE_INCLUDES: Sequence[str] = (
    "torch/include",
    "torch/include/torch/csrc/api/include",
    "pybind11/include",
    "nanobind/include",
    "numpy/_core/include",
    "numpy/core/include",
)


def used_toolkit(toolkits: Optional[Toolkits]) -> Optional[Toolkit]:
    """The toolkit whose headers a build gets: the one that a variable names, else the first with an nvcc."""
    items = toolkits.items if toolkits else ()
    for variable in ("CUDA_HOME", "CUDA_PATH"):
        for item in items:
            if variable in item.origins:
                return item
    return next((item for item in items if item.nvcc), None)
