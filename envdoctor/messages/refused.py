"""Architectures that nvcc refuses in a log, and in which direction: newer than the toolkit, or dropped by it. Pure."""

from typing import Iterator, Tuple

from envdoctor import compat
from envdoctor.architectures import Architecture, parse
from envdoctor.log import BuildLog, Hit, told

# Source: nvcc's and ptxas' own messages, 7.0 to 13.0; CMake's, Clang's, LLVM's, XLA's and numba's of the same meaning.
_MESSAGES = (
    r"[Uu]nsupported gpu architecture '(?P<name>(?:compute|sm|lto)_\w+)'",
    r"(?:Value|Keyword) '(?P<name>(?:sm|compute|lto)_\w+)' is not defined for option '(?:gpu|generate|arch)[\w-]*'",
    r"(?:unsupported CUDA gpu architecture|invalid target ID|unknown target CPU)[: ]{1,2}'?(?P<name>sm_\w+)",
    r"GPU arch (?P<name>sm_\w+) is supported by CUDA versions between",
    r"PTX \.version \S+ does not support \.target '?(?P<name>sm_\w+)",
    r"'(?P<name>sm_\w+)' is not a recognized processor for this target",
    r"[Pp]txas\b[^\n]{0,40} does not support CC (?P<name>\d+\.\d)",
    r"-arch=(?P<name>compute_\w+) is an unsupported option",
    r"Unsupported .?gpu.?arch\w* '?(?P<name>(?:sm|compute)_\d+\w?)",
)
#: Below this, and with no toolkit named in the log, it is the toolkit that dropped it: every nvcc of the last years
#: knows what is newer.
_RECENT = 75


def refused(log: BuildLog) -> Iterator[Tuple[Hit, Architecture, str]]:
    """Each refusal with its architecture and "new" or "dropped"."""
    release = told.cuda_release(log)
    for hit in log.search(*_MESSAGES):
        architecture = parse(hit["name"])
        if architecture is None or _is_of_another_toolkit(log, hit):
            continue
        since = compat.ARCHITECTURE_SINCE.get(architecture.number, (0, 0))
        if release is None:
            direction = "dropped" if architecture.number < _RECENT else "new"
        else:
            direction = "new" if since > release else "dropped"
        if architecture.number >= _RECENT and direction == "dropped" and not _is_gone(architecture, release):
            direction = "new"  # the log's release is another one than nvcc's
        yield hit, architecture, direction


def _is_of_another_toolkit(log: BuildLog, hit: Hit) -> bool:
    """CMake identifies nvcc without an architecture: a ptxas that refuses nvcc's default is not nvcc's own."""
    return "gpu-name" in hit.text and log.has(r"CMakeCUDACompilerId")


def _is_gone(architecture: Architecture, release: "Tuple[int, int] | None") -> bool:
    """Whether a toolkit of that release no longer has it."""
    return release is not None and any(
        release >= cut and architecture.number < oldest for cut, oldest in compat.OLDEST_ARCHITECTURE
    )
