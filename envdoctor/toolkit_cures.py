"""Cures that several rules of the toolkit share: another toolkit, another compiler, an nvcc or CMake told otherwise."""

import shlex
from typing import Callable, Iterable, Optional, Tuple

from envdoctor.architectures import CHOSEN_VARIABLE, DROPPED_VARIABLE, Architecture
from envdoctor.facts import Environment, Project, Toolkit, Toolkits
from envdoctor.finding import SetEnv, Shim, Step

Release = Tuple[int, int]

# The names of variables are ours alone: one that the build exports too would reach nvcc with another value.
_NVCC_WITHOUT = """#!/bin/sh
# Leaves out the architectures that ${variable} names, then runs the real nvcc.
envdoctor_dropped() {{
  for envdoctor_number in ${variable}; do
    case "$1" in
      *compute_$envdoctor_number,*|*compute_$envdoctor_number|*"compute_$envdoctor_number]") return 0 ;;
      *arch=sm_$envdoctor_number|sm_$envdoctor_number) return 0 ;;
    esac
  done
  return 1
}}
envdoctor_count=$#
while [ "$envdoctor_count" -gt 0 ]; do
  envdoctor_word=$1; shift; envdoctor_count=$((envdoctor_count - 1))
  case "$envdoctor_count $envdoctor_word" in
    "0 "*) ;;
    *" -gencode"|*" --generate-code"|*" -arch"|*" --gpu-architecture")
      envdoctor_value=$1; shift; envdoctor_count=$((envdoctor_count - 1))
      envdoctor_dropped "$envdoctor_value" || set -- "$@" "$envdoctor_word" "$envdoctor_value"
      continue ;;
  esac
  case "$envdoctor_word" in
    -gencode=*|--generate-code=*|-arch=*|--gpu-architecture=*)
      envdoctor_dropped "$envdoctor_word" || set -- "$@" "$envdoctor_word" ;;
    *) set -- "$@" "$envdoctor_word" ;;
  esac
done
exec {nvcc} "$@"
"""

_CMAKE_ARCHITECTURES = """# CMAKE_CUDA_ARCHITECTURES is ${variable} wherever a project sets it to "native".
if(EXISTS "$ENV{{ENVDOCTOR_TOOLCHAIN_FILE}}")
  include("$ENV{{ENVDOCTOR_TOOLCHAIN_FILE}}")
endif()
set(CMAKE_CUDA_ARCHITECTURES "$ENV{{{variable}}}")
macro(envdoctor_architectures variable access value)
  if("${{access}}" STREQUAL "MODIFIED_ACCESS" AND "${{value}}" STREQUAL "native")
    set(CMAKE_CUDA_ARCHITECTURES "$ENV{{{variable}}}")
  endif()
endmacro()
variable_watch(CMAKE_CUDA_ARCHITECTURES envdoctor_architectures)
# What the word stands for in a target's property is what CMake saw of this machine's GPUs.
macro(envdoctor_native variable access value)
  if("${{access}}" STREQUAL "MODIFIED_ACCESS" AND NOT "${{value}}" STREQUAL "$ENV{{{variable}}}")
    set(CMAKE_CUDA_ARCHITECTURES_NATIVE "$ENV{{{variable}}}")
  endif()
endmacro()
variable_watch(CMAKE_CUDA_ARCHITECTURES_NATIVE envdoctor_native)
"""

_STARTUP = '''"""Answers what setup scripts ask torch of the GPU with the architecture that the build is meant for.

With ENVDOCTOR_CUDA_AVAILABLE also is_available() and device_count(), for builds that refuse to go on without a GPU: in
their own processes alone, since a program that goes on to use the GPU must know that there is none.
"""
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import types

_here = os.path.dirname(os.path.abspath(__file__))
_BUILDS = ("setup.py", "_in_process.py", "pyproject_hooks", "-c")


class _Finder(importlib.abc.MetaPathFinder):
    asking = False

    def find_spec(self, name, path=None, target=None):
        if name != "torch.cuda" or self.asking:
            return None
        self.asking = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self.asking = False
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                number = os.environ["ENVDOCTOR_CUDA_ARCHITECTURES"].split(";")[0].rstrip("af")
                major, minor = int(number[:-1]), int(number[-1])
                module.get_device_capability = lambda device=None: (major, minor)
                module.get_device_properties = lambda device=None: types.SimpleNamespace(
                    name="none", major=major, minor=minor, multi_processor_count=1, total_memory=0
                )
                module.current_device = lambda: 0
                program = os.path.basename((getattr(sys, "argv", None) or [""])[0])
                if os.environ.get("ENVDOCTOR_CUDA_AVAILABLE") and program in _BUILDS:
                    module.is_available = lambda: True
                    module.device_count = lambda: 1

            spec.loader.exec_module = exec_module
        return spec


if os.environ.get("ENVDOCTOR_CUDA_ARCHITECTURES"):
    sys.meta_path.insert(0, _Finder())
# The start-up module that this one stands in front of.
_others = [folder for folder in sys.path if os.path.abspath(folder or ".") != _here]
_spec = importlib.machinery.PathFinder.find_spec("sitecustomize", _others)
if _spec is not None and _spec.loader is not None:
    _spec.loader.exec_module(importlib.util.module_from_spec(_spec))
'''


def other(toolkits: Optional[Toolkits], fits: Callable[[Toolkit], bool]) -> Optional[Toolkit]:
    """The newest toolkit found whose nvcc works and that fits."""
    items = toolkits.items if toolkits else ()
    good = [item for item in items if item.nvcc and not item.error and item.profile and fits(item)]
    return max(good, key=lambda item: item.release, default=None)


def use(toolkit: Toolkit) -> Tuple[Step, ...]:
    """All finders of a build take that toolkit."""
    return (
        SetEnv("CUDA_HOME", toolkit.root),
        SetEnv("CUDA_PATH", toolkit.root),
        SetEnv("CUDACXX", f"{toolkit.root}/bin/nvcc"),
        SetEnv("CUDAToolkit_ROOT", toolkit.root),
        SetEnv("PATH", f"{toolkit.root}/bin", "prepend"),
    )


def nvcc_without(toolkit: Toolkit, numbers: Iterable[int]) -> Tuple[Step, ...]:
    """A toolkit root in the overlay whose nvcc leaves those architectures out of what it is asked for."""
    assert toolkit.nvcc is not None
    script = _NVCC_WITHOUT.format(variable=DROPPED_VARIABLE, nvcc=shlex.quote(toolkit.nvcc))
    include = next(iter(toolkit.include_dirs), f"{toolkit.root}/include")
    library = (
        f"{toolkit.root}/lib64" if toolkit.lib64 else next(iter(toolkit.library_dirs), f"{toolkit.root}/lib")
    )
    programs = [item for item in toolkit.components if item.path == f"{toolkit.root}/bin/{item.name}"]
    return (
        Shim("cuda/bin/nvcc", "script", script),
        *(Shim(f"cuda/bin/{item.name}", "link", item.path) for item in programs if item.name != "nvcc"),
        Shim("cuda/include", "link", include),
        Shim("cuda/lib64", "link", library),
        SetEnv(DROPPED_VARIABLE, " ".join(str(number) for number in sorted(set(numbers)))),
        SetEnv("CUDA_HOME", "{overlay}/cuda"),
        SetEnv("CUDA_PATH", "{overlay}/cuda"),
        SetEnv("CUDACXX", "{overlay}/cuda/bin/nvcc"),
        SetEnv("CUDAToolkit_ROOT", toolkit.root),
        SetEnv("PATH", "{overlay}/cuda/bin", "prepend"),
    )


def cmake_architectures(environment: Environment, architectures: str) -> Tuple[Step, ...]:
    """CMake takes those architectures although the project asks for "native".

    A toolchain file is the one thing of CMake's that an environment can add and that comes after the project's own
    settings (tried: CUDAARCHS alone has no effect on a variable that is set).
    """
    before = environment.get("CMAKE_TOOLCHAIN_FILE")
    chained = (SetEnv("ENVDOCTOR_TOOLCHAIN_FILE", before),) if before else ()
    return (
        Shim("cmake/architectures.cmake", "text", _CMAKE_ARCHITECTURES.format(variable=CHOSEN_VARIABLE)),
        SetEnv(CHOSEN_VARIABLE, architectures),
        *chained,
        SetEnv("CMAKE_TOOLCHAIN_FILE", "{overlay}/cmake/architectures.cmake"),
        SetEnv("CUDAARCHS", architectures),
    )


def answered_capability(target: Architecture) -> Tuple[Step, ...]:
    """torch.cuda.get_device_capability() and the like answer with that architecture where there is no GPU to ask."""
    return (
        Shim("python/sitecustomize.py", "text", _STARTUP),
        SetEnv("PYTHONPATH", "{overlay}/python", "prepend"),
        SetEnv(CHOSEN_VARIABLE, str(target)),
        SetEnv("TORCH_CUDA_ARCH_LIST", target.dotted),
    )


def answered_presence(target: Architecture) -> Tuple[Step, ...]:
    """The same, and torch.cuda.is_available() says that there is one: for a build that runs nothing on it."""
    return (*answered_capability(target), SetEnv("ENVDOCTOR_CUDA_AVAILABLE", "1"))


def wants_nvcc(project: Optional[Project]) -> bool:
    """Whether nvcc matters here: the project compiles with it, or there is no project to tell."""
    return project is None or not project.builds or project.wants_cuda


def pip_line(release: Release) -> str:
    """The compiler wheels of one CUDA release, all of them pinned: one alone pulls the newest of the others."""
    version = f"{release[0]}.{release[1]}.*"
    names = ("nvidia-cuda-nvcc", "nvidia-nvvm", "nvidia-cuda-crt", "nvidia-cuda-runtime")
    return "python -m pip install " + " ".join(f"'{name}=={version}'" for name in names)
