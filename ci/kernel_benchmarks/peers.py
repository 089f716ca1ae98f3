"""bitsandbytes, where it is installed and works."""

from functools import partial
from typing import Any, List

import torch

from kernel_benchmarks.measure import Call


def bitsandbytes() -> Any:
    """The package, or None and a line that says why its columns are left out."""
    try:
        import bitsandbytes as package

        package.functional.int8_vectorwise_quant(torch.ones(1, 64, dtype=torch.float16, device="cuda"))
    except (
        Exception
    ) as reason:  # a library that does not load raises at the first call, and not one type of error
        print(f"bitsandbytes is left out: {str(reason).strip().splitlines()[0]}")
        return None
    print(f"bitsandbytes {package.__version__}")
    return package


def llm_int8(package: Any, x: torch.Tensor, weights: List[torch.Tensor], threshold: float) -> List[Call]:
    """Its products of x and int8 weights [N, K], each with the state that its layer would keep."""
    calls: List[Call] = []
    for weight in weights:
        state = package.MatmulLtState()
        state.CB, state.SCB = weight, torch.rand(len(weight), device="cuda")
        state.has_fp16_weights = state.is_training = False
        calls.append(partial(package.matmul, x, weight, state=state, threshold=threshold))
    return calls
