"""CUDA's libraries, headers, wheels and drivers."""

from typing import Dict, Optional, Tuple

#: Libraries of the toolkit that builds name to the linker, without "lib": those that `Toolkit.library` knows.
#: Source: FindCUDAToolkit.cmake of CMake 4.4.
CUDA_LIBRARIES = frozenset(
    "cudart cublas cublasLt cusparse cusolver curand cufft nvrtc nvJitLink culibos cudadevrt cupti nvToolsExt".split()
)

#: Archives that exist only as archives. Source: the same file, and the contents of toolkits 11.8 to 13.5.
CUDA_ARCHIVES_ONLY = frozenset({"culibos", "cudadevrt"})

#: CUDA libraries whose soname carries CUDA's own major version, by stem: a module that needs libcudart.so.12 was
#: built for CUDA 12. (curand, cusparse and cusolver count for themselves.) Source: toolkits 11.8, 12.4, 13.0, 13.5.
CUDA_MAJOR_SONAMES = frozenset({"cudart", "cublas", "cublasLt", "nvrtc", "nvJitLink", "nvblas"})

#: First pieces of an include path, and the toolkit library that brings them. Source: include/ of toolkits 11.8 to 13.5.
CUDA_HEADERS: Tuple[Tuple[str, str], ...] = (
    ("cuda_runtime.h", "cudart"),
    ("cuda_runtime_api.h", "cudart"),
    ("cublasLt.h", "cublasLt"),
    ("cublas_v2.h", "cublas"),
    ("cublas.h", "cublas"),
    ("cublas_api.h", "cublas"),
    ("cublasXt.h", "cublas"),
    ("cusparse.h", "cusparse"),
    ("cusparse_v2.h", "cusparse"),
    ("cusolverDn.h", "cusolver"),
    ("cusolverSp.h", "cusolver"),
    ("cusolver_common.h", "cusolver"),
    ("curand.h", "curand"),
    ("curand_kernel.h", "curand"),
    ("cufft.h", "cufft"),
    ("cufftXt.h", "cufft"),
    ("nvrtc.h", "nvrtc"),
    ("nvJitLink.h", "nvJitLink"),
    ("nv/target", "cccl"),
    ("cuda/std/", "cccl"),
    ("thrust/", "cccl"),
    ("cub/", "cccl"),
)

#: Headers of the toolkit that include nv/target (of cccl) themselves, and a release that does so for certain. Source:
#: include/ of 12.4.131 and 13.0.88; 11.8.89 does not.
HALF_HEADERS = frozenset({"cuda_fp16.h", "cuda_bf16.h", "cuda_fp8.h", "cuda_fp6.h", "cuda_fp4.h", "mma.h"})
HALF_HEADERS_NEED_CCCL = (12, 4)

#: The PyPI project of a toolkit part; CUDA 11 and 12 add "-cu11" and "-cu12". Source: the wheels' own file lists.
CUDA_WHEELS: Dict[str, str] = {
    "cudart": "nvidia-cuda-runtime",
    "cublas": "nvidia-cublas",
    "cublasLt": "nvidia-cublas",
    "cusparse": "nvidia-cusparse",
    "cusolver": "nvidia-cusolver",
    "curand": "nvidia-curand",
    "cufft": "nvidia-cufft",
    "nvrtc": "nvidia-cuda-nvrtc",
    "nvJitLink": "nvidia-nvjitlink",
    "cccl": "nvidia-cuda-cccl",
    "culibos": "nvidia-cuda-culibos",
}


#: Libraries of NVIDIA's that programs load and builds do not name, and their projects, whose names end in "-cu13" too.
#: Source: the wheels' own file lists, of CUDA 12 and 13.
_MORE_WHEELS: Dict[str, str] = {
    "cudnn": "nvidia-cudnn",
    "nccl": "nvidia-nccl",
    "cusparseLt": "nvidia-cusparselt",
    "nvshmem_host": "nvidia-nvshmem",
}
_WHEELS_WITHOUT_HEADERS: Dict[str, str] = {
    "cupti": "nvidia-cuda-cupti",
    "cufile": "nvidia-cufile",
    "nvToolsExt": "nvidia-nvtx",
    "nvJitLink": "nvidia-nvjitlink",
}

#: What the NVIDIA driver brings, and no wheel. Source: "Installed Components" in the README of driver 580.
DRIVER_LIBRARIES = frozenset(
    "libcuda.so.1 libnvidia-ml.so.1 libnvidia-ptxjitcompiler.so.1 libnvcuvid.so.1 libnvidia-encode.so.1 "
    "libnvoptix.so.1 libcudadebugger.so.1".split()
)

#: How the names of a library's functions begin. Source: the exports of the libraries of CUDA 12 and 13.
CUDA_SYMBOLS: Dict[str, str] = {
    "cudart": r"(?:__)?cuda[A-Z]",
    "cublas": r"cublas(?!Lt)",
    "cublasLt": r"cublasLt",
    "cusparse": r"cusparse(?!Lt)",
    "cusparseLt": r"cusparseLt",
    "cusolver": r"cusolver",
    "cufft": r"cufft",
    "curand": r"curand",
    "nvrtc": r"nvrtc",
    "nvJitLink": r"(?:__)?nvJitLink",
    "cudnn": r"cudnn",
    "nccl": r"p?nccl[A-Z]",
    "cupti": r"cupti",
    "cufile": r"cuFile",
}


def is_cuda_library(stem: str) -> bool:
    """Whether a library, "cudart" of libcudart.so.13, is one of the toolkit's or of NVIDIA's beside it."""
    return stem in {*CUDA_LIBRARIES, *CUDA_SYMBOLS, *_MORE_WHEELS, *_WHEELS_WITHOUT_HEADERS}


def library_wheel(library: str, major: int) -> Optional[str]:
    """The PyPI project that brings a library for programs of that CUDA release; None when none is known."""
    if library in _MORE_WHEELS:
        return f"{_MORE_WHEELS[library]}-cu{major}"
    name = _WHEELS_WITHOUT_HEADERS.get(library)
    return cuda_wheel(library, major) if name is None else name if major >= 13 else f"{name}-cu{major}"


def cuda_wheel(library: str, major: int) -> Optional[str]:
    """The PyPI project that brings a library of that CUDA release; None when there is none."""
    name = CUDA_WHEELS.get(library)
    return name if name is None or major >= 13 else f"{name}-cu{major}"


#: Oldest driver that serves every release of a CUDA major version. Source: "Minor Version Compatibility" in NVIDIA's
#: CUDA Compatibility guide (r590), and the release notes of CUDA 13 (580.65.06), 12 (525.60.13), 11 (450.80.02).
OLDEST_DRIVER: Dict[int, Tuple[int, ...]] = {13: (580, 65, 6), 12: (525, 60, 13), 11: (450, 80, 2)}
