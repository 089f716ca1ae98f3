"""How much memory is taken at most while something is done, and how long it takes."""

import time
from typing import NamedTuple, Optional

import torch

from envdoctor.host.memory import forget_peak, memory, peak_memory


class Taken(NamedTuple):
    """In bytes, beyond what was taken before: on the CPU (None: not known), and on another device."""

    host: Optional[int]
    device: int


class Watch:
    """Begins when it is made; one at a time."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._before = memory() if forget_peak() else None
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
            self._held = torch.cuda.memory_allocated(device)

    def peak(self) -> Taken:
        """Since then."""
        most = peak_memory()
        host = None if self._before is None or most is None else max(most - self._before, 0)
        if self._device.type != "cuda":
            return Taken(host, 0)
        return Taken(host, torch.cuda.max_memory_allocated(self._device) - self._held)


def now(device: torch.device) -> float:
    """Seconds on a clock, when all is done that a device was given to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
