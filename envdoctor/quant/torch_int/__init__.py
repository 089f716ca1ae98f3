"""torch-int under its own names: int8 operators, linears, batched products and norms, on CPUs and NVIDIA GPUs.

Names, the order of arguments, types, shapes and the keys of states are torch-int's (main of 2023), so that scripts run
unchanged once `install_as_torch_int` was called. `torch_int.models.opt` is imported when it is asked for, and needs
transformers (4.57 to 5.24).

What torch-int did wrong and this does not:

- Sums beyond 2^22 come out right from `linear_a8_w8_b8_o8` (fast clamp of CUTLASS).
- The largest bias of `W8A8B32O32Linear.from_float` does not wrap to -2^31.
- `from_float` and the quantisers leave what they are given as it was; torch-int rounded it in place.
- Linears without a bias, tensors of zeros, and bfloat16 (whose largest value became -128) can be quantised.
- Rows of zeros in float16 are zeros, not NaN, in the dynamic and fake quantisers.
- `dynamic_quantize_activation_per_tensor_zeropoint` runs.
- `W8A16Linear` scales rows of its weight, also where its scales came with a state.
- States of `from_float` go into modules that the constructor made, and back; states of weights that are not int8, which
  became zeros, raise RuntimeError.
- `to(torch.float16)` and `half()` leave int8 weights, biases and the scales `a` and `b` as they are, and `from_float`
  of a half module computes them in float32.
- Any K and N, strides and leading dimensions; what does not fit raises TypeError or ValueError and is not computed.
- Tensors on any device, each on its own; no call waits for the device, so CUDA graphs hold them.
- `models.opt` runs with a current transformers. Prompts of any length are right, also with a cache, which had held the
  tokens that filled them up to 16; so are hidden states and attentions that are asked for, which had been overwritten.
- `project_in` of an OPT is kept; one that int8 layers cannot do (norms after what they belong to) raises ValueError.
"""

from envdoctor.quant.aliases import install
from envdoctor.quant.torch_int import nn

__all__ = ["install_as_torch_int", "nn"]

_MODULES = (
    "_CUDA",
    "functional",
    "functional.bmm",
    "functional.fused",
    "functional.quantization",
    "models",
    "nn",
    "nn.bmm",
    "nn.fused",
    "nn.linear",
)
_ON_DEMAND = ("models.opt",)  # with transformers


def install_as_torch_int() -> None:
    """Have `import torch_int`, and of its modules, find these, also where pickled models name them.

    Raises ImportError when another torch_int was imported before.
    """
    install(__name__, "torch_int", _MODULES, _ON_DEMAND)
