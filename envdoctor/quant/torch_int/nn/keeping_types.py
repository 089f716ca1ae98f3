"""Modules whose tensors go to other devices, and never to another type; what their states have in common."""

from typing import Any, Callable, Dict, List, Optional

import torch
from torch import Tensor

from envdoctor.kernels.calls import Device


class KeepingTypes(torch.nn.Module):  # type: ignore[misc]
    """half() and to(dtype) mean the activations: int8 stays int8, and a scale keeps its digits."""

    def _apply(self, fn: Callable[[Tensor], Tensor], *rest: Any, **options: Any) -> "KeepingTypes":
        def keeping_type(tensor: Tensor) -> Tensor:
            made = fn(tensor)
            return made if made.dtype == tensor.dtype else tensor.to(made.device)

        return super()._apply(keeping_type, *rest, **options)  # type: ignore[no-any-return]


def scalar(value: "float | Tensor", device: Device = None) -> Tensor:
    """float32 without dimensions, a copy."""
    if isinstance(value, Tensor):
        return value.detach().to(device or value.device, torch.float32, copy=True).reshape(())
    return torch.tensor(float(value), dtype=torch.float32, device=device)


def fit_state(state_dict: Dict[str, Any], prefix: str, bias: Optional[Tensor], errors: List[str]) -> None:
    """Before it is loaded: bias is seen as [1, N], and a weight that is not int8 is an error, not rounded to zeros."""
    given, weight = state_dict.get(prefix + "bias"), state_dict.get(prefix + "weight")
    if given is not None and bias is not None and given.numel() == bias.numel():
        # torch-int's from_float has [N], its constructor [1, N].
        state_dict[prefix + "bias"] = given.reshape(bias.shape)
    if weight is not None and weight.dtype != torch.int8:
        errors.append(f"{prefix}weight must be int8, not {str(weight.dtype)[6:]}: from_float quantises")
