"""Norms whose output is divided by folding scales into their weight and bias, found out by asking them."""

import copy
from typing import Dict

import torch
from torch import Tensor

_CLOSE = 1e-3


def divided(norm: torch.nn.Module, scales: Tensor, name: str) -> Dict[str, Tensor]:
    """The weight and the bias with which a norm gives its output divided by scales, [K]. Raises ValueError."""
    parameters = dict(norm.named_parameters())
    if "weight" not in parameters or not parameters.keys() <= {"weight", "bias"}:
        found = ", ".join(parameters) or "nothing"
        raise ValueError(f"{name} must have a weight to divide, and at most a bias besides: it has {found}")
    if parameters["weight"].shape != scales.shape:
        raise ValueError(f"{name} has weights {list(parameters['weight'].shape)}, not {list(scales.shape)}")
    offset = _offset(norm, name)
    made = {}
    for key, old in parameters.items():
        wide = old.detach().to(torch.promote_types(old.dtype, torch.float32))
        added = offset if key == "weight" else 0
        made[key] = ((wide + added) / scales.to(old.device) - added).to(old.dtype)
        if not bool(made[key].isfinite().all()):
            raise ValueError(f"{name}: {key} divided by scales is too large for {old.dtype}")
    return made


def _offset(norm: torch.nn.Module, name: str) -> int:
    """What it adds to its weight before it multiplies: 0 mostly, 1 in Gemma. Raises ValueError for anything else."""
    asked = copy.deepcopy(norm).float()
    channels = asked.weight.numel()
    x = torch.linspace(-1, 2, channels, device=asked.weight.device).sin()[None]
    with torch.no_grad():
        try:
            for parameter in asked.parameters():
                parameter.zero_()
            at_zero = asked(x)
            asked.weight.fill_(1)
            plain = asked(x) - at_zero
        except (TypeError, RuntimeError) as error:
            raise ValueError(
                f"{name} cannot be asked how it scales: {' '.join(str(error).split())}"
            ) from error
    if bool((plain.abs() > _CLOSE).any()):
        for offset in (0, 1):
            if torch.allclose(at_zero, offset * plain, atol=_CLOSE):
                return offset
    raise ValueError(f"{name} does not multiply what it normalises with its weight, nor with 1 + weight")
