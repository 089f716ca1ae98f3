"""How much memory this process has and has had at most, and the giving back of what it does not use."""

import ctypes
from contextlib import suppress
from typing import Optional

_STATUS, _CLEAR = "/proc/self/status", "/proc/self/clear_refs"


def forget_peak() -> bool:
    """Begin to watch anew, without what is free; False where this kernel does not let us."""
    give_back_free_memory()
    with suppress(OSError):
        with open(_CLEAR, "w") as stream:
            stream.write("5")
        return True
    return False


def give_back_free_memory() -> None:
    """To the system, what the allocator of the C library holds free: holes between what is in use, too."""
    with suppress(OSError, AttributeError):  # a C library other than glibc
        ctypes.CDLL(None).malloc_trim(0)


def peak_memory() -> Optional[int]:
    """Bytes of memory at most since then, or since the process began; None: not known."""
    return _field("VmHWM")


def memory() -> Optional[int]:
    """Bytes of memory now; None: not known."""
    return _field("VmRSS")


def _field(name: str) -> Optional[int]:
    with suppress(OSError), open(_STATUS) as stream:
        for line in stream:
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
    return None
