"""Linears of a model to Linear8bitLt, in place."""

from typing import Sequence
from weakref import WeakKeyDictionary

import torch

from envdoctor.kernels.calls import Device
from envdoctor.quant.bitsandbytes.nn import Int8Params, Linear8bitLt
from envdoctor.quant.blocks import is_conv1d, is_skipped


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
    # Nothing here may keep a linear alive: each makes room for the next.
    made: WeakKeyDictionary[torch.nn.Module, Linear8bitLt] = WeakKeyDictionary()
    parents = [(name, module) for name, module in model.named_modules() if not _is_linear(module)]
    count = 0
    for parent_name, parent in parents:
        for name in list(parent._modules):
            child, path = parent._modules[name], f"{parent_name}.{name}".lstrip(".")
            if _is_linear(child) and not is_skipped(path, skip):
                made[child] = made.get(child) or _of(child, threshold, device)
                setattr(parent, name, made[child])
                count += 1
    if not count:
        raise ValueError("there is no torch.nn.Linear in the model to replace, or skip names them all")
    return model if device is None else model.to(device)


def _is_linear(module: torch.nn.Module) -> bool:
    """Not of subclasses, which may do something else."""
    return type(module) is torch.nn.Linear or is_conv1d(module)


def _of(linear: torch.nn.Module, threshold: float, device: Device) -> Linear8bitLt:
    weight, bias = linear.weight.detach(), linear.bias
    weight = weight if isinstance(linear, torch.nn.Linear) else weight.t()
    made = Linear8bitLt(weight.shape[1], weight.shape[0], bias is not None, False, threshold, device="meta")
    made.weight = Int8Params(weight, requires_grad=False).quantized(device)
    made.bias = bias
    made.train(linear.training)
    return made
