"""The smq schemes and w8a8: formulas in float64, whole models, and what smoothing is for."""

import copy

import pytest
import torch

from envdoctor.kernels import LinearW8A8
from envdoctor.quant.alpha import search_alpha
from envdoctor.quant.calibration import LinearRange, Statistics, calibrate
from envdoctor.quant.experts import unstack_experts
from envdoctor.quant.families import find_feeds
from envdoctor.quant.smoothing import smooth
from envdoctor.quant.smoothquant import SCALINGS, quantize_w8a8, w8a8_linear
from envdoctor.quant.w8a8_report import LinearReport, report_w8a8, table
from tests.quant.tiny_models import CASES, logits, model_of, tokens

STATIC = ["smq_q8i8f16_0", "smq_q8i8f16_1", "smq_q8i8f16_2"]


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def linear_of(n=16, k=48, bias=True):
    linear = torch.nn.Linear(k, n, bias=bias)
    with torch.no_grad():
        linear.weight.copy_(random(n, k, seed=3) * torch.linspace(0.5, 3, n)[:, None] + 0.4)
        if bias:
            linear.bias.copy_(random(n, seed=4))
    return linear


def formula(low, high, asymmetric):
    """Of the schemes' description, in float64, with 0 in every range."""
    low, high = min(low, 0.0), max(high, 0.0)
    if not asymmetric:
        return max(abs(low), abs(high)) / 127, 0
    scale = (high - low) / 255
    return scale, -round(low / scale) - 128


def codes(x, scale, zero):
    return (x.double() / scale).round().add(zero).clamp(-128, 127)


@pytest.mark.parametrize("scheme", STATIC)
def test_static_schemes_are_their_formulas(scheme, device):
    linear, x = linear_of(), random(40, 48, seed=1) * 2 + 1
    made = w8a8_linear(linear, scheme, calibrate(linear, [x])[""], device)
    asymmetric, by_channel = scheme.endswith("2"), not scheme.endswith("0")
    state = {name: tensor.cpu() for name, tensor in made.state_dict().items()}

    weight, rows = linear.weight.detach().double(), []
    for row in weight:
        of = row if by_channel else weight
        rows.append(formula(float(of.min()), float(of.max()), asymmetric))
    w_scale, w_zero = (torch.tensor(each, dtype=torch.float64) for each in zip(*rows))
    w = codes(weight, w_scale[:, None], w_zero[:, None])
    x_scale, x_zero = formula(float(x.min()), float(x.max()), asymmetric)
    torch.testing.assert_close(state["w_scale"].double(), w_scale, rtol=1e-6, atol=0)
    assert float(state["x_scale"]) == pytest.approx(x_scale, rel=1e-6)
    assert torch.equal(state["weight"].double(), w)
    assert ("w_zero" in state, "x_zero" in state) == (asymmetric, asymmetric)
    if asymmetric:
        assert state["w_zero"].tolist() == w_zero.tolist() and int(state["x_zero"]) == x_zero

    products = (codes(x, x_scale, x_zero) - x_zero) @ (w - w_zero[:, None]).t()
    wanted = products * x_scale * w_scale + linear.bias.detach()
    y = made(x.to(device)).cpu().double()
    assert (
        y - wanted
    ).abs().max() <= 2e-3 * wanted.abs().max()  # a value halfway may be rounded the other way
    assert float((y - wanted).abs().median()) <= 1e-6 * float(wanted.abs().max())
    assert (y - linear(x)).norm() / linear(x).norm() < 0.02


def test_rows_that_come_with_their_scale():
    linear, x = linear_of(), random(40, 48, seed=1).half()
    made = w8a8_linear(linear, "w8a8")
    assert sorted(made.state_dict()) == ["bias", "w_scale", "weight"]
    assert torch.equal(made(x), LinearW8A8.from_linear(linear)(x))


@pytest.mark.parametrize("scheme", SCALINGS)
@pytest.mark.parametrize("low", [3.0, 0.0, -3.0])
def test_ranges_on_one_side_and_of_one_value(scheme, low):
    """Without 0 in the range a zero point leaves int8, and a range of one value divides by 0."""
    x = torch.full((4, 48), low)
    for spread in (0.0, 0.5):
        linear = linear_of()
        with torch.no_grad():
            linear.weight[0] = low
            linear.weight[1] = low + spread * torch.linspace(0, 1, 48)
        inputs = x + spread * torch.linspace(0, 1, 4)[:, None]
        made = w8a8_linear(linear, scheme, calibrate(linear, [inputs])[""])
        state = made.state_dict()
        assert all(bool((state[name] > 0).all()) for name in ("x_scale", "w_scale") if name in state)
        assert all(state[name].abs().max() <= 128 for name in ("x_zero", "w_zero") if name in state)
        wanted = linear(inputs).detach()
        assert (made(inputs) - wanted).abs().max() <= 0.02 * wanted.abs().max() + 1e-6


def test_smaller_ranges_are_used_to_the_full():
    """What is on one side has all 255 steps in the asymmetric scheme."""
    linear, x = linear_of(), random(200, 48, seed=1).abs()
    seen = calibrate(linear, [x])[""]
    wanted = linear(x).detach()
    errors = [float((w8a8_linear(linear, each, seen)(x) - wanted).norm()) for each in STATIC]
    assert errors[2] < 0.75 * errors[1] < errors[0]


# --- whole models -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCALINGS)
@pytest.mark.parametrize("case", CASES)
def test_models_in_place(case, scheme):
    model, inputs = model_of(case).float(), tokens()
    statistics, wanted = calibrate(model, inputs), logits(model, inputs[0])
    names = {name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
    statistics = smooth(model, statistics, 0.5)
    quantize_w8a8(model, statistics, scheme)
    found = {name for name, module in model.named_modules() if isinstance(module, LinearW8A8)}
    assert found == names - {"lm_head"} and isinstance(model.lm_head, torch.nn.Linear)
    assert (logits(model, inputs[0]) - wanted).norm() / wanted.norm() < 0.1


def with_outliers(model, factor=60):
    """The same function, in which two channels of what each norm gives are large, as in large models."""
    with torch.no_grad():
        for feed in find_feeds(model):
            for parameter in feed.norm.parameters():
                parameter[[3, 17]] *= factor
            for weight in feed.weights:
                weight.tensor[..., [3, 17]] /= factor
    return model


@pytest.mark.parametrize("scheme", SCALINGS)
@pytest.mark.parametrize("case", ["opt", "llama", "falcon", "mixtral"])
def test_smoothing_is_worth_a_factor_of_ten(case, scheme):
    """Where there are outliers; each row with a scale of its own does not help against them either."""
    model, inputs = with_outliers(model_of(case)).float(), tokens()
    statistics, wanted = calibrate(model, inputs), logits(model, inputs[0])
    errors = []
    for smoothed in (False, True):
        made = copy.deepcopy(model)
        quantize_w8a8(made, smooth(made, statistics) if smoothed else statistics, scheme)
        errors.append(float((logits(made, inputs[0]) - wanted).norm() / wanted.norm()))
    assert errors[0] > 0.15 and errors[0] > 10 * errors[1], errors


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.one, self.two = torch.nn.LayerNorm(48), linear_of(), linear_of(8)
        with torch.no_grad():
            self.norm.weight.copy_(random(48, seed=6).exp() * (1 + 20 * (torch.arange(48) % 20 == 7)))

    def forward(self, x):
        x = self.norm(x)
        return torch.cat([self.one(x), self.two(x)], -1)


ROWS = [("norm", ("one", "two"))]


@pytest.mark.parametrize("scheme", SCALINGS)
def test_the_alpha_that_is_found_is_as_good_as_any(scheme):
    """Against each of them tried out with the kernels, by the same measure."""
    model, x = Block(), random(200, 48, seed=2)
    statistics, wanted = calibrate(model, [x]), model(x).detach()
    before = copy.deepcopy(model.state_dict())

    def lost(alpha):
        made = copy.deepcopy(model)
        quantize_w8a8(made, smooth(made, statistics, alpha, ROWS), scheme)
        with torch.no_grad():
            y = made(x)
        parts = zip((y - wanted).split([16, 8], -1), wanted.split([16, 8], -1))
        return sum(float(error.square().sum() / whole.square().sum()) for error, whole in parts)

    tried = {alpha: lost(alpha) for alpha in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)}
    found = search_alpha(model, statistics, [x[:100], x[100:]], scheme, tuple(tried), ROWS)
    assert tried[found["norm"]] <= 1.02 * min(tried.values()) < 0.5 * max(tried.values())
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_alphas_of_a_whole_model_are_those_that_smooth_takes():
    model, inputs = with_outliers(model_of("mixtral")).float(), tokens(2)
    statistics, wanted = calibrate(model, inputs), logits(model, inputs[0])
    found = search_alpha(model, statistics, inputs, "smq_q8i8f16_1", (0.3, 0.6, 0.9), samples=30)
    assert len(found) == 4 and set(found.values()) <= {0.3, 0.6, 0.9}
    quantize_w8a8(model, smooth(model, statistics, found), "smq_q8i8f16_1")
    assert (logits(model, inputs[0]) - wanted).norm() / wanted.norm() < 0.1


def test_a_search_without_inputs_is_refused():
    model, x = Block(), random(20, 48)
    statistics = calibrate(model, [x])
    for inputs, said in (([], "no inputs"), ([x[:0]], "norm: nothing of these inputs comes to one")):
        with pytest.raises(ValueError, match=said):
            search_alpha(model, statistics, inputs, "w8a8", rows=ROWS)


def layers():
    inner = torch.nn.ModuleDict({"q_proj": linear_of(), "lm_head": torch.nn.Sequential(linear_of())})
    return torch.nn.ModuleDict({"a": inner, "b": torch.nn.ModuleList([linear_of()]), "lm_head": linear_of()})


@pytest.mark.parametrize(
    ("skip", "left"),
    [
        ((), []),
        (("lm_head",), ["a.lm_head.0", "lm_head"]),
        (("a.q_proj",), ["a.q_proj"]),
        (("q_proj", "b"), ["a.q_proj", "b.0"]),
        (("proj", "a.q", "0.a"), []),
        (("a",), ["a.q_proj", "a.lm_head.0"]),
    ],
)
def test_what_is_skipped(skip, left):
    model = layers()
    quantize_w8a8(model, None, "w8a8", skip)
    assert [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)] == left


def test_a_linear_in_two_places_is_one_in_both():
    linear = linear_of()
    model = torch.nn.ModuleList([linear, torch.nn.Sequential(linear), linear])
    quantize_w8a8(model, None, "w8a8")
    assert isinstance(model[0], LinearW8A8) and model[0] is model[1][0] is model[2]


def test_attention_of_torch_itself_goes_on():
    """It reads the weight of its out_proj, which is a linear in name."""
    model = torch.nn.MultiheadAttention(48, 4).eval()
    x = random(5, 2, 48)
    wanted = model(x, x, x)[0]
    quantize_w8a8(model, None, "w8a8")
    assert torch.equal(model(x, x, x)[0], wanted)


def test_a_model_that_was_replaced_is_saved_and_read(tmp_path):
    models = [torch.nn.Sequential(linear_of(), torch.nn.ReLU(), linear_of(8, 16)) for _ in range(2)]
    x = random(30, 48)
    for model, inputs in zip(models, (x, x * 3)):
        quantize_w8a8(model, calibrate(model, [inputs]), "smq_q8i8f16_2")
    assert not torch.equal(models[0](x), models[1](x))
    torch.save(models[0].state_dict(), tmp_path / "state")
    models[1].load_state_dict(torch.load(tmp_path / "state"))
    assert torch.equal(models[0](x), models[1](x))


def test_the_model_goes_to_the_device(device):
    model = torch.nn.Sequential(linear_of(), torch.nn.LayerNorm(16), torch.nn.Linear(16, 4))
    quantize_w8a8(model, None, "w8a8", ("2",), device)
    assert {tensor.device.type for tensor in [*model.parameters(), *model.buffers()]} == {device}
    assert model(random(3, 48).to(device)).device.type == device


def broken(name, value):
    model = layers()
    with torch.no_grad():
        model.get_parameter(name)[1, 2] = value
    return model


def with_adapter():
    model = layers()
    model["b"][0].lora_a = torch.nn.Parameter(torch.zeros(2, 48))
    return model


SEEN = LinearRange(torch.ones(48), -torch.ones(48))
BAD = {
    "scheme": (layers(), None, "smq_q4", "scheme must be one of w8a8, smq_q8i8f16_0"),
    "none": (layers(), None, "smq_q8i8f16_1", "a.q_proj: no statistics of its inputs: .* name it in skip"),
    "one too few": (layers(), Statistics({"a.q_proj": SEEN}), "smq_q8i8f16_0", "b.0: no statistics"),
    "channels": (
        layers(),
        Statistics({"a.q_proj": LinearRange(torch.ones(47), -torch.ones(47))}),
        "smq_q8i8f16_0",
        "a.q_proj: statistics of 47 channels for 48",
    ),
    "NaN": (broken("b.0.weight", float("nan")), None, "w8a8", "b.0: its weight must be finite"),
    "adapter": (with_adapter(), None, "w8a8", "b.0: it has lora_a besides a weight and a bias"),
    "meta": (layers().to("meta"), None, "w8a8", "a.q_proj: its weight must be"),
    "alone": (linear_of(), None, "w8a8", "w8a8_linear makes another"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_fit_is_said_before_anything_changes(name):
    model, statistics, scheme, said = BAD[name]
    before = list(model.modules())
    with pytest.raises(ValueError, match=said):
        quantize_w8a8(model, statistics, scheme)
    assert all(one is other for one, other in zip(model.modules(), before))


# --- experts ----------------------------------------------------------------------------------------------------------


def test_experts_taken_apart_compute_what_they_did():
    model, inputs = model_of("mixtral"), tokens()
    wanted = logits(model, inputs[0])
    stacked = [layer.mlp.experts for layer in model.model.layers]
    places = [each.gate_up_proj.data_ptr() for each in stacked]
    assert unstack_experts(model) == [f"model.layers.{at}.mlp.experts" for at in range(2)]
    assert (logits(model, inputs[0]) - wanted).abs().max() <= 1e-12 * wanted.abs().max()
    for layer, place in zip(model.model.layers, places):
        assert layer.mlp.experts[0].gate_up_proj.weight.data_ptr() == place
    assert unstack_experts(model) == []
    statistics = calibrate(model, inputs)
    after = smooth(model, statistics, 0.7, check=inputs[:1])
    assert (logits(model, inputs[0]) - wanted).abs().max() <= 1e-10 * wanted.abs().max()
    assert not torch.equal(
        after["model.layers.0.mlp.experts.2.gate_up_proj"].max,
        statistics["model.layers.0.mlp.experts.2.gate_up_proj"].max,
    )


@pytest.mark.parametrize("scheme", SCALINGS)
def test_experts_are_quantised_as_other_linears_are(scheme):
    model, inputs = with_outliers(model_of("mixtral")).float(), tokens()
    wanted = logits(model, inputs[0])
    unstack_experts(model)
    quantize_w8a8(model, smooth(model, calibrate(model, inputs)), scheme)
    assert sum(isinstance(module, LinearW8A8) for module in model.modules()) == 2 * (4 + 4 * 2)
    assert (logits(model, inputs[0]) - wanted).norm() / wanted.norm() < 0.1


class Lookalike(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.gate_up_proj = torch.nn.Parameter(random(4, 12, 8))
        self.down_proj = torch.nn.Parameter(random(4, 8, 6))
        self.act_fn = torch.nn.SiLU()

    def forward(self, x, chosen, shares):
        return 2 * x


def test_what_looks_like_experts_is_asked():
    model = torch.nn.ModuleDict({"experts": Lookalike()})
    with pytest.raises(ValueError, match="experts is like experts of Mixtral, but does not compute"):
        unstack_experts(model)
    model.to("meta")
    with pytest.raises(ValueError, match="experts cannot be asked what it computes"):
        unstack_experts(model)
    model["experts"].forward = lambda x: x
    with pytest.raises(ValueError, match="experts cannot be asked what it computes"):
        unstack_experts(model)
    assert isinstance(model["experts"], Lookalike)


# --- the report -------------------------------------------------------------------------------------------------------


def test_a_report_says_what_a_linear_would_lose():
    model = torch.nn.ModuleDict({"one": linear_of(), "two": linear_of(8, 16), "lm_head": linear_of(4, 8)})
    chain = torch.nn.Sequential(*model.values())
    x = random(30, 48)
    statistics = calibrate(chain, [x])
    reports = report_w8a8(chain, statistics, "smq_q8i8f16_1", [x[:20], x[20:]], ("2",))
    assert [each.name for each in reports] == ["0", "1"]
    for at, inputs in ((0, x), (1, chain[0](x).detach())):
        linear, made = chain[at], w8a8_linear(chain[at], "smq_q8i8f16_1", statistics[str(at)])
        wanted = linear(inputs).detach()
        error = float((made(inputs) - wanted).norm() / wanted.norm())
        assert reports[at].output_error == pytest.approx(error, rel=1e-4)
        plain = made.state_dict()["weight"] * made.w_scale[:, None]
        weight = linear.weight.detach()
        assert reports[at].weight_error == pytest.approx(
            float((plain - weight).norm() / weight.norm()), rel=1e-4
        )
        assert reports[at].bytes_before == 4 * (linear.weight.numel() + linear.out_features)
        assert reports[at].bytes_after < reports[at].bytes_before
    assert type(chain[0]) is torch.nn.Linear
    chain.spare = torch.nn.Module()
    chain.spare.linear = linear_of()
    chain.forward = chain[0].forward
    spare = report_w8a8(chain, None, "w8a8", [x])[-1]
    assert spare.name == "spare.linear" and spare.output_error is None and spare.weight_error > 0


def test_a_report_as_a_table():
    reports = [
        LinearReport("h.0.q", 0.00514, 0.0123, 4 << 20, 1 << 20),
        LinearReport("h", 0.5, None, 2**19, 2**18),
    ]
    assert table(reports).splitlines() == [
        "linear  weight error %  output error %  MiB before  MiB after",
        "h.0.q             0.51            1.23        4.00       1.00",
        "h                50.00     did not run        0.50       0.25",
        "all                                           4.50       1.25",
    ]
