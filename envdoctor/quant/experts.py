"""Experts that lie in one parameter of three dimensions, as transformers 5 has them, taken apart into linears."""

from typing import List, Tuple

import torch
from torch import Tensor

_PARAMETERS = ("gate_up_proj", "down_proj")
_CLOSE = {torch.float64: 1e-9, torch.float32: 1e-4}


class Expert(torch.nn.Module):  # type: ignore[misc]
    """One of them: two linears with a gate between."""

    def __init__(self, gate_up_proj: Tensor, down_proj: Tensor, act_fn: torch.nn.Module) -> None:
        super().__init__()
        self.gate_up_proj, self.down_proj = _linear(gate_up_proj), _linear(down_proj)
        self.act_fn = act_fn

    def forward(self, x: Tensor) -> Tensor:
        """x [M, K] to y [M, K]."""
        gate, up = self.gate_up_proj(x).chunk(2, dim=-1)
        y: Tensor = self.down_proj(self.act_fn(gate) * up)
        return y


class Experts(torch.nn.ModuleList):  # type: ignore[misc]
    """All of them, called as the module that they were."""

    def forward(self, hidden_states: Tensor, top_k_index: Tensor, top_k_weights: Tensor) -> Tensor:
        """Rows [M, K], with the experts of each and their shares, both [M, experts of a row]."""
        y = torch.zeros_like(hidden_states)
        for number, expert in enumerate(self):
            rows, place = torch.where(top_k_index == number)
            if rows.numel():
                shares = top_k_weights[rows, place, None]
                y.index_add_(0, rows, (expert(hidden_states[rows]) * shares).to(y.dtype))
        return y


def unstack_experts(model: torch.nn.Module, check: bool = True) -> List[str]:
    """Take all experts of a model apart, in place, so that they are calibrated and quantised as other linears are.

    Their names become `experts.0.gate_up_proj` and so on, and their weights stay where they lie. Returns the names of
    the modules that were replaced. Raises ValueError, with the model as it was, for what looks like such experts and
    computes something else; without `check`, for experts that are on the device meta, that is known already.
    """
    found = [(name, module) for name, module in model.named_modules() if _is_stacked(module)]
    made = [(name, stacked, _unstacked(name, stacked, check)) for name, stacked in found]
    for name, _, experts in made:
        parent, _, last = name.rpartition(".")
        setattr(model.get_submodule(parent), last, experts)
    return [name for name, _ in found]


def linears_to_be(model: torch.nn.Module) -> List[str]:
    """Names of the linears that unstack_experts makes of a model."""
    stacked = [(name, module) for name, module in model.named_modules() if _is_stacked(module)]
    return [
        f"{name}.{number}.{part}"
        for name, module in stacked
        for number in range(len(module.down_proj))
        for part in _PARAMETERS
    ]


def _is_stacked(module: torch.nn.Module) -> bool:
    shapes = {name: tuple(tensor.shape) for name, tensor in module.named_parameters()}
    return tuple(sorted(shapes)) == tuple(sorted(_PARAMETERS)) and _fit(
        *(shapes[name] for name in _PARAMETERS)
    )


def _fit(gate_up: Tuple[int, ...], down: Tuple[int, ...]) -> bool:
    """[experts, 2 N, K] and [experts, K, N]."""
    return len(gate_up) == len(down) == 3 and gate_up == (down[0], 2 * down[2], down[1])


def _unstacked(name: str, stacked: torch.nn.Module, check: bool) -> Experts:
    weights = zip(stacked.gate_up_proj.unbind(0), stacked.down_proj.unbind(0))
    experts = Experts(Expert(*each, stacked.act_fn) for each in weights)
    experts.train(stacked.training)
    if not check:
        return experts
    count, dtype = len(experts), stacked.down_proj.dtype
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2 * count, stacked.down_proj.shape[1], generator=generator).to(stacked.down_proj)
    chosen = torch.arange(2 * count, device=x.device)[:, None] % count
    shares = torch.linspace(0.5, 1, 2 * count).to(x)[:, None]
    try:
        with torch.no_grad():
            before, after = (each(x, chosen, shares) for each in (stacked, experts))
        same = bool((after - before).abs().max() <= _CLOSE.get(dtype, 0.05) * before.abs().max())
    except (TypeError, RuntimeError) as error:
        raise ValueError(
            f"{name} cannot be asked what it computes: {' '.join(str(error).split())}"
        ) from error
    if not same:
        raise ValueError(f"{name} is like experts of Mixtral, but does not compute what they do")
    return experts


def _linear(weight: Tensor) -> torch.nn.Linear:
    linear = torch.nn.Linear(*weight.shape[::-1], bias=False, device="meta")
    linear.weight = torch.nn.Parameter(weight.detach(), weight.requires_grad)
    return linear
