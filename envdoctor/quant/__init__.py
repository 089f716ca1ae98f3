"""Quantising models: what goes in and how it is smoothed, how weights are rounded, files, names of other libraries."""

try:
    import torch  # noqa: F401
except ImportError as error:
    raise ImportError(
        f"envdoctor.quant needs torch, which does not import here ({error}); `envdoctor check` says what is wrong"
    ) from error
