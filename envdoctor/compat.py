"""Which versions work together: tables with their sources, for what the files of a machine do not say themselves."""

import re
from typing import Dict, Optional, Tuple

Release = Tuple[int, int]

# --- GPU architectures and nvcc -------------------------------------------------------------------------------------

#: First CUDA release whose nvcc knows an architecture, by number.
#: Source: CMake's Modules/Internal/CMakeCUDAArchitecturesAll.cmake (3.31, 4.4); 88, 110, 107: `nvcc --list-gpu-arch`
#: of 13.0.88 and 13.5.37.
ARCHITECTURE_SINCE: Dict[int, Release] = {
    60: (8, 0),
    61: (8, 0),
    62: (8, 0),
    70: (9, 0),
    72: (9, 2),
    75: (10, 0),
    80: (11, 0),
    86: (11, 1),
    87: (11, 4),
    88: (13, 0),
    89: (11, 8),
    90: (11, 8),
    100: (12, 8),
    101: (12, 8),
    103: (12, 9),
    107: (13, 5),
    110: (13, 0),
    120: (12, 8),
    121: (12, 9),
}

#: First CUDA release whose nvcc refuses architectures below a number. Source: the same CMake file, and
#: `nvcc --list-gpu-arch` of 11.8.89, 12.4.131, 13.0.88.
OLDEST_ARCHITECTURE: Tuple[Tuple[Release, int], ...] = (
    ((13, 0), 75),
    ((12, 0), 50),
    ((11, 0), 35),
    ((9, 0), 30),
    ((7, 0), 20),
)

#: CUDA 13 gave Thor's architecture a new number. Source: CUDA 13.0 release notes; `nvcc --list-gpu-arch` of 13.0.88.
RENAMED_ARCHITECTURES: Dict[int, int] = {101: 110}

#: First CUDA release that knows architecture-specific ("90a") and family ("100f") targets.
#: Source: NVIDIA's Blackwell compatibility guide and PTX ISA 8.0 (12.0), 8.8 (12.9).
SUFFIX_SINCE: Dict[str, Release] = {"a": (12, 0), "f": (12, 9)}

#: What nvcc compiles for when no architecture is given. Source: `nvcc --help` (default of -arch) and builds with
#: 11.8.89, 12.4.131 (52) and 13.0.88, 13.5.37 (75).
DEFAULT_ARCHITECTURE: Tuple[Tuple[Release, int], ...] = (((13, 0), 75), ((11, 0), 52), ((9, 0), 30))

#: Names that torch's TORCH_CUDA_ARCH_LIST takes. Source: `named_arches` in torch/utils/cpp_extension.py 2.13;
#: longer names first, because torch replaces them in this order.
TORCH_NAMED_ARCHITECTURES: Tuple[Tuple[str, str], ...] = (
    ("Kepler+Tesla", "3.7"),
    ("Kepler", "3.5+PTX"),
    ("Maxwell+Tegra", "5.3"),
    ("Maxwell", "5.0;5.2+PTX"),
    ("Pascal", "6.0;6.1+PTX"),
    ("Volta+Tegra", "7.2"),
    ("Volta", "7.0+PTX"),
    ("Turing", "7.5+PTX"),
    ("Ampere+Tegra", "8.7"),
    ("Ampere", "8.0;8.6+PTX"),
    ("Ada", "8.9+PTX"),
    ("Hopper", "9.0+PTX"),
    ("Blackwell+Tegra", "11.0"),
    ("Blackwell", "10.0;10.3;12.0;12.1+PTX"),
)

#: Lowest architecture on which an identifier of device code exists. Source: CUDA C++ Programming Guide (compute
#: capabilities, mathematical and video functions), PTX ISA ("Target ISA Notes" of each instruction); __dp4a and
#: __hfma2 below these were compiled and refused.
FEATURE_ARCHITECTURE: Dict[str, int] = {
    "__hfma2": 53,
    "__hfma": 53,
    "__hadd2": 53,
    "__hmul2": 53,
    "__dp4a": 61,
    "__dp2a_lo": 61,
    "__dp2a_hi": 61,
    "dp4a": 61,
    "nvcuda::wmma": 70,
    "wmma": 70,
    "__nanosleep": 70,
    "ldmatrix": 75,
    "mma.sync": 70,
    "cp.async": 80,
    "__reduce_add_sync": 80,
    "__pipeline_memcpy_async": 80,
    "__hfma2_relu": 80,
    "wgmma": 90,
    "cp.async.bulk": 90,
    "setmaxnreg": 90,
}

#: Identifiers of FEATURE_ARCHITECTURE that exist on the architecture-specific target alone ("90a").
ARCHITECTURE_SPECIFIC_FEATURES = frozenset({"wgmma", "setmaxnreg"})

# --- nvcc, host compilers, C++ ---------------------------------------------------------------------------------------

#: First CUDA release whose nvcc takes -std=c++NN. Source: CUDA 11.0, 12.0 and 13.3 programming guides ("C++ Language
#: Support"); 11.8.89 says "Value 'c++20' is not defined for option 'std'".
NVCC_CXX_SINCE: Dict[int, Release] = {11: (7, 0), 14: (9, 0), 17: (11, 0), 20: (12, 0), 23: (13, 3)}

#: First gcc that takes -std=c++NN. Source: gcc.gnu.org/projects/cxx-status.html.
GCC_CXX_SINCE: Dict[int, int] = {11: 5, 14: 5, 17: 7, 20: 10, 23: 11}

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


#: Options of nvcc and the first CUDA release that knows them. Source: CUDA release notes 11.2 (threads), 11.3
#: (generate-dependencies-with-compile since 10.2), 11.5 (all, all-major), 11.6 (native).
NVCC_OPTION_SINCE: Dict[str, Release] = {"all": (11, 5), "all-major": (11, 5), "native": (11, 6)}

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

# --- CMake -----------------------------------------------------------------------------------------------------------

#: CMake releases that stop at CUDA_ARCHITECTURES "native" without a GPU: from the first (inclusive) to the second
#: (exclusive). Measured with 3.25.2, 3.31.10, 4.4.4; the keyword came with 3.24.
NATIVE_STOPS_WITHOUT_GPU: Tuple[Release, Release] = ((3, 24), (3, 31))


def release(version: Optional[str]) -> Optional[Release]:
    """(12, 4) of "12.4.131"; "13" is (13, 0); None when it does not begin with a number."""
    match = re.match(r"(\d+)(?:\.(\d+))?", version or "")
    return (int(match[1]), int(match[2] or 0)) if match else None


def at_least(table: Tuple[Tuple[Release, int], ...], release: Release) -> int:
    """The value of the newest row that `release` reaches; the last row for older ones."""
    return next((value for first, value in table if release >= first), table[-1][1])


# --- CUDA's libraries and headers ------------------------------------------------------------------------------------

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

#: Headers of torch that include cublas_v2.h, cublasLt.h, cusparse.h and cusolverDn.h themselves. Source: includes
#: followed through torch 2.13's torch/include; CUDAContextLight.h and Exceptions.h are where they stand.
TORCH_HEADERS_WITH_MATH = frozenset(
    f"ATen/cuda/{name}"
    for name in "ApplyGridUtils.cuh CUDAApplyUtils.cuh CUDABlas.h CUDAContext.h CUDAContextLight.h CUDADevice.h"
    " CUDAEvent.h CUDAGraphsUtils.cuh CUDASparse.h CUDASparseBlas.h CUDASparseDescriptors.h CUDAUtils.h Exceptions.h"
    " cub.cuh".split()
)
TORCH_MATH_LIBRARIES = ("cusparse", "cublas", "cublasLt", "cusolver")

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


def cuda_wheel(library: str, major: int) -> Optional[str]:
    """The PyPI project that brings a library of that CUDA release; None when there is none."""
    name = CUDA_WHEELS.get(library)
    return name if name is None or major >= 13 else f"{name}-cu{major}"


#: Where header packages that are installed as wheels keep their headers: first piece of the include, distribution,
#: folders below site-packages. Source: nvidia-cutlass 4.2.0.
HEADER_PACKAGES: Tuple[Tuple[str, str, Tuple[str, ...]], ...] = (
    ("cutlass/util/", "nvidia-cutlass", ("cutlass_library/source/tools/util/include",)),
    ("cutlass/", "nvidia-cutlass", ("cutlass_library/source/include",)),
    ("cute/", "nvidia-cutlass", ("cutlass_library/source/include",)),
)

#: Packages with the headers of other people's libraries: first piece of the include, then the package for apt-get,
#: dnf and apk. Source: Debian 12's, Fedora 40's and Alpine 3.20's package contents.
DEV_PACKAGES: Tuple[Tuple[str, str, str, str], ...] = (
    ("infiniband/", "libibverbs-dev", "rdma-core-devel", "rdma-core-dev"),
    ("rdma/", "librdmacm-dev", "rdma-core-devel", "rdma-core-dev"),
    ("curl/", "libcurl4-openssl-dev", "libcurl-devel", "curl-dev"),
    ("openssl/", "libssl-dev", "openssl-devel", "openssl-dev"),
    ("numa.h", "libnuma-dev", "numactl-devel", "numactl-dev"),
    ("cblas.h", "libopenblas-dev", "openblas-devel", "openblas-dev"),
    ("mpi.h", "libopenmpi-dev", "openmpi-devel", "openmpi-dev"),
    ("zlib.h", "zlib1g-dev", "zlib-devel", "zlib-dev"),
    ("libaio.h", "libaio-dev", "libaio-devel", "libaio-dev"),
    ("ffi.h", "libffi-dev", "libffi-devel", "libffi-dev"),
    ("jpeglib.h", "libjpeg-dev", "libjpeg-turbo-devel", "libjpeg-turbo-dev"),
    ("png.h", "libpng-dev", "libpng-devel", "libpng-dev"),
    ("GL/gl.h", "libgl-dev", "mesa-libGL-devel", "mesa-dev"),
    ("EGL/", "libegl-dev", "mesa-libEGL-devel", "mesa-dev"),
    ("glm/", "libglm-dev", "glm-devel", "glm-dev"),
    ("Eigen/", "libeigen3-dev", "eigen3-devel", "eigen-dev"),
    ("CL/", "ocl-icd-opencl-dev", "ocl-icd-devel", "opencl-icd-loader-dev"),
    ("boost/", "libboost-dev", "boost-devel", "boost-dev"),
    ("google/protobuf/", "libprotobuf-dev", "protobuf-devel", "protobuf-dev"),
    ("sndfile.h", "libsndfile1-dev", "libsndfile-devel", "libsndfile-dev"),
    ("hwloc.h", "libhwloc-dev", "hwloc-devel", "hwloc-dev"),
    ("fftw3.h", "libfftw3-dev", "fftw-devel", "fftw-dev"),
    ("sqlite3.h", "libsqlite3-dev", "sqlite-devel", "sqlite-dev"),
)

#: Packages with shared libraries that Python wheels expect of the system: soname stem, then as above.
RUNTIME_PACKAGES: Tuple[Tuple[str, str, str, str], ...] = (
    ("gomp", "libgomp1", "libgomp", "libgomp"),
    ("stdc++", "libstdc++6", "libstdc++", "libstdc++"),
    ("gfortran", "libgfortran5", "libgfortran", "libgfortran"),
    ("numa", "libnuma1", "numactl-libs", "numactl"),
    ("GL", "libgl1", "mesa-libGL", "mesa-gl"),
)

# --- torch and numpy at load -----------------------------------------------------------------------------------------

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

# --- driver ----------------------------------------------------------------------------------------------------------

#: Oldest driver that serves every release of a CUDA major version. Source: "Minor Version Compatibility" in NVIDIA's
#: CUDA Compatibility guide (r590), and the release notes of CUDA 13 (580.65.06), 12 (525.60.13), 11 (450.80.02).
OLDEST_DRIVER: Dict[int, Tuple[int, ...]] = {13: (580, 65, 6), 12: (525, 60, 13), 11: (450, 80, 2)}

#: Libraries that torch's wheels do not find by their own RPATH: they are asked for by other wheels, whose RUNPATH
#: comes after LD_LIBRARY_PATH. Source: readelf -d on the wheels of torch 2.13.
INDIRECT_LIBRARIES = frozenset({"cublasLt", "nvJitLink", "nvrtc-builtins"})

#: Packages that look for CUDA's libraries themselves before they import what needs them. Source: cupy's
#: _environment.py, cuda-bindings with cuda-pathfinder, jax and tensorflow's own preloading.
OWN_LOADERS = ("cupy", "cuda-bindings", "cuda-core", "nvidia-", "jax", "tensorflow", "tensorrt")

#: What setup.py files import besides the standard library and setuptools, with the distribution that brings it:
#: only names that are certain. Source: the projects' own packaging.
IMPORTED_BY_SETUP: Dict[str, str] = {
    "torch": "torch",
    "numpy": "numpy",
    "Cython": "cython",
    "pybind11": "pybind11",
    "nanobind": "nanobind",
    "packaging": "packaging",
    "psutil": "psutil",
    "einops": "einops",
    "yaml": "pyyaml",
    "skbuild": "scikit-build",
    "setuptools_scm": "setuptools-scm",
    "cmake": "cmake",
    "ninja": "ninja",
    "wheel": "wheel",
    "tensorflow": "tensorflow",
    "jax": "jax",
}


def numbers(version: Optional[str]) -> Tuple[int, ...]:
    """The numeric parts of a dotted version, to compare with: "580.65.06" is (580, 65, 6); () when not known."""
    return tuple(int(part) for part in (version or "").split(".") if part.isdigit())
