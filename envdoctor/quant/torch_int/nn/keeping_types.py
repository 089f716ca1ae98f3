"""Modules whose tensors go to other devices, and never to another type."""

from typing import Any, Callable, Optional, Union

import torch
from torch import Tensor

Device = Optional[Union[torch.device, str]]


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
