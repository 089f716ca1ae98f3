"""LLM.int8() under the names of bitsandbytes: Linear8bitLt, its products and its states, on CPUs and NVIDIA GPUs."""

import importlib
import sys

from envdoctor.quant.bitsandbytes import functional, nn
from envdoctor.quant.bitsandbytes.autograd import MatmulLtState, matmul
from envdoctor.quant.bitsandbytes.replace import replace_linears

__all__ = ["MatmulLtState", "functional", "install_as_bitsandbytes", "matmul", "nn", "replace_linears"]

#: Whose names these are: who has bitsandbytes installed asks for a version.
__version__ = "0.50.2"
#: What transformers asks before it uses a device.
supported_torch_devices = {"cpu", "cuda"}

_MODULES = ("autograd", "autograd._functions", "functional", "nn", "nn.modules")


def install_as_bitsandbytes() -> None:
    """Have `import bitsandbytes`, and of its modules, find these, also where pickled models name them.

    Raises ImportError when another bitsandbytes was imported before.
    """
    found = {"bitsandbytes": sys.modules[__name__]}
    found.update({f"bitsandbytes.{name}": importlib.import_module(f"{__name__}.{name}") for name in _MODULES})
    others = [name for name, module in found.items() if sys.modules.get(name, module) is not module]
    if others:
        where = getattr(sys.modules[others[0]], "__file__", None)
        raise ImportError(
            f"{others[0]} is already imported from {where}; call install_as_bitsandbytes() before that import"
        )
    sys.modules.update(found)
