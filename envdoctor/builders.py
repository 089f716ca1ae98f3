"""Who compiles a project: torch's cpp_extension, CMake or make, and which of its files speak of that build. Pure."""

from typing import Optional, Tuple

from envdoctor.facts import Located, Project


def builds_torch_extension(project: Optional[Project]) -> bool:
    """Whether setup.py has torch's cpp_extension call nvcc."""
    if project is None or project.setup is None:
        return False
    return any(extension.kind == "CUDAExtension" for extension in project.setup.extensions)


def uses_torch_builder(project: Optional[Project]) -> bool:
    """Whether setup.py declares extensions of torch's own kinds, with CUDA or without."""
    extensions = project.setup.extensions if project and project.setup else ()
    return any(extension.kind in ("CUDAExtension", "CppExtension") for extension in extensions)


def includes_torch(project: Project) -> bool:
    """Whether the sources are compiled against torch's headers."""
    if uses_torch_builder(project) or bool(project.cmake and project.cmake.package("Torch")):
        return True
    return any(item.text.startswith(("torch/", "ATen/", "c10/")) for item in project.includes)


def builds_with_cmake(project: Optional[Project]) -> bool:
    """Whether CMake compiles CUDA here."""
    if project is None or project.cmake is None:
        return False
    return any(language.text == "CUDA" for language in project.cmake.languages)


def of_build(project: Project, items: Tuple[Located, ...]) -> Tuple[Located, ...]:
    """Those that stand in files of the way this project is built: a script beside setup.py says nothing of it."""
    if builds_torch_extension(project):
        endings: Tuple[str, ...] = (".py", ".toml", ".cfg")
    elif builds_with_cmake(project) and project.builds[:1] != ("make",):
        endings = (".cmake", "CMakeLists.txt", ".py", ".toml")
    else:
        return items
    return tuple(item for item in items if item.file.endswith(endings))


def reads_cmake_args(project: Project) -> bool:
    """Whether its Python build hands CMAKE_ARGS on: scikit-build does, and a setup.py that asks for it."""
    setup = project.setup
    asks = bool(setup and any(variable.text == "CMAKE_ARGS" for variable in setup.variables))
    backend = project.build_backend.text if project.build_backend else ""
    skbuild = bool(setup and any(name.text == "skbuild" for name in setup.imports))
    return asks or skbuild or backend.startswith("scikit_build_core")
