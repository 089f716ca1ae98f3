"""bitsandbytes.nn as far as LLM.int8() goes."""

from envdoctor.quant.bitsandbytes.nn.modules import Int8Params, Linear8bitLt

__all__ = ["Int8Params", "Linear8bitLt"]
