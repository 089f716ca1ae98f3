"""Quantised models for PyTorch on envdoctor.kernels, and the names under which other libraries offered them."""

import envdoctor.kernels  # noqa: F401  (its ImportError says what is missing: torch, or the compiled library)
