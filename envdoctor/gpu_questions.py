"""Who in a build asks the machine's GPUs what to compile for: setup.py, torch's builder, CMake, nvcc. Pure."""

from typing import Optional

from envdoctor import architectures, builders
from envdoctor.facts import Environment, Located, Project

_CALLS = ("get_device_capability", "get_device_properties")
_ASKING_FIRST = ("is_available", "device_count")
#: Variables that hand the word "native" to CMake.
VARIABLES = ("CUDAARCHS", "CMAKE_ARGS")


def of_setup(project: Project) -> Optional[Located]:
    """A call of setup.py that fails without a GPU.

    One that asks first whether there are any, or takes TORCH_CUDA_ARCH_LIST instead, does not.
    """
    setup = project.setup
    if setup is None or any(call.text.endswith(_ASKING_FIRST) for call in setup.calls):
        return None
    if any(variable.text == "TORCH_CUDA_ARCH_LIST" for variable in setup.variables):
        return None
    return next((call for call in setup.calls if call.text.endswith(_CALLS)), None)


def of_torch(environment: Environment, project: Project) -> Optional[Located]:
    """The first extension whose architectures torch's builder is to find out."""
    value = environment.get("TORCH_CUDA_ARCH_LIST")
    if builders.of_build(project, project.architectures) or (value and value != "native"):
        return None
    extensions = project.setup.extensions if project.setup else ()
    cuda = (item for item in extensions if item.kind == "CUDAExtension")
    return next((Located(f"CUDAExtension {item.name}", item.file, item.line) for item in cuda), None)


def of_cmake(environment: Environment, project: Project) -> Optional[Located]:
    """The word "native" in CMake's files, else in one of VARIABLES, whose name is then the file."""
    written = next((item for item in project.architectures if _is_native(item) and _in_cmake(item)), None)
    if written is not None:
        return written
    handed = architectures.handed_to_nvcc(environment, project)
    named = (item.source for item in handed if item.text == "native" and item.origin == "variable")
    variable = next(named, None)
    return Located("native", variable) if variable in VARIABLES else None


def of_nvcc(project: Project) -> Optional[Located]:
    """nvcc's own word, in Makefiles and flags."""
    written = builders.of_build(project, project.architectures)
    return next((item for item in written if _is_native(item) and not _in_cmake(item)), None)


def _is_native(item: Located) -> bool:
    return item.text == "native"


def _in_cmake(item: Located) -> bool:
    return item.file.endswith((".cmake", "CMakeLists.txt"))
