"""Extensions built as torch builds them: its lookup of the toolkit, its list of architectures, its two refusals."""

import os
import re
import shutil
import subprocess

from setuptools import Extension
from setuptools.command.build_ext import build_ext

import torch

INCLUDE = os.path.join(os.path.dirname(torch.__file__), "include")


def _find_cuda_home():
    named = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH")
    if named:
        return named
    nvcc = shutil.which("nvcc")
    return os.path.dirname(os.path.dirname(nvcc)) if nvcc else "/usr/local/cuda"


CUDA_HOME = _find_cuda_home()


def _gencodes():
    supported_arches = ["3.5", "5.0", "6.0", "7.0", "7.5", "8.0", "8.6", "8.9", "9.0", "9.0a", "10.0", "12.0"]
    wanted = os.environ.get("TORCH_CUDA_ARCH_LIST")
    if wanted:
        names = wanted.replace(";", " ").split()
    else:
        names = [
            "{}.{}".format(*torch.cuda.get_device_capability(i)) for i in range(torch.cuda.device_count())
        ]
        names[-1] += "+PTX"
    for name in names:
        if name.replace("+PTX", "") not in supported_arches:
            raise ValueError(f"Unknown CUDA arch ({name}) or GPU not supported")
        number = name.replace("+PTX", "").replace(".", "")
        yield f"-gencode=arch=compute_{number},code=sm_{number}"
        if name.endswith("+PTX"):
            yield f"-gencode=arch=compute_{number},code=compute_{number}"


def _compare_releases(nvcc):
    said = subprocess.check_output([nvcc, "--version"], universal_newlines=True)
    release = re.search(r"release ([\d.]+)", said).group(1)
    if release.split(".")[0] != torch.version.cuda.split(".")[0]:
        raise RuntimeError(
            f"The detected CUDA version ({release}) mismatches the version that was used to compile\n"
            f"PyTorch ({torch.version.cuda}). Please make sure to use the same CUDA versions."
        )


def CUDAExtension(name, sources, **options):  # noqa: N802 - torch's name
    libraries = [*options.pop("libraries", []), "cudart"]
    folders = [*options.pop("library_dirs", []), os.path.join(CUDA_HOME, "lib64")]
    includes = [*options.pop("include_dirs", []), INCLUDE, os.path.join(CUDA_HOME, "include")]
    return Extension(
        name,
        sources,
        libraries=libraries,
        library_dirs=folders,
        include_dirs=includes,
        language="c++",
        **options,
    )


class BuildExtension(build_ext):
    def build_extensions(self):
        nvcc = os.path.join(CUDA_HOME, "bin", "nvcc")
        _compare_releases(nvcc)
        compile_with_gcc = self.compiler._compile

        def compile_one(obj, source, ext, cc_args, extra, macros):
            language = "nvcc" if source.endswith(".cu") else "cxx"
            flags = extra.get(language, []) if isinstance(extra, dict) else extra
            if not any(flag.startswith("-std=") for flag in flags):
                flags = [*flags, "-std=c++17"]
            if language == "cxx":
                compile_with_gcc(obj, source, ext, cc_args, flags, macros)
            else:
                self.spawn(
                    [nvcc, *macros, "-c", source, "-o", obj, "-Xcompiler", "-fPIC", *flags, *_gencodes()]
                )

        self.compiler.src_extensions.append(".cu")
        self.compiler._compile = compile_one
        super().build_extensions()
