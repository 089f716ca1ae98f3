"""Linears of any model replaced in place."""

import weakref

import pytest
import torch

from envdoctor.quant.bitsandbytes import nn, replace, replace_linears
from tests.quant.bitsandbytes.reference import activations, near, product, source


@torch.no_grad()
def test_one_is_replaced(device):
    linear = source()
    model = torch.nn.Sequential(linear, torch.nn.ReLU()).eval()
    x, bias = activations(5, 64), linear.bias.detach().clone()
    wanted = product(x, linear.weight.detach(), 6.0, bias).clamp(min=0)
    assert replace_linears(model, 6.0, device=device) is model
    assert isinstance(model[0], nn.Linear8bitLt) and model[0].weight.dtype == torch.int8
    assert not model[0].training and model[0].weight.device.type == device == model[0].bias.device.type
    assert near(model(x.to(device)), wanted, 1e-3)


def test_one_linear_in_two_places():
    linear = torch.nn.Linear(8, 8)
    model = replace_linears(torch.nn.Sequential(linear, torch.nn.ReLU(), linear))
    assert model[0] is model[2] and isinstance(model[0], nn.Linear8bitLt)


def test_each_makes_room_for_the_next(monkeypatch):
    model = torch.nn.Sequential(*(torch.nn.Linear(8, 8, bias=False) for _ in range(4)))
    weights, alive, of = [weakref.ref(each.weight) for each in model], [], replace._of

    def counting(*arguments):
        alive.append(sum(weight() is not None for weight in weights))
        return of(*arguments)

    monkeypatch.setattr(replace, "_of", counting)
    replace_linears(model)
    assert alive == [4, 3, 2, 1]


def test_what_is_left_alone():
    """Subclasses do something else: attention reads the weight of its own."""
    attention = torch.nn.MultiheadAttention(8, 2)
    for model, skip in ((attention, ()), (torch.nn.ModuleDict({"a": torch.nn.Linear(8, 8)}), ("a",))):
        with pytest.raises(ValueError, match=r"no torch\.nn\.Linear in the model to replace"):
            replace_linears(model, skip=skip)
    model = torch.nn.ModuleDict({"ab": torch.nn.Linear(8, 8), "b": torch.nn.Linear(8, 8)})
    replace_linears(model, skip=("b",))
    assert isinstance(model["ab"], nn.Linear8bitLt) and type(model["b"]) is torch.nn.Linear


def test_a_weight_that_is_broken():
    model = torch.nn.Sequential(torch.nn.Linear(8, 8))
    with torch.no_grad():
        model[0].weight[1, 1] = float("inf")
    with pytest.raises(ValueError, match="infinity or NaN"):
        replace_linears(model)
