"""What models are called with: tensors, arguments, or arguments by their names; and tensors in it on a device."""

from typing import Any, Callable, Mapping, Optional

import torch
from torch import Tensor, nn


def called(model: nn.Module, batch: Any, device: Optional[torch.device]) -> Any:
    """What a model makes of a batch, which goes to a device before (None: stays where it is). Raises TypeError."""
    if isinstance(batch, Tensor):
        return model(moved(batch, device))
    if isinstance(batch, Mapping):
        return model(**{name: moved(value, device) for name, value in batch.items()})
    if isinstance(batch, (tuple, list)):
        return model(*[moved(value, device) for value in batch])
    kinds = "a tensor, a tuple or list of arguments, or a dict of keyword arguments"
    raise TypeError(f"an input must be {kinds}, not {type(batch).__name__}")


def moved(value: Any, device: Optional[torch.device]) -> Any:
    """With tensors on a device; None: where they are."""
    return value if device is None else mapped(value, lambda tensor: tensor.to(device))


def mapped(value: Any, to: Callable[[Tensor], Tensor]) -> Any:
    """With each tensor in it replaced."""
    if isinstance(value, Tensor):
        return to(value)
    if type(value) in (tuple, list):
        return type(value)(mapped(each, to) for each in value)
    if type(value) is dict:
        return {key: mapped(each, to) for key, each in value.items()}
    return value


def device_of(value: Any) -> Optional[torch.device]:
    """Where the first tensor in it is."""
    if isinstance(value, Tensor):
        return value.device
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, (tuple, list)) else ()
    return next((found for found in map(device_of, inside) if found is not None), None)
