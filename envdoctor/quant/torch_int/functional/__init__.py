"""torch-int's functions: `quantization`, `bmm` and `fused`."""
