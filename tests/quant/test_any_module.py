"""quantize_model on modules that are not of transformers: what comes out, what stays, and what is refused."""

import copy
from collections import UserDict

import pytest
import torch
from torch import nn

from envdoctor.kernels import LinearW4A8, LinearW4A16, LinearW8A8
from envdoctor.kernels.packed_linear import PackedLinear
from envdoctor.progress import Progress
from envdoctor.quant.folder import load, save
from envdoctor.quant.gptq import Grid, Inputs, gptq
from envdoctor.quant.gptq_config import CheckpointError
from envdoctor.quant.model import quantize_model
from envdoctor.quant.schemes import Options, scheme


def test_a_linear_alone_and_a_sequence_of_them():
    linear = nn.Linear(64, 48)
    x = torch.randn(5, 64)
    made = quantize_model(linear, "w8a8")
    assert isinstance(made, LinearW8A8)
    assert torch.equal(made(x), LinearW8A8.from_linear(linear)(x))

    sequence = nn.Sequential(nn.Linear(64, 33), nn.ReLU(), nn.Linear(33, 8, bias=False)).requires_grad_(False)
    expected = sequence(x)
    made = quantize_model(sequence, "w4a8-gptq", [x])
    assert made is sequence and isinstance(made[0], LinearW4A8) and isinstance(made[2], LinearW4A8)
    assert float((made(x) - expected).norm() / expected.norm()) < 0.2


def test_what_a_model_is_called_with():
    """A tensor, arguments, or arguments by their names in any mapping, such as what tokenizers give."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(64, 8)

        def forward(self, x, twice=False):
            return self.inner(x * 2 if twice else x)

    torch.manual_seed(0)
    net, x = Net(), torch.randn(50, 64)
    made = [
        quantize_model(copy.deepcopy(net), scheme("smq_q8i8f16_1", alpha=None), [batch])
        for batch in (x, (x, True), {"x": x, "twice": True}, UserDict(x=x, twice=True))
    ]
    scales = [float(each.inner.x_scale) for each in made]
    assert scales == [scales[0], *[2 * scales[0]] * 3] and scales[0] > 0
    with pytest.raises(TypeError, match="not int"):
        quantize_model(net, "w4a8-gptq", [3])


def test_true_sequential_gptq_is_that_of_each_linear_by_hand():
    """Each linear is quantised for inputs that the quantised ones before it have made."""
    torch.manual_seed(0)
    first, second = nn.Linear(64, 96), nn.Linear(96, 32)
    model = nn.Sequential(first, nn.ReLU(), second).requires_grad_(False).bfloat16()
    data = [torch.randn(40, 64).bfloat16() for _ in range(3)]

    def by_hand(linear, inputs):
        seen = Inputs(linear.in_features)
        for x in inputs:
            seen.add(x)
        return gptq(linear.weight, seen, Grid(4, 32)).linear_w4a16(linear.bias)

    one = by_hand(first, data)
    two = by_hand(second, [torch.relu(one(x)) for x in data])
    wrong = by_hand(second, [torch.relu(first(x)) for x in data])
    made = quantize_model(copy.deepcopy(model), scheme("w4a16-gptq", group_size=32), data)
    assert torch.equal(made[0].packed, one.packed) and torch.equal(made[2].packed, two.packed)
    assert not torch.equal(made[2].packed, wrong.packed)


def test_a_model_is_left_as_it_was_but_for_its_linears():
    model = nn.Sequential(nn.Linear(64, 64), nn.Dropout(0.5), nn.Linear(64, 64))
    model.train()
    quantize_model(model, "w4a8-gptq", [torch.randn(9, 64)])
    assert not model.training and not model[1].training  # for inference
    assert "forward" not in vars(model[0]) and not model[0]._forward_hooks


class Experts(nn.Module):
    """One of which no input reaches."""

    def __init__(self):
        super().__init__()
        self.used, self.unused = nn.Linear(64, 64), nn.Linear(64, 64)

    def forward(self, x):
        return self.used(x)


class Notes(Progress):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


def test_a_linear_that_no_input_reaches_is_rounded_and_named():
    model, notes = Experts(), Notes()
    expected = scheme("w4a8").make(model.unused, None, None)
    quantize_model(model, "w4a8-gptq", [torch.randn(9, 64)], progress=notes)
    assert torch.equal(model.unused.packed, expected.packed)
    assert notes.notes == ["unused: no input reaches it; rounded to nearest"]


def test_a_linear_in_two_places_is_one_afterwards_too():
    shared = nn.Linear(64, 64)
    model = quantize_model(nn.Sequential(shared, nn.ReLU(), shared), "w8a8")
    assert model[0] is model[2] and isinstance(model[0], LinearW8A8)


def test_attention_of_torch_keeps_the_linear_that_it_does_not_call():
    model = nn.Sequential(nn.MultiheadAttention(64, 4), nn.Linear(64, 64))
    quantize_model(model, "w8a8")
    assert not isinstance(model[0].out_proj, PackedLinear) and isinstance(model[1], LinearW8A8)


def test_options_reach_the_weights():
    x = [torch.randn(64, 64).bfloat16()]
    made = [
        quantize_model(nn.Linear(64, 32).bfloat16(), scheme("w4a16-gptq", **options), x)
        for options in (
            {"bits": 8},
            {"group_size": 32},
            {"act_order": True, "group_size": 32},
            {"group_size": -1},
        )
    ]
    assert all(isinstance(each, LinearW4A16) for each in made)
    assert [each.bits for each in made] == [8, 4, 4, 4]
    assert [each.group for each in made] == [64, 32, 32, 64]
    assert [each.channels is not None for each in made] == [False, False, True, False]


def test_the_numerics_of_torchao():
    """Steps of amax / 7.5 and amax / 127.5, so that a largest value that is positive is clipped by half a step."""
    linear, x = nn.Linear(64, 32).requires_grad_(False), torch.randn(9, 64)
    made = quantize_model(copy.deepcopy(linear), "int8adq-int4w-symm")
    scale = linear.weight.abs().amax(1, keepdim=True) / 7.5
    weight = (linear.weight * (1 / scale)).round().clamp(-8, 7)
    x_scale = x.abs().amax(1, keepdim=True) / 127.5
    values = (x * (1 / x_scale)).round().clamp(-128, 127)
    expected = (values.double() @ weight.double().t()) * x_scale * scale.t() + linear.bias
    assert int(values.min()) == -128 or int(values.max()) == 127
    torch.testing.assert_close(made(x), expected.float(), rtol=1e-5, atol=1e-5)
    copied = copy.deepcopy(made)
    assert torch.equal(copied(x), made(x)) and copied.sizes()["levels"] == 127.5
    assert float((made(x) - LinearW4A8.from_linear(linear)(x)).abs().max()) > 1e-3


def test_what_does_not_fit_is_said():
    linear = nn.Linear(64, 64)
    for call, what in (
        (lambda: scheme("w5a5"), "no scheme 'w5a5'; there are w8a8, "),
        (lambda: scheme("w8a8", bits=4), "w8a8 has no bits"),
        (lambda: scheme("w4a8-g128", bits=4), "w4a8-g128 has no bits; it has group_size, symmetric"),
        (lambda: scheme("w4a16-rtn", bits=5), "bits must be"),
        (lambda: scheme("w4a16-rtn", group_size=48), "multiple of 32"),
        (lambda: quantize_model(linear, "w4a16-gptq"), "wants inputs"),
        (lambda: quantize_model(linear, "w4a16-gptq", iter(())), "wants inputs"),
        (lambda: quantize_model(nn.ReLU(), "w8a8"), "no linear"),
        (lambda: quantize_model(nn.Sequential(linear), "w8a8", skip=("0",)), "no linear"),
    ):
        with pytest.raises(ValueError, match=what):
            call()
    with torch.no_grad():
        linear.weight[0, 0] = float("nan")
    with pytest.raises(ValueError, match=r"^1: weight must not have infinity or NaN"):
        quantize_model(nn.Sequential(nn.Linear(64, 64), linear), "w4a8")


def test_a_scheme_says_itself():
    chosen = scheme("w4a16-gptq", bits=3, act_order=True)
    assert chosen.document() == {
        "scheme": "w4a16-gptq",
        "bits": 3,
        "group_size": 128,
        "symmetric": True,
        "act_order": True,
        "static_groups": False,
    }
    assert scheme(chosen) == chosen and scheme(chosen, bits=2).options == Options(bits=2, act_order=True)


class Net(nn.Module):
    """Not of transformers."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(64, 48)
        self.layers = nn.ModuleList(nn.Sequential(nn.Linear(48, 48), nn.ReLU()) for _ in range(3))
        self.norm = nn.BatchNorm1d(48)

    def forward(self, x):
        x = self.first(x)
        for layer in self.layers:
            x = x + layer(x)
        return self.norm(x)


def test_any_module_is_written_and_read(tmp_path):
    pytest.importorskip("safetensors")
    x = torch.randn(7, 64)
    model = quantize_model(Net(), "w4a8-gptq", [x])
    assert sorted(name for name, each in model.named_modules() if isinstance(each, PackedLinear)) == [
        "layers.0.0",
        "layers.1.0",
        "layers.2.0",
    ]
    save(model, str(tmp_path / "out"), "w4a8-gptq")
    found = load(str(tmp_path / "out"), model=Net())
    assert torch.equal(found(x), model(x)) and not found.training
    with pytest.raises(CheckpointError, match=r"no config\.json"):
        load(str(tmp_path / "out"))
    with pytest.raises(CheckpointError, match=r"the model has no linear layers\.0\.0"):
        load(str(tmp_path / "out"), model=nn.Sequential(nn.Linear(64, 48)))
