"""Whose a header is: the toolkit's, torch's, Python's, the C++ library's, the system's."""

import re

#: Headers of the CUDA toolkit. Source: include/ of toolkits 11.8 to 13.5.
CUDA = re.compile(
    r"(?:cuda|cublas|cusparse|cusolver|curand|cufft|nvrtc|nvml|nvJitLink|nvjpeg|npp|cupti|fatbinary|nvToolsExt|nvPTX|cooperative_groups)"
    r"[\w]*\.(?:h|hpp|cuh)$"
    r"|(?:cub|thrust|cuda|nv|cooperative_groups|nvtx3|crt)/"
    r"|(?:builtin_types|channel_descriptor|common_functions|device_\w+|driver_\w+|host_\w+|library_types|math_constants"
    r"|math_functions|mma|sm_\d\d_\w+|surface_\w+|texture_\w+|vector_\w+)\.(?:h|hpp)$"
)
TORCH = re.compile(r"(?:torch|ATen|c10|THC|TH|THCUNN|caffe2|pybind11)/")
PYTHON = re.compile(r"(?:Python|structmember|frameobject|pyconfig|patchlevel)\.h$|numpy/|cpython/")
CUTLASS = re.compile(r"(?:cutlass|cute)/")
OTHERS_OF_INTEREST = re.compile(r"(?:cudnn\w*|nccl\w*)\.h$")
#: Other platforms' headers, which nobody misses here.
FOREIGN = re.compile(
    r"(?:hip|rocblas|rocm|rocprim|hipcub|hipblas\w*|sycl|CL|musa\w*|ck|ck_tile)(?:/|\w*\.h)"
    r"|(?i:windows|winsock2?|intrin|direct|io)\.h$"
)
_C_LIBRARY = frozenset(
    "assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg"
    " stdatomic stdbool"
    " stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar wchar wctype unistd pthread"
    " fcntl dlfcn dirent"
    " sched poll strings libgen getopt glob grp pwd regex semaphore spawn syslog termios utime wordexp"
    " malloc alloca endian"
    " byteswap execinfo features ifaddrs link netdb netinet resolv search stropts ucontext error err omp"
    " cpuid cxxabi unwind"
    " x86intrin immintrin emmintrin xmmintrin pmmintrin tmmintrin smmintrin nmmintrin wmmintrin ammintrin"
    " avxintrin avx2intrin"
    " avx512fintrin fmaintrin f16cintrin mm_malloc arm_neon arm_sve arm_acle arm_bf16 arm_fp16 altivec".split()
)
_SYSTEM_FOLDERS = re.compile(
    r"(?:sys|linux|asm|bits|arpa|net|netinet|gnu|ext|experimental|backward|debug|parallel|tr1)/"
)


def of_interest(name: str) -> bool:
    """Whether other facts tell if a header is there: the toolkit's, torch's, Python's, CUTLASS's."""
    return any(family.match(name) for family in (CUDA, TORCH, PYTHON, CUTLASS, OTHERS_OF_INTEREST))


def is_of_the_system(name: str) -> bool:
    """Whether a compiler with its C library brings a header, or it is another platform's."""
    stem, dot, suffix = name.partition(".")
    standard = ("/" not in name and not dot) or (suffix == "h" and stem in _C_LIBRARY)
    return standard or bool(_SYSTEM_FOLDERS.match(name) or FOREIGN.match(name))
