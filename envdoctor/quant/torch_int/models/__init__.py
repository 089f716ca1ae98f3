"""torch-int's models: `opt`, which needs transformers, and the scales that they are made with."""

from envdoctor.quant.torch_int.models.scales import decoder_layer_scales

__all__ = ["decoder_layer_scales"]
