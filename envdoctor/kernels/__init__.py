"""Int8 and int4 matrix products and quantisers for PyTorch, on CPUs and NVIDIA GPUs.

All are for inference only. They call one library without torch or CUDA in it (`envdoctor.library`), so one build serves
every torch from 1.13 on. From torch 2.4 on importing this also registers them under `torch.ops.envdoctor`, so that
torch.compile takes them whole; before, they are plain functions.

int8 weights      gemm_w8a8, bmm_w8a8; pack_w8a8, linear_w8a8, LinearW8A8
int4 weights      int4_pairs, int4_values, pack_w4a8, linear_w4a8, LinearW4A8
GPTQ checkpoints  gptq_values, gptq_pack, pack_w4a16, linear_w4a16, LinearW4A16
LLM.int8()        pack_llm_int8, linear_llm_int8, LinearLlmInt8
to int8           quantize_rows, quantize_static, layernorm_q
and               autotune, set_threads
"""

from envdoctor.library import LibraryMissing, load

try:
    import torch  # noqa: F401
except ImportError as error:
    raise ImportError(
        f"envdoctor.kernels needs torch, which does not import here ({error}); `envdoctor check` says what is wrong"
    ) from error
try:
    load()
except LibraryMissing as error:
    raise ImportError(f"envdoctor.kernels: {error}") from error

from envdoctor.kernels.autotune import autotune
from envdoctor.kernels.calls import set_threads
from envdoctor.kernels.gemm_w4a8 import int4_pairs, int4_values, linear_w4a8, pack_w4a8
from envdoctor.kernels.gemm_w4a16 import linear_w4a16, pack_w4a16
from envdoctor.kernels.gemm_w8a8 import bmm_w8a8, gemm_w8a8, linear_w8a8, pack_w8a8
from envdoctor.kernels.gptq import gptq_pack, gptq_values
from envdoctor.kernels.layernorm_q import layernorm_q
from envdoctor.kernels.llm_int8 import linear_llm_int8, pack_llm_int8
from envdoctor.kernels.llm_int8_linear import LinearLlmInt8
from envdoctor.kernels.quantize import Quantized, quantize_rows, quantize_static
from envdoctor.kernels.w4a8_linear import LinearW4A8
from envdoctor.kernels.w4a16_linear import LinearW4A16
from envdoctor.kernels.w8a8_linear import LinearW8A8

__all__ = [
    "LinearLlmInt8",
    "LinearW4A8",
    "LinearW4A16",
    "LinearW8A8",
    "Quantized",
    "autotune",
    "bmm_w8a8",
    "gemm_w8a8",
    "gptq_pack",
    "gptq_values",
    "int4_pairs",
    "int4_values",
    "layernorm_q",
    "linear_llm_int8",
    "linear_w4a8",
    "linear_w4a16",
    "linear_w8a8",
    "pack_llm_int8",
    "pack_w4a8",
    "pack_w4a16",
    "pack_w8a8",
    "quantize_rows",
    "quantize_static",
    "set_threads",
]
