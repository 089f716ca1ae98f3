"""Calibration: ranges against plain torch, the model as it was found, and files of statistics."""

import os
import re

import pytest
import torch
from safetensors.torch import load_file, save_file

from envdoctor.quant.calibration import LinearRange, Statistics, calibrate
from envdoctor.quant.gptq_config import CheckpointError
from tests.quant.tiny_models import model_of, tokens


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def pair():
    model = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    with torch.no_grad():
        for seed, parameter in enumerate(model.parameters()):
            parameter.copy_(random(*parameter.shape, seed=seed) / 2)
    return model


def assert_range(found, x):
    x = x.detach().reshape(-1, x.shape[-1])
    assert torch.equal(found.max, x.amax(0)) and torch.equal(found.min, x.amin(0))


def test_ranges_are_those_of_all_inputs(device):
    model, batches = pair(), [random(4, 5, 6), random(1, 6, seed=1), random(6, seed=2), random(0, 6)]
    found = calibrate(model, iter(batches), device)
    rows = torch.cat([batch.reshape(-1, 6) for batch in batches])
    assert list(found) == ["0", "2"] and next(model.parameters()).device.type == "cpu"
    assert found["0"].max.device.type == device
    assert_range(LinearRange(*(each.cpu() for each in found["0"][:2])), rows)
    torch.testing.assert_close(found["2"].max.cpu(), model[:2](rows).amax(0).detach())
    torch.testing.assert_close(found["2"].min.cpu(), model[:2](rows).amin(0).detach())
    assert found["2"].output_max is None


def test_outputs_too_where_asked():
    model, x = pair(), random(9, 6)
    found = calibrate(model, [x[:4], x[4:]], outputs=True)
    for name, y in (("0", model[0](x).detach()), ("2", model(x).detach())):
        ends = (float(found[name].output_max), float(found[name].output_min))
        assert ends == pytest.approx((float(y.max()), float(y.min())), rel=1e-5)


def test_a_linear_alone_and_inputs_of_every_kind():
    linear, x = torch.nn.Linear(6, 2), random(7, 6)
    assert_range(calibrate(linear, [x])[""], x)

    class Both(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = linear

        def forward(self, x, twice=False, more=None):
            return self.linear(x * 2 if twice else x) + (0 if more is None else more)

    for batch, factor in (((x,), 1), ([x, True], 2), ({"x": x, "twice": True, "more": random(7, 2)}, 2)):
        assert_range(calibrate(Both(), [batch])["linear"], factor * x)


class Router(torch.nn.Module):
    """Not called a linear, but given rows and a weight."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(random(2, 6))

    def forward(self, x):
        return x


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_statistics_are_float32(dtype):
    model, x = Router().to(dtype), random(5, 6).to(dtype)
    found = calibrate(model, [x])[""]
    assert found.max.dtype == torch.float32 and torch.equal(found.max, x.amax(0).float())


def test_experts_in_one_parameter_and_their_router():
    model = model_of("mixtral")
    found = calibrate(model, tokens(2))
    assert found["model.layers.1.mlp.gate"].max.shape == (32,)
    assert len(found) == 2 * (4 + 1) + 1 and "lm_head" in found


def state(model):
    return [
        (module.training, len(module._forward_hooks), len(module._forward_pre_hooks))
        for module in model.modules()
    ]


class Breaks(torch.nn.Module):
    def forward(self, x):
        raise RuntimeError("on its own")


def test_the_model_is_as_it_was_found():
    model = torch.nn.Sequential(pair(), torch.nn.Dropout(0.5), torch.nn.Linear(3, 2))
    model.train()
    model[0].eval()
    model[2].register_forward_hook(lambda *_: None)
    before, weights = state(model), [parameter.clone() for parameter in model.parameters()]
    x = random(64, 6)
    found = calibrate(model, [x])
    torch.testing.assert_close(found["2"].max, model[0](x).amax(0).detach())  # nothing was dropped
    model.append(Breaks())
    before += [(False, 0, 0)]
    model[3].eval()
    with pytest.raises(RuntimeError, match="on its own"):
        calibrate(model, [x])
    assert state(model) == before and torch.is_grad_enabled()
    for parameter, old in zip(model.parameters(), weights):
        assert torch.equal(parameter, old) and parameter.requires_grad and parameter.grad is None


class Divides(torch.nn.Module):
    def forward(self, x):
        return x / (x > 2)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_names_the_first_that_sees_it(value):
    model, x = pair(), random(5, 6)
    x[2, 3] = value
    with pytest.raises(ValueError, match=r"^0: infinity or NaN in its inputs"):
        calibrate(model, [random(2, 6), x])
    inner = torch.nn.Sequential(
        torch.nn.Linear(6, 6), Divides(), torch.nn.Linear(6, 6), torch.nn.Linear(6, 6)
    )
    with pytest.raises(ValueError, match=r"^2: infinity or NaN"):
        calibrate(inner, [random(5, 6)])
    with pytest.raises(ValueError, match=r"^the linear: infinity"):
        calibrate(torch.nn.Linear(6, 2), [x])


class Keyword(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(6, 2)

    def forward(self, x):
        return self.linear(input=x)


def test_what_comes_by_keyword():
    """Torch before 2.0 does not tell hooks of it."""
    x = random(4, 6)
    found = calibrate(Keyword(), [x])
    if torch.__version__ < "2":
        assert not found
    else:
        assert_range(found["linear"], x)


@pytest.mark.parametrize(
    ("model", "inputs", "kind", "said"),
    [
        (pair(), [], ValueError, "no inputs"),
        (pair(), random(4, 6), TypeError, "a list with one in it for instance, not a Tensor"),
        (pair(), {"x": random(4, 6)}, TypeError, "not a dict"),
        (pair(), ["text"], TypeError, "an input must be a tensor.*not str"),
    ],
)
def test_what_does_not_fit_is_said(model, inputs, kind, said):
    with pytest.raises(kind, match=said):
        calibrate(model, inputs)


# --- statistics -------------------------------------------------------------------------------------------------------


def assert_same(one, other, rtol=0.0):
    assert dict(one).keys() == dict(other).keys()
    for name in one:
        for mine, theirs in zip(one[name], other[name]):
            assert (mine is None) is (theirs is None)
            if mine is not None:
                torch.testing.assert_close(mine, theirs, rtol=rtol, atol=rtol)


def test_passes_are_merged():
    model, x = pair(), random(20, 6)
    parts = [calibrate(model, [x[at : at + 10]], outputs=True) for at in (0, 10)]
    whole = calibrate(model, [x], outputs=True)
    assert_same(parts[0].merged(parts[1]), whole, 1e-6)  # products of fewer rows add up in another order
    without = calibrate(model, [x[:10]])
    assert without.merged(parts[1])["0"].output_max is None
    more = Statistics({"other": LinearRange(torch.ones(2), torch.zeros(2))})
    assert sorted(parts[0].merged(more)) == ["0", "2", "other"]
    with pytest.raises(ValueError, match="0: 6 channels and 2 are not"):
        parts[0].merged(Statistics({"0": more["other"]}))


@pytest.mark.parametrize("outputs", [False, True])
def test_a_file_has_all_of_it(tmp_path, outputs):
    path, found = str(tmp_path / "statistics.safetensors"), calibrate(pair(), [random(5, 6)], outputs=outputs)
    found.save(path)
    found.save(path)
    assert os.listdir(tmp_path) == ["statistics.safetensors"]
    assert_same(Statistics.load(path), found)
    alone = calibrate(torch.nn.Linear(6, 2), [random(5, 6)])
    alone.save(path)
    assert_same(Statistics.load(path), alone)
    assert load_file(path).keys() == {".max", ".min"}


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path, found = tmp_path / "file", calibrate(pair(), [random(5, 6)])
    found.save(str(path))
    before = path.read_bytes()
    broken = Statistics({"0": LinearRange(torch.ones(3), torch.ones(3, dtype=torch.complex64))})
    with pytest.raises(CheckpointError, match=r"0\.min: safetensors files have no"):
        broken.save(str(path))
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["file"]
    with pytest.raises(CheckpointError, match="No such file"):
        found.save(str(tmp_path / "none" / "file"))


ONES = torch.ones(4)
BROKEN = {
    "another file": ({"a.weight": ONES}, "a.weight (torch.float32) is nothing that statistics have"),
    "another type": ({"a.max": ONES.half(), "a.min": ONES}, "a.max (torch.float16) is nothing"),
    "half": ({"a.max": ONES}, "a has no min"),
    "half an output": (
        {"a.max": ONES, "a.min": -ONES, "a.output_min": ONES[0].clone()},
        "a has no output_max",
    ),
    "shapes": ({"a.max": ONES, "a.min": ONES[:3].clone()}, "a: max [4] and min [3] do not fit"),
    "rank": ({"a.max": ONES[None], "a.min": ONES[None].clone()}, "a: max [1, 4] and min [1, 4] do not fit"),
    "order": ({"a.max": -ONES, "a.min": ONES}, "a: min to max is no range"),
    "infinite": ({"a.max": ONES / 0, "a.min": ONES}, "a: min to max is no range"),
    "NaN": ({"a.max": ONES * float("nan"), "a.min": ONES}, "a: min to max is no range"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_said(tmp_path, name):
    tensors, said = BROKEN[name]
    path = str(tmp_path / "file")
    save_file(tensors, path)
    with pytest.raises(CheckpointError, match=re.escape(f"{path}: {said}")) as error:
        Statistics.load(path)
    assert "\n" not in str(error.value)


def test_no_file_and_half_a_file(tmp_path):
    path = tmp_path / "file"
    with pytest.raises(CheckpointError, match="No such file"):
        Statistics.load(str(path))
    calibrate(pair(), [random(5, 6)]).save(str(path))
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        Statistics.load(str(path))
