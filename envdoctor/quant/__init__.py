"""Quantising the weights of models: how they are rounded, and the files that hold what comes out."""

try:
    import torch  # noqa: F401
except ImportError as error:
    raise ImportError(
        f"envdoctor.quant needs torch, which does not import here ({error}); `envdoctor check` says what is wrong"
    ) from error
