"""A library that the code uses is not on the link line.

## What it means

The compiler accepts a declaration, and the linker finds no definition: "undefined reference to `cblas_sgemm'",
"nvlink error : Undefined reference". The library is not named, is named before the objects that need it (with
static archives the order matters), or device code of several objects is linked without relocatable device code.

## How envdoctor knows

It cannot be foreseen: which functions a source calls, and which library defines them, is only known when it is
compiled. It is known from the linker's lines "undefined reference to" and "nvlink error : Undefined reference",
and from the loader's "undefined symbol" in a module of Python that was linked without what defines the symbol:
for shared libraries the linker says nothing.

## What to do

Name the library that defines the symbol after the objects (`-lopenblas`, `-lcblas`, `CUDA::cublas`,
`target_link_libraries`). For device symbols compile all objects with `-rdc=true` (CMake:
CUDA_SEPARABLE_COMPILATION) and link them together on the device.

## When to ignore it

When the symbol is torch's and the message comes at import: then see torch-abi-mismatch.
"""

import posixpath
import re
from typing import Iterator

from envdoctor.finding import Finding, Fix, Severity
from envdoctor.log import BuildLog
from envdoctor.messages import unresolved

SEVERITY = Severity.ERROR


# GNU ld and gold, lld, mold, Apple's ld, link.exe, nvlink. A library that the linker itself misses is another rule's.
_UNDEFINED = (
    r"undefined reference to '(?P<name>[^'\n]+)'",
    r"error: undefined symbol: (?P<name>\S.*)$",
    r"Undefined symbols for architecture \w+: \"_?(?P<name>[^\"\n]+)\", referenced from",
    r"unresolved external symbol (?:__imp_)?(?P<name>[^\s\"(]+)",
    r"unresolved external symbol \"(?P<name>[^\"]{1,2000})\"",
)
_DEVICE = (
    r"nvlink error : Undefined reference to '(?P<name>[^'\n]+)'",
    r"Unresolved extern function '(?P<name>[^'\n]+)'",
)
# The loader, of a module that was linked without a library (CUDA's and torch's symbols are other rules').
_AT_IMPORT = (
    r"undefined symbol: (?P<name>(?:cblas_|[sdcz]ge(?:mm|mv|sv|trf)_|GOMP_|omp_|__kmpc_|cl[A-Z]|shm_)\w*)"
)
_DSO = r"undefined reference to symbol '(?P<name>[^'\n]+)'"
#: Which library defines it, by how its names begin.
_LIBRARIES = (
    (r"cblas_|openblas_|[sdcz]ge(?:mm|mv|sv|svd|qrf|trf|ev)_$", "-lcblas or -lopenblas"),
    (r"curl_", "-lcurl"),
    (r"cl(?:Get|Create|Enqueue|Build|Release|Set|Finish|Wait|Retain)[A-Z]?", "-lOpenCL"),
    (r"(?:__)?cuda[A-Z_]|__cudaRegister|__fatbinwrap|__cudart", "-lcudart"),
    (r"cublasLt", "-lcublasLt"),
    (r"cublas", "-lcublas"),
    (r"cusparse", "-lcusparse"),
    (r"cusolver", "-lcusolver"),
    (r"curand", "-lcurand"),
    (r"cufft", "-lcufft"),
    (r"cudnn", "-lcudnn"),
    (r"nvrtc", "-lnvrtc"),
    (r"nvml", "-lnvidia-ml"),
    (r"nvtx|nvToolsExt", "-lnvToolsExt"),
    (r"nccl", "-lnccl"),
    (r"cu(?:[A-Z]\w+)$", "-lcuda"),
    (r"omp_|GOMP_|__kmpc_", "-fopenmp"),
    (r"pthread_|sem_", "-pthread"),
    (r"dl(?:open|sym|close|error)$", "-ldl"),
    (r"shm_(?:open|unlink)|clock_|timer_", "-lrt"),
    (r"(?:sqrt|pow|exp|log|sin|cos|tan|floor|ceil|fmod|round|lround)f?$", "-lm"),
    (r"SSL_|TLS_|EVP_|OPENSSL_|BIO_|X509_|MD5_|SHA\d+_|HMAC_", "-lssl -lcrypto"),
    (r"ibv_|rdma_", "-libverbs -lrdmacm"),
    (r"numa_", "-lnuma"),
    (r"MPI_|ompi_", "the MPI compiler wrapper (mpicxx)"),
    (r"(?:un)?compress|(?:in|de)flate|gz|crc32|zlib", "-lz"),
    (r"png_", "-lpng"),
    (r"jpeg_", "-ljpeg"),
    (r"cv::", "OpenCV's libraries"),
    (r"google::protobuf", "-lprotobuf"),
    (r"google::", "-lglog or -lgflags"),
    (r"boost::", "Boost's libraries"),
    (r"(?:fmt|spdlog)::", "-lfmt or -lspdlog"),
    (r"absl::", "Abseil's libraries"),
    (r"__atomic_|__aarch64_(?:ld|cas|swp)", "-latomic"),
    (r"std::filesystem", "-lstdc++fs"),
    (r"std::|__cxa_|__gxx_|operator (?:new|delete)|vtable for __cxxabi", "-lstdc++ (link with g++)"),
    (r"nvshmem", "-lnvshmem"),
    (r"vk[A-Z]", "-lvulkan"),
    (r"gl[A-Z]|glX|egl[A-Z]", "-lGL"),
    (r"X[A-Z]\w+", "-lX11"),
    (r"mkl_|MKL_|vml|vsl", "MKL's libraries"),
    (r"_?Py[A-Z_]", "the Python library (-lpython3.x, python3x.lib)"),
)
# Other rules': torch's symbols and string ABIs, versions of glibc and libstdc++, lost -m flags; templates that a
# project forgot to instantiate are its own.
_NOT_OURS = (
    r"main$|WinMain|TH[CP]|__builtin|iJIT_|__nvJitLink|_ZN?K?(?:2at|3c10|5torch)"
    r"|.*(?:@GLIBC|\b(?:c10|at|torch|caffe2)::|__cxx11|_avx\w*|_amx\w*|_neon|iqk_|<|@(?:c10|at|torch)@@)"
)


def explain(log: BuildLog) -> Iterator[Finding]:
    device = log.first(*_DEVICE)
    if device:
        yield device.finding(
            f"The device link has no definition of {device['name']}.",
            "Device code calls into another object or a device library that this link does not have.",
            Fix(
                "Add what defines it to the device link (-lcudadevrt, -lnvshmem_device, the other objects); compile"
                " all of them with -rdc=true (CMake: CUDA_SEPARABLE_COMPILATION ON)"
            ),
        )
    elif not log.has(r"needed by \S+, not found \(try using -rpath"):
        found = list(_of_the_host(log))
        yield from found or _at_import(log)


def _at_import(log: BuildLog) -> Iterator[Finding]:
    """A name that a module wants of itself: the first that no rule about what it was built with speaks of."""
    for symbol in unresolved.symbols(log):
        other = symbol.of_torch or symbol.by_torch_itself or symbol.version or "nvJitLink" in symbol.name
        if other or not symbol.importable or unresolved.NOT_ITS_OWN.match(symbol.name):
            continue
        library = _library(symbol.name)
        cure = (
            f"Link {library} behind the objects"
            if library
            else "Add the source file that defines it to the module's sources, or its library (libraries=[...])"
        )
        yield symbol.hit.finding(
            f"{posixpath.basename(symbol.object)} was linked without what defines {symbol.name[:80]}.",
            "The link of a shared library passes over names that nothing defines; loading it does not.",
            Fix(
                f"{cure}; with -Wl,--no-undefined the link itself tells what is missing, and c++filt reads names that"
                " begin with _Z"
            ),
            "medium",
        )
        return


def _of_the_host(log: BuildLog) -> Iterator[Finding]:
    """One finding: of the first symbol whose library is known, else of the first."""
    # The linker has found a library that has the symbol, and only refuses to take what is not named to it.
    indirect = list(log.search(_DSO))
    hits = indirect or [
        hit for hit in log.search(*_UNDEFINED, _AT_IMPORT) if not re.match(_NOT_OURS, hit["name"])
    ]
    known = next(((hit, name) for hit in hits for name in (_library(hit["name"]),) if name), None)
    if known is None and not hits:
        return
    hit, library = known or (hits[0], "")
    yield hit.finding(
        f"The link has no definition of {hit['name']}"
        + (f": {library} is missing from it." if library else "."),
        "The compiler accepted the declaration; no object or library on the link line defines it.",
        Fix(
            f"Add {library} behind the objects"
            if library
            else "Name the library that defines it behind the objects:"
            " nm -DC --defined-only lib*.so shows which one does"
        ),
        "high" if known and library.startswith("-") else "medium" if known else "low",
    )


def _library(symbol: str) -> str:
    return next((name for start, name in _LIBRARIES if re.match(start, symbol)), "")
