"""torch-int's modules: `linear`, `bmm` and `fused`."""

from envdoctor.quant.torch_int.nn.linear import W8A16Linear, W8FakeA8Linear

__all__ = ["W8A16Linear", "W8FakeA8Linear"]
