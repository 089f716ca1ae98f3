"""Norms whose output is divided by folding scales into their weight and bias, found out by asking them."""

import copy
from typing import Dict

import torch
from torch import Tensor

from envdoctor.quant.families import besides_weight

_CLOSE = 1e-3


def divided(norm: torch.nn.Module, scales: Tensor, name: str) -> Dict[str, Tensor]:
    """The weight and the bias with which a norm gives its output divided by scales, [K]. Raises ValueError."""
    parameters = dict(norm.named_parameters())
    if "weight" not in parameters or besides_weight(norm):
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
    asked = copy.deepcopy(norm).float().eval()
    weight = asked.weight
    x = torch.linspace(-1, 2, weight.numel(), device=weight.device).sin()[None]
    ramp = torch.linspace(-2, 2, weight.numel(), device=weight.device)
    with torch.no_grad():
        try:
            for parameter in asked.parameters():
                parameter.zero_()
            at_zero, at_one, at_ramp = (_given(asked, each, x) for each in (0 * ramp, 0 * ramp + 1, ramp))
        except (TypeError, RuntimeError) as error:
            raise ValueError(
                f"{name} cannot be asked how it scales: {' '.join(str(error).split())}"
            ) from error
    plain = at_one - at_zero
    for offset in (0, 1):
        fits = [
            torch.allclose(y, plain * (each + offset), atol=_CLOSE)
            for y, each in ((at_zero, 0), (at_ramp, ramp))
        ]
        if all(fits) and bool((plain.abs() > _CLOSE).any()):
            return offset
    raise ValueError(f"{name} does not multiply what it normalises with its weight, nor with 1 + weight")


def _given(norm: torch.nn.Module, weight: Tensor, x: Tensor) -> Tensor:
    norm.weight.copy_(weight)
    y = norm(x)
    if not isinstance(y, Tensor):
        raise TypeError(f"it gives a {type(y).__name__}")
    return y
