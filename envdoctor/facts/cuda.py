"""CUDA: toolkits component by component, the driver and its GPUs, torch, and the loader's view."""

import re
from dataclasses import dataclass
from typing import Optional, Tuple


@dataclass(frozen=True)
class Component:
    """One part of a toolkit with its own version.

    Names: "nvcc", "cicc", "ptxas", "fatbinary", "nvlink", "crt", "cuda.h", "cudart", "cccl", "libdevice".
    """

    name: str
    path: str
    version: Optional[str]  # None: there, but its version could not be determined
    found_via: str  # "nvcc --version", "CUDA_VERSION in cuda.h", "wheel metadata", ...


@dataclass(frozen=True)
class Library:
    """One CUDA library as a build may ask for it; every field None means absent."""

    name: str  # "cudart", "cublas", "cublasLt", "cusparse", ..., "culibos", "cudadevrt", "cuda"
    shared: Optional[str]  # the newest versioned file: .../libcudart.so.13
    dev_link: Optional[str]  # .../libcudart.so, what -lcudart needs
    static: Optional[str]  # .../libcudart_static.a
    header: Optional[str]  # .../cuda_runtime.h
    stub: Optional[str]  # .../stubs/libcuda.so
    soname: Optional[str]  # "libcudart.so.13"
    version: Optional[str]


@dataclass(frozen=True)
class Toolkit:
    """A CUDA toolkit root. An nvcc is part of it, unless `nvcc` is None (headers and libraries alone)."""

    root: str
    version: Optional[str]  # "13.0", nvcc's where there is one
    build: Optional[str]  # "13.0.88"
    nvcc: Optional[str]  # real file
    layout: str  # "runfile" | "wheel" | "wheel-split" | "debian" | "conda" | "hpc-sdk" | "other"
    #: How it was reached, strongest first: ("CUDA_HOME", "nvcc on PATH", "/usr/local/cuda").
    origins: Tuple[str, ...]
    components: Tuple[Component, ...]
    libraries: Tuple[Library, ...]
    include_dirs: Tuple[str, ...]
    library_dirs: Tuple[str, ...]
    #: Architectures asked from nvcc: ("75", "80", ..., "90", "100"); empty when it did not answer.
    architectures: Tuple[str, ...]
    #: Newest host compilers that host_config.h accepts; None when it does not say.
    newest_gcc: Optional[int]
    newest_clang: Optional[int]
    #: Whether `root`/lib64 is there (torch and many Makefiles link with -L<root>/lib64).
    lib64: bool
    #: Whether nvcc.profile lies beside nvcc (without it nvcc finds none of its headers).
    profile: bool
    #: Whether crt/math_functions.h declares cospi, sinpi, ... in the way that glibc >= 2.41 asks; None: no such file.
    glibc_2_41_ready: Optional[bool]
    #: Why nvcc does not work, in one line; None when it answered.
    error: Optional[str]
    #: The folder of libraries that nvcc.profile adds to every link by nvcc, when it is not there.
    missing_link_dir: Optional[str] = None

    def component(self, name: str) -> Optional[Component]:
        """By name, None when absent."""
        return next((c for c in self.components if c.name == name), None)

    def library(self, name: str) -> Optional[Library]:
        """By name ("nvJitLink" or "nvjitlink"), None when absent in every form."""
        return next((library for library in self.libraries if library.name.lower() == name.lower()), None)

    @property
    def release(self) -> Tuple[int, int]:
        """(13, 0); (0, 0) when the version is not known."""
        match = re.match(r"(\d+)(?:\.(\d+))?", self.version or "")
        return (int(match[1]), int(match[2] or 0)) if match else (0, 0)


@dataclass(frozen=True)
class Toolkits:
    """Every toolkit found."""

    items: Tuple[Toolkit, ...]
    #: Files lib*.so and lib*.a in the folders of LIBRARY_PATH: what a link finds besides the toolkit's own folders.
    linkable: Tuple[str, ...] = ()

    def get(self, root: str) -> Optional[Toolkit]:
        """By root folder."""
        return next((toolkit for toolkit in self.items if toolkit.root == root), None)


@dataclass(frozen=True)
class NvccPath:
    """An nvcc on PATH, resolved to the toolkit that it really runs."""

    path: str
    kind: str  # "binary" | "link" (to the file alone) | "wrapper" (script)
    real: str
    #: The root that it reports with --dryrun (TOP), None when it did not answer.
    root: Optional[str]
    wins: bool
    error: Optional[str]


@dataclass(frozen=True)
class Nvccs:
    """Every nvcc on PATH, in PATH order."""

    items: Tuple[NvccPath, ...]


@dataclass(frozen=True)
class Gpu:
    """One visible GPU (serials and UUIDs are not kept)."""

    index: int
    name: str
    compute_capability: Tuple[int, int]
    memory: int  # bytes
    mig: bool
    mig_devices: int


@dataclass(frozen=True)
class Driver:
    """The NVIDIA driver: kernel module and user-space library are two facts with two versions."""

    #: "580.159.04" from /proc/driver/nvidia/version, or NVML where that is hidden; None: not loaded or not visible.
    kernel_module: Optional[str]
    libcuda: Optional[str]  # the file that the loader takes for libcuda.so.1
    libcuda_version: Optional[str]  # "580.159.04", from its file name
    libcuda_via: Optional[str]  # "LD_LIBRARY_PATH", "ld.so.cache", ...
    cuda_version: Optional[str]  # newest CUDA that the driver serves: "13.0"
    gpus: Tuple[Gpu, ...]
    #: Device nodes that exist but cannot be opened by this user.
    forbidden_nodes: Tuple[str, ...]
    #: Why NVML gave nothing although a driver is there.
    error: Optional[str]
    found_via: str  # "NVML", "libcuda", "/proc/driver/nvidia/version", ...


@dataclass(frozen=True)
class Torch:
    """torch as its files describe it; nothing of it is imported."""

    version: str  # "2.13.0+cu130"
    cuda: Optional[str]  # "13.0"; None: a build without CUDA
    hip: Optional[str]
    path: str  # the package's folder
    cxx11_abi: Optional[bool]
    #: True for NVIDIA's or another vendor's pre-release builds ("1.10.0a0+0aef44c").
    vendor: bool
    #: CUDA libraries that torch brings or requires: components named by soname stem ("cudart", "cublas", ...).
    libraries: Tuple[Component, ...]
    #: Architecture numbers that its cpp_extension accepts in TORCH_CUDA_ARCH_LIST ("8.0", "9.0a", ...).
    known_architectures: Tuple[str, ...]
    #: C++ standard that its headers need (14, 17, 20).
    cxx_standard: int
    #: Architectures that its own kernels have (only with --deep): ("sm_80", ...).
    architectures: Tuple[str, ...]
    #: What a child process that imported it said (only with --deep): None, or one line of error.
    import_error: Optional[str]
    found_via: str


@dataclass(frozen=True)
class Copy:
    """One copy of a shared library."""

    path: str
    #: "LD_LIBRARY_PATH" | "ld.so.cache" | "torch" | "wheel" | "toolkit" | "conda" | "default"
    #: | "rpath" (the interpreter's own)
    via: str
    stub: bool
    version: Optional[str]


@dataclass(frozen=True)
class LoadedLibrary:
    """What the loader gives for one soname, and the copies that it passes over."""

    soname: str
    taken: Optional[Copy]
    others: Tuple[Copy, ...]


@dataclass(frozen=True)
class Loader:
    """The dynamic loader's view for CUDA libraries, libcuda and libstdc++."""

    #: LD_LIBRARY_PATH folders in order.
    search_path: Tuple[str, ...]
    libraries: Tuple[LoadedLibrary, ...]

    def get(self, stem: str) -> Tuple[LoadedLibrary, ...]:
        """All sonames of one library: get("cudart") gives libcudart.so.12 and libcudart.so.13."""
        return tuple(entry for entry in self.libraries if entry.soname.startswith(f"lib{stem}.so"))
