"""Headers and libraries that compilers, linkers and CMake say in a log are not there, by whose they are. Pure."""

import re
from typing import Iterator, Set, Tuple

from envdoctor import compat
from envdoctor.log import BuildLog, Hit

Found = Iterator[Tuple[Hit, str]]

# Source: gcc since 2.9 ("error:" before 4.5), gfortran, clang, EDG (nvcc, nvc++, icc) and MSVC.
_HEADER_MESSAGES = (
    r"\berror: (?P<name>[\w.+/-]{1,120}): No such file or directory",
    r"(?:^|[\s'\";>])(?P<name>[\w.+/-]{1,120}\.(?:h|hh|hpp|hxx|cuh|inc|inl)): No such file or directory",
    r"(?:include file )?'(?P<name>[^'\n]{1,120})' (?:file )?not found",
    r"<(?P<name>[\w./-]{1,120}\.(?:h|hpp|cuh))> not found",
    r"[Cc]an(?:not|'t) open included? file:? '(?P<name>[^'\n]{1,120})'",
    r"(?:cannot|could not) open source file \"(?P<name>[^\"\n]{1,120})\"",
    r"\bfatal error: (?P<name>[\w.+/-]{1,120}\.(?:h|hpp|cuh))\s*$",
    r"\b(?P<name>nv/target|cuda/std/\w+): No such file or directory",
    r"\bfatal error: (?P<name>nv/target|cuda/std/\w+)\s*$",
)
_HEADER = re.compile(r"\.(?:h|hh|hpp|hxx|cuh|inc|inl|H)$")

# Of the C and C++ libraries, of an operating system, of a processor: rules about compilers and platforms speak.
_PLATFORM = re.compile(
    r"(?:std\w+|string|math|errno|limits|float|assert|ctype|wchar|uchar|time|signal|setjmp|locale|complex|fenv|malloc|io"
    r"|unistd|dlfcn|pthread|sched|semaphore|poll|endian|dirent|getopt|features|cpuid|alloca|syslog|[Ww]indows|winsock2?"
    r"|corecrt|crtdbg|crtdefs|sal|vcruntime|sdkddkver|intrin|\w+mmintrin|immintrin|x86intrin|arm_\w+|altivec|stdcxx)\.h$"
    r"|(?:sys|bits|gnu|asm|linux|net|arpa|netinet|mach|mach-o|Foundation|Metal|Accelerate)/"
)
# Of the toolkit and of NVIDIA's libraries beside it. Source: include/ of toolkits 9.2 to 13.0.
_CUDA = re.compile(
    r"(?:cuda|cuda_runtime(?:_api)?|cuda_(?:fp16|fp8|fp6|fp4|bf16|occupancy|profiler_api|pipeline\w*|texture_types|gl_interop"
    r"|device_runtime_api|surface_types|awbarrier\w*)|cuda(?:GL|Profiler|Typedefs|EGL|VDPAU)\w*|cooperative_groups|mma"
    r"|cu(?:blas|sparse|solver|rand|fft|dnn|dss|tensor|file|pti|Complex|complex)(?!_frontend)\w*|nvToolsExt\w*|nvml"
    r"|nvrtc|nvJitLink|nvPTXCompiler|nvjpeg|nvblas|nvperf_\w+|npp\w{0,3}|device_launch_parameters|device_functions"
    r"|device_types|driver_(?:types|functions)|vector_(?:types|functions)|builtin_types|channel_descriptor"
    r"|math_(?:constants|functions)|host_(?:defines|config)|(?:texture|surface)_(?:fetch_functions|types|functions)"
    r"|sm_\d\d_\w+|library_types|fatbinary\w*|common_functions|texture_indirect_functions)\.h(?:pp)?$"
    r"|(?:nv/target|cuda/|thrust/|cub/|crt/|cooperative_groups/|nvtx3/|nvshmem)"
)
#: How headers of system libraries begin (whole names where they end in ".h"), and Debian's package with them, beside
#: compat.DEV_PACKAGES. Source: Contents-amd64 and Contents-all of Debian 12's main (magma: contrib). Each is in
#: /usr/include of that package or of one it depends on, or in a folder there (opencv4/, hdf5/serial/, cairo/, ...), but
#: omp.h (clang 14's own folder) and pmix.h (/usr/lib/x86_64-linux-gnu/pmix2/include).
_MORE_SYSTEM: Tuple[Tuple[str, str], ...] = (
    ("omp.h", "libomp-dev"),
    ("openblas_config.h", "libopenblas-dev"),
    ("lapacke.h", "liblapacke-dev"),
    ("portaudio.h", "portaudio19-dev"),
    ("opencv2/", "libopencv-dev"),
    ("zstd.h", "libzstd-dev"),
    ("lz4.h", "liblz4-dev"),
    ("bzlib.h", "libbz2-dev"),
    ("lzma.h", "liblzma-dev"),
    ("xxhash.h", "libxxhash-dev"),
    ("snappy.h", "libsnappy-dev"),
    ("leveldb/", "libleveldb-dev"),
    ("glog/", "libgoogle-glog-dev"),
    ("gflags/", "libgflags-dev"),
    ("yaml-cpp/", "libyaml-cpp-dev"),
    ("libxml/", "libxml2-dev"),
    ("libxslt/", "libxslt1-dev"),
    ("expat.h", "libexpat1-dev"),
    ("hdf5.h", "libhdf5-dev"),
    ("netcdf.h", "libnetcdf-dev"),
    ("lmdb.h", "liblmdb-dev"),
    ("tbb/", "libtbb-dev"),
    ("libavcodec/", "libavcodec-dev"),
    ("libavformat/", "libavformat-dev"),
    ("libavutil/", "libavutil-dev"),
    ("libswscale/", "libswscale-dev"),
    ("tiff.h", "libtiff-dev"),
    ("tiffio.h", "libtiff-dev"),
    ("webp/", "libwebp-dev"),
    ("ft2build.h", "libfreetype-dev"),
    ("X11/extensions/Xrandr.h", "libxrandr-dev"),
    ("X11/extensions/Xinerama.h", "libxinerama-dev"),
    ("X11/extensions/XInput", "libxi-dev"),
    ("X11/extensions/", "libxext-dev"),
    ("X11/Xcursor/", "libxcursor-dev"),
    ("X11/", "libx11-dev"),
    ("GL/glew.h", "libglew-dev"),
    ("GL/glu.h", "libglu1-mesa-dev"),
    ("GL/glut.h", "freeglut3-dev"),
    ("GL/freeglut", "freeglut3-dev"),
    ("GL/osmesa.h", "libosmesa6-dev"),
    ("GL/", "libgl-dev"),
    ("GLFW/", "libglfw3-dev"),
    ("GLES2/", "libgles-dev"),
    ("GLES3/", "libgles-dev"),
    ("vulkan/", "libvulkan-dev"),
    ("SDL.h", "libsdl2-dev"),
    ("SDL2/", "libsdl2-dev"),
    ("libusb.h", "libusb-1.0-0-dev"),
    ("libusb-1.0/", "libusb-1.0-0-dev"),
    ("ucp/", "libucx-dev"),
    ("uct/", "libucx-dev"),
    ("pmix.h", "libpmix-dev"),
    ("numaif.h", "libnuma-dev"),
    ("liburing.h", "liburing-dev"),
    ("gmp.h", "libgmp-dev"),
    ("mpfr.h", "libmpfr-dev"),
    ("readline/", "libreadline-dev"),
    ("ncurses.h", "libncurses-dev"),
    ("curses.h", "libncurses-dev"),
    ("libpq-fe.h", "libpq-dev"),
    ("mysql/", "default-libmysqlclient-dev"),
    ("mysql.h", "default-libmysqlclient-dev"),
    ("sql.h", "unixodbc-dev"),
    ("libelf.h", "libelf-dev"),
    ("gelf.h", "libelf-dev"),
    ("uuid/", "uuid-dev"),
    ("jsoncpp/", "libjsoncpp-dev"),
    ("json/json.h", "libjsoncpp-dev"),
    ("zmq.h", "libzmq3-dev"),
    ("zmq.hpp", "cppzmq-dev"),
    ("alsa/", "libasound2-dev"),
    ("gsl/gsl_", "libgsl-dev"),
    ("cairo.h", "libcairo2-dev"),
    ("cairo/", "libcairo2-dev"),
    ("sox.h", "libsox-dev"),
    ("dds/", "cyclonedds-dev"),
    ("sasl/", "libsasl2-dev"),
    ("ldap.h", "libldap-dev"),
    ("krb5.h", "libkrb5-dev"),
    ("glib.h", "libglib2.0-dev"),
    ("grpcpp/", "libgrpc++-dev"),
    ("absl/", "libabsl-dev"),
    ("re2/", "libre2-dev"),
    ("archive.h", "libarchive-dev"),
    ("libdrm/", "libdrm-dev"),
    ("xf86drm.h", "libdrm-dev"),
    ("va/", "libva-dev"),
    ("unwind.h", "libunwind-dev"),
    ("libunwind.h", "libunwind-dev"),
    ("scotch.h", "libscotch-dev"),
    ("metis.h", "libmetis-dev"),
    ("suitesparse/", "libsuitesparse-dev"),
    ("magma.h", "libmagma-dev"),
    ("magma_v2.h", "libmagma-dev"),
    ("level_zero/", "libze-dev"),
    ("papi.h", "libpapi-dev"),
    ("geos_c.h", "libgeos-dev"),
)


def headers(log: BuildLog, *kinds: str) -> Found:
    """Headers that are not found, of these kinds, each once, with their names."""
    names = ((hit, hit["name"].replace("\\", "/")) for hit in log.search(*_HEADER_MESSAGES))
    return ((hit, name) for hit, name in _once(names) if kind_of_header(name) in kinds)


def _once(found: Found) -> Found:
    seen: Set[str] = set()
    for hit, name in found:
        if name not in seen:
            seen.add(name)
            yield hit, name


def kind_of_header(name: str) -> str:
    """Whose it is: "python", "torch", "cuda", "system", "platform", "file" (no header) or "other"."""
    if name.startswith(("/", "./", "-")):
        return "file"
    if name in ("Python.h", "pyconfig.h") or name.endswith("/pyconfig.h"):
        return "python"
    if re.match(r"(?:THC|TH|THCUNN|THNN|ATen|c10|torch|caffe2)/", name):
        return "torch"
    if _PLATFORM.match(name):
        return "platform"
    if debian_package(name):
        return "system"
    if _CUDA.match(name):
        return "cuda"
    return "other" if _HEADER.search(name) or name.startswith(("Eigen/", "cute/", "cutlass/")) else "file"


def debian_package(header: str) -> str:
    """The development package with it; "" for what no package is known for, and what projects bring themselves."""
    if header.startswith("glm/"):
        return ""
    named = (*((start, apt) for start, apt, *_ in compat.DEV_PACKAGES), *_MORE_SYSTEM)
    return next((apt for start, apt in named if _begins(header, start)), "")


def _begins(header: str, start: str) -> bool:
    return header == start if start.endswith(".h") else header.startswith(start)


# Source: GNU ld, gold, lld, mold, Apple's ld (both), link.exe, lld-link; gcc and clang of a library named as a file;
# ninja and make of the same; CMake's messages of a target that is not there and of FindCUDA's variables (those that
# an old CMake looks for in vain are cmake-too-old's); rustc.
_LIBRARY_MESSAGES = (
    r"cannot find -l(?P<name>[\w.+-]+)",
    r"cannot find \S{0,200}?/lib(?P<name>[\w+-]+)\.(?:so|a)\b",
    r"unable to find library -l(?P<name>[\w.+-]+)",
    r"mold: (?:fatal|error): library not found: (?P<name>[\w.+-]+)",
    r"library not found for -l(?P<name>[\w.+-]+)",
    r"ld: library '(?P<name>[\w.+-]+)' not found",
    r"cannot open (?:input )?file '(?:[^'\n]{0,200}[\\/])?(?P<name>[\w.+-]+)\.lib'",
    r"could not open '(?P<name>[\w.+-]+)\.lib'",
    r"error: \S{0,200}/lib(?P<name>[\w+-]+)\.(?:so|a)(?:\.\d+)*: No such file or directory",
    r"no such file or directory: '[^'\n]{0,200}/lib(?P<name>[\w+-]+)\.(?:so|a)'",
    r"'[^'\n]{0,200}/lib(?P<name>[\w.+-]+?)\.(?:so|a|dylib)', needed by '",
    r"(?:links to:?|links to target|contains:) [\"']?CUDA::(?P<name>\w+)[\"']? but the target was not found",
    r"^CUDA_(?!cublas_device|nppi_)(?P<name>\w+?)_LIBRARY(?: \(ADVANCED\))? linked by target",
    r"could not find native (?:static |dynamic )?library '(?P<name>[\w.+-]+)'",
)
_DRIVER = frozenset("cuda cuda_driver nvcuda nvidia-ml nvml nvcuvid nvidia-encode".split())
_RUNTIME = frozenset(("cudart", "cudart_static", "cudadevrt"))
_CUDA_LIBRARY = re.compile(
    r"(?:cudart|cublas|cusparse|cusolver|curand|cufft|nvrtc|nvJitLink|nvjitlink|nvToolsExt|nvtx|cudnn|nccl|cupti|npp|nvjpeg"
    r"|nvblas|cudss|cutensor|cufile|nvshmem|culibos|cudadevrt|nvvm|nvptxcompiler|accinj|metis_static|nvfatbin)"
)
#: What every system has: its C and C++ libraries.
BASE = frozenset(
    "c m pthread dl rt util stdc++ gcc gcc_s gcc_eh c++ c++abi atomic gomp gfortran System crypt nsl".split()
)

#: conda's linkers: of `compiler_compat`, of its own compilers, and one in an environment's bin.
CONDA_LD = (
    r"(?:compiler_compat/|-conda\w*-linux-gnu(?:/bin/|-)|conda\d?/(?:envs/[\w.-]+/)?bin/)"
    r"(?:x86_64\S{1,40}-)?ld(?:\.\w+)?"
)


def libraries(log: BuildLog, *kinds: str) -> Found:
    """Libraries that are not found for a link, of these kinds, each once, with their names."""
    names = ((hit, _plain(hit["name"].rstrip(".-"))) for hit in log.search(*_LIBRARY_MESSAGES))
    return ((hit, name) for hit, name in _once(names) if kind_of_library(name) in kinds)


def _plain(name: str) -> str:
    """FindCUDA writes CUDA_CUDART_LIBRARY."""
    return name.lower() if name in ("CUDA", "CUDART") else name


def kind_of_library(name: str) -> str:
    """Whose it is: "driver", "archive" (CUDA's static ones), "cuda", "python", "base" or "other"."""
    if name in _DRIVER:
        return "driver"
    if _CUDA_LIBRARY.match(name):
        return "archive" if name not in _RUNTIME and re.search(r"_static|culibos", name) else "cuda"
    if re.fullmatch(r"python[\d.]+[a-z_]*", name):
        return "python"
    return "base" if name in BASE else "other"


#: What projects of this kind keep as submodules: first pieces of an include.
_SUBMODULES = tuple(
    (
        "cute/ glm/ fmt/ spdlog/ nlohmann/ dlpack/ dmlc/ json/ gtest/ gmock/"
        " ck/ ck_tile/ cudnn_frontend tiny-cuda-nn/ cxxopts CLI/ catch2/ benchmark/ pcg32/ args/ xbyak/"
    ).split()
)


def vendored(log: BuildLog) -> Iterator[Tuple[Hit, str, str]]:
    """Headers of other projects with their names, and "empty" (their folder is), "unsearched" or "unknown"."""
    for hit, name in headers(log, "other"):
        first = name.partition("/")[0]
        if _own(log, name) or ("/" not in name and not name.startswith(_SUBMODULES)):
            yield hit, name, "unknown"
        elif name.startswith("cutlass/util/") and not log.has(r"tools/util/include"):
            yield hit, name, "unsearched"
        elif _is_searched(log, first) or _cloned_flat(log) or name.startswith(_SUBMODULES):
            yield hit, name, "empty"
        else:
            yield hit, name, "unsearched"


def _own(log: BuildLog, name: str) -> bool:
    """Whether it is included in quotes: as a file of the including project itself."""
    return not name.startswith((*_SUBMODULES, "cutlass/", "cute/")) and log.has(
        r"#\s*include \"" + re.escape(name) + '"'
    )


def _is_searched(log: BuildLog, first: str) -> bool:
    """Whether a folder of that project is on the include path: then the folder is empty."""
    owner = "cutlass" if first == "cute" else re.escape(first)
    return log.has(
        rf"(?:^|\s)(?:-I|-isystem|/I) ?[^\s]{{0,200}}\b{owner}(?:[/\\]|\s)",
        rf"include_directories\([^)\n]{{0,200}}\b{owner}\b",
    )


def _cloned_flat(log: BuildLog) -> bool:
    """Whether the log shows a clone without submodules, or says that submodules were forgotten."""
    clone = log.has(r"git clone (?![^\n]*--recurs)") and not log.has(r"git submodule update")
    return clone or log.has(r"(?i:submodule)")
