"""What a log tells of the machine that it comes from, where a message alone does not decide."""

from typing import Optional, Tuple

from envdoctor.log.build_log import BuildLog

Release = Tuple[int, int]

# Source: `nvcc --version`, CMake's CMakeDetermineCUDACompiler, torch's _check_cuda_version, usual folders.
_CUDA = (
    r"release (?P<release>\d+\.\d+), V\d",
    r"CUDA compiler identification is NVIDIA (?P<release>\d+\.\d+)",
    r"detected CUDA version \((?P<release>\d+\.\d+)\)",
    r"Found CUDA(?:Toolkit)?: .*found (?:suitable )?version '(?P<release>\d+\.\d+)",
    r"[/\\](?:cuda-|CUDA[/\\]v|cuda/)(?P<release>\d+\.\d+)[/\\ ]",
    r"\bnvcc (?:version )?V?(?P<release>\d+\.\d+)",
    r"\bCUDA(?: Toolkit)?(?: [Vv]ersion)?[ :=]{1,3}v?(?P<release>\d+\.\d+)",
)


def cuda_release(log: BuildLog) -> Optional[Release]:
    """The toolkit's release, by what says it most surely; None where nothing does."""
    log = log.without(r"Driver Version:")  # nvidia-smi's CUDA version is the driver's
    for pattern in _CUDA:
        hit = log.first(pattern)
        if hit:
            major, minor = hit["release"].split(".")
            return int(major), int(minor)
    return None


def isolated(log: BuildLog) -> bool:
    """Whether pip builds in an isolated environment."""
    return log.has(
        r"pip-build-env-",
        r"Installing build dependencies",
        r"Getting requirements to build",
        r"build_env\.py|BuildBackend",
    )


def on_windows(log: BuildLog) -> bool:
    """Whether it comes from a Windows machine."""
    return log.has(r"\b[A-Z]:\\\\?\w", r"win_amd64", r"\bcl\.exe", r"MSBuild|MSVC", r"nt\.environ|WinError")


def on_rocm(log: BuildLog) -> bool:
    """Whether the GPUs are AMD's."""
    return log.has(r"(?i)\brocm", r"\bHIP\w*\b", r"hipcc|\bgfx\d{3,4}|\bAMD (?:Radeon|Instinct)")
