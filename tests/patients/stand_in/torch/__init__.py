"""Stands in for torch where only its way of building extensions matters: no tensors, and a download of nothing."""

from torch import cuda, version
from torch.version import __version__

__all__ = ["__version__", "cuda", "version"]
