"""bitsandbytes.autograd: products that have gradients."""

from envdoctor.quant.bitsandbytes.autograd._functions import MatmulLtState, matmul

__all__ = ["MatmulLtState", "matmul"]
