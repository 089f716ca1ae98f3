"""Linears of a model to Linear8bitLt, in place."""

from typing import Dict, Sequence

import torch

from envdoctor.kernels.calls import Device
from envdoctor.quant.bitsandbytes.nn import Int8Params, Linear8bitLt


def replace_linears(
    model: torch.nn.Module,
    threshold: float = 6.0,
    skip: Sequence[str] = ("lm_head",),
    device: Device = None,
) -> torch.nn.Module:
    """Have each torch.nn.Linear of a model, and Conv1D of GPT-2, be int8, one after the other; returns the model.

    A linear is passed by where `skip` has its name, a part of it between dots, or its beginning. With a device the
    int8 linears go there, and all else of the model too. Raises ValueError where no linear is left to replace, or a
    weight has infinity or NaN in it.
    """
    made: Dict[int, Linear8bitLt] = {}
    for parent_name, parent in list(model.named_modules()):
        for name, child in list(parent._modules.items()):
            path = f"{parent_name}.{name}".lstrip(".")
            if _is_linear(child) and not any(f".{part}." in f".{path}." for part in skip):
                made[id(child)] = made.get(id(child)) or _of(child, threshold, device)
                setattr(parent, name, made[id(child)])
    if not made:
        raise ValueError("there is no torch.nn.Linear in the model to replace, or skip names them all")
    return model if device is None else model.to(device)


def _is_linear(module: torch.nn.Module) -> bool:
    """Not of subclasses, which may do something else. Conv1D is of transformers, which need not be there."""
    of_gpt2 = type(module).__name__ == "Conv1D" and hasattr(module, "nf")
    return type(module) is torch.nn.Linear or of_gpt2


def _of(linear: torch.nn.Module, threshold: float, device: Device) -> Linear8bitLt:
    weight, bias = linear.weight.detach(), linear.bias
    weight = weight if isinstance(linear, torch.nn.Linear) else weight.t()
    with torch.device("meta"):
        made = Linear8bitLt(weight.shape[1], weight.shape[0], bias is not None, False, threshold)
    made.weight = Int8Params(weight, requires_grad=False).quantized(device)
    made.bias = bias
    made.train(linear.training)
    return made
