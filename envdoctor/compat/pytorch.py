"""torch: what its headers and libraries need, what it dropped, and what it does not load beside."""

from typing import Dict, Tuple

from envdoctor.compat.versions import Release, numbers

#: Oldest gcc that an extension of torch can be compiled with. Source: the #error in c10/util/C++17.h ("We need GCC 9
#: or later", since 2.2.2, pytorch/pytorch#120126) and MINIMUM_GCC_VERSION in torch/utils/cpp_extension.py before.
TORCH_OLDEST_GCC: Tuple[Tuple[Release, int], ...] = (((2, 3), 9), ((1, 0), 5))

#: C++ standard that torch's headers need since a release. Source: pytorch/pytorch#32135 (1.5: C++14), and
#: the #error in torch/all.h since #100557 (2.1: C++17) and #178150 (2.14: C++20).
TORCH_CXX_STANDARD: Tuple[Tuple[Release, int], ...] = (
    ((2, 14), 20),
    ((2, 1), 17),
    ((1, 5), 14),
    ((0, 0), 11),
)


def torch_cxx_standard(version: str) -> int:
    """The C++ standard that the headers of a torch release need."""
    release = numbers(version)[:2]
    return next(standard for since, standard in TORCH_CXX_STANDARD if release >= since)


#: Headers of torch that include cublas_v2.h, cublasLt.h, cusparse.h and cusolverDn.h themselves. Source: includes
#: followed through torch 2.13's torch/include; CUDAContextLight.h and Exceptions.h are where they stand.
TORCH_HEADERS_WITH_MATH = frozenset(
    f"ATen/cuda/{name}"
    for name in "ApplyGridUtils.cuh CUDAApplyUtils.cuh CUDABlas.h CUDAContext.h CUDAContextLight.h CUDADevice.h"
    " CUDAEvent.h CUDAGraphsUtils.cuh CUDASparse.h CUDASparseBlas.h CUDASparseDescriptors.h CUDAUtils.h Exceptions.h"
    " cub.cuh".split()
)

TORCH_MATH_LIBRARIES = ("cusparse", "cublas", "cublasLt", "cusolver")

#: Names of torch's C++ interface that are gone, and the first release without them. Source: pytorch/pytorch#36581
#: (AT_CHECK), #66391 and 1.11's include folder (THC; two of its files are left in 2.13), ATen/Dispatch.h of 2.5.1 and
#: 2.6.0 (the overload of scalar_type for what Tensor.type() returns).
TORCH_REMOVED: Dict[str, Release] = {
    "AT_CHECK": (1, 5),
    "THCudaCheck": (1, 11),
    "THCCeilDiv": (1, 11),
    "THCudaMalloc": (1, 11),
    "THCudaFree": (1, 11),
    "THCState_getCurrentStream": (1, 11),
    "THC/": (1, 11),
    "TH/": (1, 11),
    "AT_DISPATCH on Tensor.type()": (2, 6),
}

TORCH_HEADERS_LEFT = frozenset({"THC/THCAtomics.cuh", "THC/THCDeviceUtils.cuh"})

#: Libraries that torch's wheels do not find by their own RPATH: they are asked for by other wheels, whose RUNPATH
#: comes after LD_LIBRARY_PATH. Source: readelf -d on the wheels of torch 2.13.
INDIRECT_LIBRARIES = frozenset({"cublasLt", "nvJitLink", "nvrtc-builtins"})

#: First releases that are compiled for NumPy 2. Source: pytorch/pytorch#132179 (torch), numpy/numpy#26191 and the
#: release notes of pandas 2.2.2, scikit-learn 1.4.2, scipy 1.13, pyarrow 16, matplotlib 3.8.4.
NUMPY_2_SINCE: Dict[str, Tuple[int, ...]] = {
    "torch": (2, 3),
    "pandas": (2, 2, 2),
    "scikit-learn": (1, 4, 2),
    "scipy": (1, 13),
    "pyarrow": (16,),
    "matplotlib": (3, 8, 4),
}

#: First MKL that no longer exports iJIT_NotifyEvent, which torch's conda packages took from it. Source:
#: pytorch/pytorch#123097; torch's wheels carry their own MKL, conda-forge's packages name the one that they need.
MKL_WITHOUT_ITT = (2024, 1)

TORCH_BUILT_WITH_NEW_MKL: Release = (2, 5)
