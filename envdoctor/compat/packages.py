"""Which package brings a header, a library, a program or a module."""

from typing import Dict, Tuple

#: Where header packages that are installed as wheels keep their headers: first piece of the include, distribution,
#: folders below site-packages. Source: nvidia-cutlass 4.2.0.
HEADER_PACKAGES: Tuple[Tuple[str, str, Tuple[str, ...]], ...] = (
    ("cutlass/util/", "nvidia-cutlass", ("cutlass_library/source/tools/util/include",)),
    ("cutlass/", "nvidia-cutlass", ("cutlass_library/source/include",)),
    ("cute/", "nvidia-cutlass", ("cutlass_library/source/include",)),
)

#: Packages with the headers of other people's libraries: first piece of the include, then the package for apt-get,
#: dnf and apk. Source: Debian 12's, Fedora 40's and Alpine 3.20's package contents; NCCL's are NVIDIA's packages.
DEV_PACKAGES: Tuple[Tuple[str, str, str, str], ...] = (
    ("infiniband/", "libibverbs-dev", "rdma-core-devel", "rdma-core-dev"),
    ("rdma/fabric.h", "libfabric-dev", "libfabric-devel", "libfabric-dev"),
    ("rdma/fi_", "libfabric-dev", "libfabric-devel", "libfabric-dev"),
    ("rdma/", "librdmacm-dev", "rdma-core-devel", "rdma-core-dev"),
    ("curl/", "libcurl4-openssl-dev", "libcurl-devel", "curl-dev"),
    ("openssl/", "libssl-dev", "openssl-devel", "openssl-dev"),
    ("nccl.h", "libnccl-dev", "libnccl-devel", ""),
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

#: What find_package asks for by a module of CMake's own, and the header by which that module finds it. Source:
#: Find*.cmake of CMake 3.25.
CMAKE_PACKAGE_HEADERS: Dict[str, str] = {
    "CURL": "curl/curl.h",
    "OpenSSL": "openssl/ssl.h",
    "ZLIB": "zlib.h",
    "PNG": "png.h",
    "JPEG": "jpeglib.h",
    "SQLite3": "sqlite3.h",
    "Protobuf": "google/protobuf/service.h",
}

#: Packages with shared libraries that Python wheels expect of the system: soname stem, then as above.
RUNTIME_PACKAGES: Tuple[Tuple[str, str, str, str], ...] = (
    ("gomp", "libgomp1", "libgomp", "libgomp"),
    ("stdc++", "libstdc++6", "libstdc++", "libstdc++"),
    ("gfortran", "libgfortran5", "libgfortran", "libgfortran"),
    ("numa", "libnuma1", "numactl-libs", "numactl"),
    ("GL", "libgl1", "mesa-libGL", "mesa-gl"),
)

#: The package with g++ where gcc comes without it (pacman's gcc is whole).
CXX_PACKAGES: Dict[str, str] = {
    "apt-get": "g++",
    "dnf": "gcc-c++",
    "yum": "gcc-c++",
    "zypper": "gcc-c++",
    "apk": "g++",
}
#: Programs that builds call, with their package for each package manager.
PROGRAM_PACKAGES: Dict[str, Dict[str, str]] = {
    "make": dict.fromkeys(("apt-get", "dnf", "yum", "apk", "zypper", "pacman"), "make"),
    "g++": {**CXX_PACKAGES, "pacman": "gcc"},
    "rustc": {
        "apt-get": "rustc",
        "dnf": "rust cargo",
        "apk": "rust cargo",
        "zypper": "rust cargo",
        "pacman": "rust",
    },
}

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
    "scipy": "scipy",
    "triton": "triton",
    "jinja2": "jinja2",
    "mpi4py": "mpi4py",
}

#: Modules whose distribution has another name. Source: PyPI.
DISTRIBUTIONS: Dict[str, str] = {
    **IMPORTED_BY_SETUP,
    "cv2": "opencv-python",
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "bs4": "beautifulsoup4",
    "dotenv": "python-dotenv",
    "attr": "attrs",
    "google.protobuf": "protobuf",
    "Crypto": "pycryptodome",
    "dateutil": "python-dateutil",
    "serial": "pyserial",
    "zmq": "pyzmq",
    "git": "gitpython",
    "flash_attn": "flash-attn",
    "faiss": "faiss-cpu",
    "flashinfer": "flashinfer-python",
    "absl": "absl-py",
    "tensorboardX": "tensorboardX",
    "hydra": "hydra-core",
    "pynvml": "nvidia-ml-py",
    "av": "av",
    "mesonpy": "meson-python",
    "pkg_about": "pkg-about",
}

#: Modules whose distribution has their own name, with - for _. Source: the installation pages of these projects (apex
#: is not among them: on PyPI that is a stranger's).
NAMED_ALIKE = frozenset(
    (
        "pip torchvision torchaudio transformers accelerate datasets tokenizers safetensors huggingface_hub"
        " diffusers peft trl bitsandbytes deepspeed xformers vllm sglang causal_conv1d mamba_ssm torchmetrics"
        " torchdata torchao torchtune kornia lightning pytorch_lightning timm omegaconf wandb tensorboard"
        " gradio fastapi uvicorn pydantic aiohttp httpx requests tqdm pandas matplotlib seaborn sympy networkx"
        " h5py sentencepiece tiktoken numba llvmlite onnx onnxruntime imageio trimesh open3d torch_scatter"
        " torch_sparse torch_cluster torch_geometric pytest tabulate click rich termcolor ray decord librosa"
        " soundfile pycocotools nltk gguf loguru addict yacs fvcore iopath mmcv mmengine lmdb plyfile ftfy"
        " regex xgboost lightgbm tensorrt pycuda nvtx typing_extensions filelock fsspec joblib six hatchling"
        " maturin meson scikit_build_core setuptools_rust cffi optree expecttest hypothesis parameterized"
        " portalocker lxml sqlalchemy flask redis boto3 uvloop msgpack orjson ujson blosc zstandard polars"
        " pyarrow dask modelscope evaluate optimum auto_gptq gptqmodel xgrammar outlines openai mistral_common"
    ).split()
)

#: Packages that look for CUDA's libraries themselves before they import what needs them. Source: cupy's
#: _environment.py, cuda-bindings with cuda-pathfinder, jax and tensorflow's own preloading.
OWN_LOADERS = ("cupy", "cuda-bindings", "cuda-core", "nvidia-", "jax", "tensorflow", "tensorrt")


def is_known(module: str) -> bool:
    """Whether it is certain what pip installs for a module: a guessed name may be a stranger's package."""
    top = module.partition(".")[0]
    return module in DISTRIBUTIONS or top in DISTRIBUTIONS or top in NAMED_ALIKE


def distribution(module: str) -> str:
    """What pip installs for a module; the module's own name where no other is known."""
    top = module.partition(".")[0]
    return DISTRIBUTIONS.get(module) or DISTRIBUTIONS.get(top) or module.replace("_", "-").replace(".", "-")
