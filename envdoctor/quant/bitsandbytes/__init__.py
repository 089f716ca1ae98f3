"""LLM.int8() under the names of bitsandbytes: Linear8bitLt, its products and its states, on CPUs and NVIDIA GPUs.

Names, the order of arguments, types, shapes and the keys of states are those of bitsandbytes 0.50, so that scripts,
and transformers (4.57, 5.24) with `BitsAndBytesConfig(load_in_8bit=True)`, run unchanged once
`install_as_bitsandbytes` was called, which is before `import transformers`.
Not here: 4 bits, embeddings, optimizers, `torch.ops.bitsandbytes`. Weights of old states that are tiled for a GPU
(`weight_format` other than 0) are refused.

What bitsandbytes does wrong and this does not:

- The gradient of a weight that is trained: levels of rows were multiplied with scales of columns, and small values in
  columns of outliers counted twice.
- A weight that an optimizer has changed is rounded anew also while gradients are kept, and in evaluation.
- On CPUs training rounds activations as it does on GPUs.
- Rows of zeros are zeros, and no division by zero.
- bfloat16 and float32 weights are not made float16 before they are rounded, bfloat16 activations neither.
- The bias keeps its type and its digits.
- Sums are exact also where K is no multiple of 4, and the constant 1 / 127^2 is that.
- A state of floats that is loaded into int8 is rounded, it became zeros; an int8 one goes also into a module that was
  not moved to a device.
- `SCB` goes with a weight that is moved from one device to another.
- No call waits for the device, so CUDA graphs hold them (without has_fp16_weights, after a first call).
"""

from envdoctor.quant.aliases import install
from envdoctor.quant.bitsandbytes import functional, nn
from envdoctor.quant.bitsandbytes.autograd import MatmulLtState, matmul
from envdoctor.quant.bitsandbytes.metadata import say_installed
from envdoctor.quant.bitsandbytes.replace import replace_linears

__all__ = ["MatmulLtState", "functional", "install_as_bitsandbytes", "matmul", "nn", "replace_linears"]

#: Whose names these are: who has bitsandbytes installed asks for a version.
__version__ = "0.50.2"
#: Where it runs: transformers asks, and before version 5 whether this is a bitsandbytes that knows of more than GPUs.
features = {"multi_backend"}
supported_torch_devices = {"cpu", "cuda"}

_MODULES = ("autograd", "autograd._functions", "functional", "nn", "nn.modules", "nn.parameters")


def install_as_bitsandbytes() -> None:
    """Have `import bitsandbytes`, and of its modules, find these, also where pickled models name them.

    Raises ImportError when another bitsandbytes was imported before.
    """
    install(__name__, "bitsandbytes", _MODULES)
    say_installed(__version__)
