"""The environment variables that builds, loaders and finders read: an allow-list, so that no secret is kept."""

import posixpath
import re

from envdoctor.facts import Environment, Variable
from envdoctor.host import Host
from envdoctor.probes import _git_configuration as git
from envdoctor.probes import compilers
from envdoctor.scrub import scrub_credentials

# Grouped by who reads them. Names alone decide: a variable that is not here is not looked at.
NAMES = frozenset(
    # shells and loaders
    "PATH HOME SHELL TMPDIR TEMP TMP LANG LC_ALL LC_CTYPE LD_LIBRARY_PATH LD_PRELOAD LIBRARY_PATH CPATH"
    " C_INCLUDE_PATH CPLUS_INCLUDE_PATH PKG_CONFIG_PATH NO_COLOR CI"
    # Python, conda, pip, uv
    " PYTHONPATH PYTHONHOME PYTHONNOUSERSITE PYTHONUSERBASE VIRTUAL_ENV CONDA_PREFIX CONDA_DEFAULT_ENV"
    " DIST_EXTRA_CONFIG CONDA_EXE PYENV_ROOT PYENV_VERSION UV_PYTHON UV_INDEX_URL UV_NO_BUILD_ISOLATION"
    # compilers and linkers
    " CC CXX CUDAHOSTCXX CFLAGS CXXFLAGS CPPFLAGS LDFLAGS MAKEFLAGS LDSHARED CUDAFLAGS"
    # CUDA
    " CUDA_HOME CUDA_PATH CUDA_ROOT CUDA_BIN_PATH CUDA_TOOLKIT_ROOT_DIR CUDAToolkit_ROOT CUDACXX CUDAARCHS"
    " CUDA_VISIBLE_DEVICES CUDA_DEVICE_ORDER CUDA_MODULE_LOADING CUDA_CACHE_PATH NVCC NVCC_CCBIN"
    " NVCC_APPEND_FLAGS NVCC_PREPEND_FLAGS NVIDIA_VISIBLE_DEVICES NVIDIA_DRIVER_CAPABILITIES"
    " ROCR_VISIBLE_DEVICES HIP_VISIBLE_DEVICES"
    # torch's builds
    " TORCH_CUDA_ARCH_LIST FORCE_CUDA FORCE_ONLY_CUDA MAX_JOBS USE_NINJA TORCH_EXTENSIONS_DIR BUILD_CUDA_EXT"
    " TORCH_DONT_CHECK_COMPILER_ABI"
    # CMake
    " CMAKE_GENERATOR CMAKE_PREFIX_PATH CMAKE_BUILD_PARALLEL_LEVEL CMAKE_POLICY_VERSION_MINIMUM CMAKE_ARGS"
    " CMAKE_TOOLCHAIN_FILE Python3_EXECUTABLE Python_EXECUTABLE PYTHON_EXECUTABLE Python3_ROOT_DIR"
    " Python_ROOT_DIR CMAKE_CUDA_ARCHITECTURES CMAKE_CUDA_COMPILER"
    # what the overlay tells its own shims
    " ENVDOCTOR_CUDA_ARCHITECTURES ENVDOCTOR_DROPPED_ARCHITECTURES ENVDOCTOR_FRESH ENVDOCTOR_OVERLAY"
    # certificates and proxies
    " SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY"
    " http_proxy https_proxy no_proxy all_proxy GIT_SSL_CAINFO GIT_SSH_COMMAND UV_FIND_LINKS UV_NO_INDEX"
    " UV_DEFAULT_INDEX".split()
)
PATTERNS = re.compile(
    r"PIP_(?!.*(?:PASSWORD|TOKEN|KEY))[A-Z_]+|GIT_CONFIG_(?:COUNT|KEY_\d+|VALUE_\d+)|CMAKE_(?:C|CXX|CUDA)_COMPILER_LAUNCHER"
)

_GIT_VALUE = "GIT_CONFIG_VALUE_"

# Variables that name one file or folder each.
PLACES = frozenset(
    "CUDA_HOME CUDA_PATH CUDA_ROOT CUDA_TOOLKIT_ROOT_DIR CUDAToolkit_ROOT CUDACXX VIRTUAL_ENV CONDA_PREFIX"
    " PYTHONHOME TMPDIR TORCH_EXTENSIONS_DIR SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE"
    " GIT_SSL_CAINFO PIP_CERT PIP_CONFIG_FILE PIP_CONSTRAINT CMAKE_TOOLCHAIN_FILE NVCC_CCBIN".split()
)

# Variables that name a compiler, with a launcher before it or flags behind it.
COMPILERS = frozenset(("CC", "CXX", "CUDAHOSTCXX"))


def probe(host: Host) -> Environment:
    """Allow-listed variables, sorted, with credentials taken out of URLs."""
    names = sorted(name for name in host.env if name in NAMES or PATTERNS.fullmatch(name))
    return Environment(tuple(_variable(host, name) for name in names))


def _variable(host: Host, name: str) -> Variable:
    value = host.env[name]
    # git's variables come in pairs, and http.extraHeader is where CI keeps its token.
    if name.startswith(_GIT_VALUE) and not git.WANTED.fullmatch(
        host.env.get(name.replace("VALUE", "KEY"), "")
    ):
        return Variable(name, "***")
    if name in COMPILERS:
        return Variable(name, scrub_credentials(value), compilers.names_one(host, value))
    # A bare program name (CUDACXX=nvcc) is looked up on PATH, a path in the current folder.
    place = posixpath.join(host.cwd, value) if "/" in value else host.which(value) or ""
    # PIP_CONSTRAINT may also name several files, or an address.
    named = name in PLACES and value and not (name == "PIP_CONSTRAINT" and (" " in value or "://" in value))
    exists = host.exists(place) if named else None
    return Variable(name, scrub_credentials(value), exists)
