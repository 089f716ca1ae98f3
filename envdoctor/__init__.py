"""A reproducible build-and-environment doctor for CUDA extensions of PyTorch."""

__version__ = "0.1.0"
