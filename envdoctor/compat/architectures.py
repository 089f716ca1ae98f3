"""GPU architectures: which nvcc, CMake and torch know them, and what device code needs."""

from typing import Dict, Tuple

from envdoctor.compat.versions import Release

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

#: Options of nvcc and the first CUDA release that knows them. Source: CUDA release notes 11.2 (threads), 11.3
#: (generate-dependencies-with-compile since 10.2), 11.5 (all, all-major), 11.6 (native).
NVCC_OPTION_SINCE: Dict[str, Release] = {"all": (11, 5), "all-major": (11, 5), "native": (11, 6)}

#: CMake releases that stop at CUDA_ARCHITECTURES "native" without a GPU: from the first (inclusive) to the second
#: (exclusive). Measured with 3.25.2, 3.31.10, 4.4.4; the keyword came with 3.24.
NATIVE_STOPS_WITHOUT_GPU: Tuple[Release, Release] = ((3, 24), (3, 31))

#: What CMAKE_CUDA_ARCHITECTURES_ALL holds from CUDA 11.8 on where CMake does not know that CUDA dropped some of it.
CMAKE_ALL: Tuple[int, ...] = (35, 37, 50, 52, 53, 60, 61, 62, 70, 72, 75, 80, 86, 87, 89, 90)
#: CMake releases, from and below, that do not know what a CUDA dropped: that CUDA, then these. Source:
#: Modules/CUDA/architectures.cmake of CMake 3.25, Modules/Internal/CMakeCUDAArchitecturesAll.cmake of 3.31.10, 4.0.3,
#: 4.1.3 and 4.4.4.
CMAKE_ALL_UNAWARE: Tuple[Tuple[Tuple[int, int], str, str], ...] = (
    ((12, 0), "3.23", "3.26"),
    ((13, 0), "3.23", "3.31.10"),
    ((13, 0), "4.0", "4.1"),
)

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
