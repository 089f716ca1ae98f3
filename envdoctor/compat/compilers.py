"""C++ standards and host compilers: what nvcc, gcc and the headers ask of each other."""

from typing import Dict, Tuple

from envdoctor.compat.versions import Release

#: First CUDA release whose nvcc takes -std=c++NN. Source: CUDA 11.0, 12.0 and 13.3 programming guides ("C++ Language
#: Support"); 11.8.89 says "Value 'c++20' is not defined for option 'std'".
NVCC_CXX_SINCE: Dict[int, Release] = {11: (7, 0), 14: (9, 0), 17: (11, 0), 20: (12, 0), 23: (13, 3)}

#: Options of nvcc and headers of the toolkit, with the first CUDA release that has them (-arch and -std have tables of
#: their own). Source: `nvcc --help` and include/ of 11.8.89, 12.4.131 and 13.0.88;
#: ml-explore/mlx#2407 (compress-mode).
NVCC_FLAG_SINCE: Dict[str, Release] = {"compress-mode": (12, 8)}
HEADER_SINCE: Dict[str, Release] = {
    "cuda_bf16.h": (11, 0),
    "cuda_pipeline.h": (11, 0),
    "cuda_fp8.h": (11, 8),
    "cuda_fp4.h": (12, 8),
    "cuda_fp6.h": (12, 8),
}

#: First gcc that takes -std=c++NN. Source: gcc.gnu.org/projects/cxx-status.html.
GCC_CXX_SINCE: Dict[int, int] = {11: 5, 14: 5, 17: 7, 20: 10, 23: 11}

#: First CUDA release whose C++ library (CCCL: cub, thrust, libcu++, and what includes them) refuses less than C++17,
#: and the headers that bring it in. Measured with -std=c++14 and 13.0.88: those below stop with "requires at least
#: C++17", cuda_fp16.h, cuda_bf16.h, mma.h and cooperative_groups.h alone do not.
CCCL_NEEDS_17: Release = (13, 0)

CCCL_HEADERS = (
    "cub/",
    "thrust/",
    "cuda/std/",
    "cuda/barrier",
    "cuda/atomic",
    "cuda/pipeline",
    "cuda/functional",
    "cooperative_groups/reduce.h",
    "cooperative_groups/scan.h",
)

#: Compilers that a distribution's own package "g++-N" brings. Source: packages.debian.org and packages.ubuntu.com.
APT_GCC: Dict[Tuple[str, str], Tuple[int, ...]] = {
    ("debian", "11"): (9, 10),
    ("debian", "12"): (11, 12),
    ("debian", "13"): (12, 13, 14),
    ("ubuntu", "20.04"): (7, 8, 9, 10),
    ("ubuntu", "22.04"): (9, 10, 11, 12),
    ("ubuntu", "24.04"): (9, 10, 11, 12, 13, 14),
}
