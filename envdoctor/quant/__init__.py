"""Quantising models: how weights are rounded, the files that hold what comes out, and names of other libraries."""

try:
    import torch  # noqa: F401
except ImportError as error:
    raise ImportError(
        f"envdoctor.quant needs torch, which does not import here ({error}); `envdoctor check` says what is wrong"
    ) from error
