"""Smoothing: every family computes what it did, and what would not is refused with the model as it was."""

import copy

import pytest
import torch

from envdoctor.quant.calibration import LinearRange, Statistics, calibrate
from envdoctor.quant.families import UnknownFamilyError
from envdoctor.quant.smoothing import scales_of, smooth
from tests.quant.tiny_models import CASES, logits, model_of, randomised, tokens

QKV = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"}
LLAMA = QKV | {"mlp.gate_proj", "mlp.up_proj"}
FALCON = {"self_attention.query_key_value", "mlp.dense_h_to_4h"}
#: Of a block, what is smoothed; experts lie in a parameter of which there are no statistics.
SMOOTHED = {
    "opt": QKV | {"fc1"},
    "phi3": {"self_attn.qkv_proj", "mlp.gate_up_proj"},
    "mixtral": QKV | {"mlp.gate"},
    "codegen": {"attn.qkv_proj", "mlp.fc_in"},
    "bloom": FALCON,
    **{case: FALCON for case in CASES if case.startswith("falcon")},
}
#: Their norms multiply 1 + weight in float32, whatever the model is in.
ROUGH = ("gemma", "gemma2")


def unchanged(model, before):
    return all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def state_of(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.85])
@pytest.mark.parametrize("case", CASES)
def test_a_model_computes_what_it_did(case, alpha):
    model, inputs = model_of(case), tokens()
    statistics, before = calibrate(model, inputs), logits(model, inputs[0])
    after = smooth(model, statistics, alpha, check=inputs[:1])
    difference = (logits(model, inputs[0]) - before).abs().max() / before.abs().max()
    assert difference <= (1e-4 if case in ROUGH else 1e-10)

    changed = {name for name in statistics if not torch.equal(after[name].max, statistics[name].max)}
    blocks = {name.rpartition(".layers.")[0] or name.rpartition(".h.")[0] for name in changed}
    prefix = next(iter(blocks)) + (".layers." if ".layers." in next(iter(changed)) else ".h.")
    assert changed == {f"{prefix}{at}.{name}" for at in range(2) for name in SMOOTHED.get(case, LLAMA)}

    # one pass is enough: these are the statistics of another
    again = calibrate(model, inputs)
    for name, each in again.items():
        tolerance = {"rtol": 1e-4, "atol": 1e-5 * float(each.magnitudes().max())}
        torch.testing.assert_close(after[name].max, each.max, **tolerance)
        torch.testing.assert_close(after[name].min, each.min, **tolerance)


class OldExperts(torch.nn.Module):
    """Mixtral's block as it was before its experts were stacked."""

    def __init__(self):
        super().__init__()
        self.gate = torch.nn.Linear(32, 4, bias=False)
        names = {"w1": (32, 48), "w3": (32, 48), "w2": (48, 32)}
        self.experts = torch.nn.ModuleList(
            torch.nn.ModuleDict({name: torch.nn.Linear(*sizes, bias=False) for name, sizes in names.items()})
            for _ in range(4)
        )

    def forward(self, x):
        part = self.gate(x).softmax(-1)
        part = part * (part >= part.topk(2).values[..., -1:])
        y = torch.zeros_like(x)
        for at, expert in enumerate(self.experts):
            rows = part[..., at] > 0
            chosen = x[rows]
            made = expert["w2"](torch.nn.functional.silu(expert["w1"](chosen)) * expert["w3"](chosen))
            y[rows] += made * part[rows][:, at, None]
        return y


def with_old_experts(model):
    for layer in model.model.layers:
        del layer.mlp
        layer.block_sparse_moe = layer.mlp = OldExperts()
        del layer.mlp
        layer.register_forward_pre_hook(lambda module, _: vars(module).update(mlp=module.block_sparse_moe))
    return randomised(model)


def test_experts_that_are_modules():
    """One of them may see nothing at all."""
    model, inputs = with_old_experts(model_of("llama")), tokens(1)
    statistics, before = calibrate(model, inputs), logits(model, inputs[0])
    some = {
        name: each for name, each in statistics.items() if "layers.0.block_sparse_moe.experts.1." not in name
    }
    after = smooth(model, Statistics(some), 0.7)
    assert (logits(model, inputs[0]) - before).abs().max() <= 1e-10 * before.abs().max()
    changed = [name for name in after if not torch.equal(after[name].max, statistics[name].max)]
    assert len(changed) == 2 * (3 + 1 + 4 * 2) - 2 and not any("w2" in name for name in changed)


class Block(torch.nn.Module):
    """A norm of any kind before two linears."""

    def __init__(self, norm, k=24):
        super().__init__()
        self.norm, self.left, self.right = norm, torch.nn.Linear(k, 8), torch.nn.Linear(k, 8)
        randomised(self)

    def forward(self, x):
        x = self.norm(x)
        return self.left(x) + self.right(x)


class Rms(torch.nn.Module):
    """1 + weight, in the model's own type."""

    def __init__(self, gain=lambda weight: 1 + weight):
        super().__init__()
        self.weight, self.gain = torch.nn.Parameter(torch.zeros(24)), gain

    def forward(self, x):
        return x * x.square().mean(-1, keepdim=True).rsqrt() * self.gain(self.weight)


ROWS = [("norm", ("left", "right"))]


def block(norm=None, rows=64):
    model = Block(torch.nn.LayerNorm(24) if norm is None else norm)
    x = torch.randn(rows, 24, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return model, x, calibrate(model, [x])


def without_bias():
    norm = torch.nn.LayerNorm(24)
    norm.register_parameter("bias", None)
    return norm


@pytest.mark.parametrize("norm", [torch.nn.LayerNorm(24), without_bias(), Rms()])
def test_rows_of_ones_own(norm):
    """Scales are the formula's, in float64 here."""
    model, x, statistics = block(norm)
    before, wanted = copy.deepcopy(model), model(x)
    after = smooth(model, statistics, 0.7, ROWS)
    assert (model(x) - wanted).abs().max() <= 1e-12 * wanted.abs().max()
    seen = before.norm(x).abs().amax(0)
    weights = torch.cat([before.left.weight, before.right.weight]).abs().amax(0)
    scales = seen**0.7 / weights**0.3
    torch.testing.assert_close(
        model.left.weight / before.left.weight, scales.expand(8, -1), rtol=1e-6, atol=0
    )
    torch.testing.assert_close(after["right"].magnitudes().double(), seen / scales, rtol=1e-6, atol=0)
    assert after["left"].max.dtype == torch.float32


def test_names_from_the_model_itself_are_rows_too():
    model, x, statistics = block()
    whole = torch.nn.Sequential(model, torch.nn.ReLU())
    wanted = whole(x)
    statistics = calibrate(whole, [x])
    smooth(whole, statistics, rows=[("0.norm", ("0.left", "0.right"))])
    assert (whole(x) - wanted).abs().max() <= 1e-12 * wanted.abs().max()


def test_an_alpha_for_each_norm():
    model, _, statistics = block()
    other = copy.deepcopy(model)
    one, two = smooth(model, statistics, {"norm": 0.3}, ROWS), smooth(other, statistics, 0.3, ROWS)
    assert torch.equal(one["left"].max, two["left"].max) and unchanged(model, state_of(other))


def test_channels_that_never_were_anything_keep_their_scale():
    """The formula's least scale, 1e-5, would make a float16 norm infinite."""
    model, x, _ = block()
    with torch.no_grad():
        model.norm.weight[3] = model.norm.bias[3] = 0
        model.left.weight[:, 5] = model.right.weight[:, 5] = 0
    model.half()
    weight = model.left.weight.clone()
    statistics = calibrate(model.float(), [x.float()])
    smooth(model.half(), statistics, 0.5, ROWS)
    assert torch.equal(model.left.weight[:, 3], weight[:, 3])
    assert all(bool(tensor.isfinite().all()) for tensor in model.state_dict().values())
    assert scales_of(torch.tensor([0.0, 4.0]), [torch.tensor([[1.0, 0.0]])], 0.5).tolist() == pytest.approx(
        [1.0, (4 / 1e-5) ** 0.5]
    )


def test_half_precision_is_computed_in_float32_and_rounded_once():
    model, _, statistics = block()
    half = copy.deepcopy(model).half()
    rounded = copy.deepcopy(half).float()
    smooth(half, statistics, 0.5, ROWS)
    smooth(rounded, statistics, 0.5, ROWS)
    for name, tensor in half.state_dict().items():
        assert torch.equal(tensor, rounded.state_dict()[name].half())


REFUSED = {
    "opt-350m": ("opt", {"do_layer_norm_before": False}, "do_layer_norm_before is False"),
    "bloom": (
        "bloom",
        {"apply_residual_connection_post_layernorm": True},
        "apply_residual_connection_post_layernorm is True",
    ),
    "minimax": ("minimax", {}, "mlp_alpha_factor is (1|True), so that a norm also gives the residual"),
    "opt, no weights": ("opt", {"layer_norm_elementwise_affine": False}, "must have a weight"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_norm_that_also_gives_the_residual_is_refused(name):
    case, options, said = REFUSED[name]
    model, inputs = model_of(case, **options), tokens(1)
    statistics, before = calibrate(model, inputs), state_of(model)
    with pytest.raises(ValueError, match=said):
        smooth(model, statistics)
    assert unchanged(model, before)


@pytest.mark.parametrize(
    ("case", "options", "row"),
    [
        ("opt", {"do_layer_norm_before": False}, ("self_attn_layer_norm", ("fc1",))),
        (
            "bloom",
            {"apply_residual_connection_post_layernorm": True},
            ("input_layernorm", ("self_attention.query_key_value",)),
        ),
        ("codegen", {}, ("ln_1", ("attn.qkv_proj",))),
        ("mixtral", {}, ("post_attention_layernorm", ("mlp.gate",))),
    ],
)
def test_running_the_model_shows_what_rows_leave_out(case, options, row):
    """A residual, another linear, experts: of all but linears statistics say nothing."""
    model, inputs = model_of(case, **options), tokens(1)
    statistics, before = calibrate(model, inputs), state_of(model)
    alone = {name: each for name, each in statistics.items() if name.endswith(row[1][0])}
    with pytest.raises(ValueError, match=r"scales would reach .*feeds more than its row says"):
        smooth(model, Statistics(alone), rows=[row], check=inputs)
    assert unchanged(model, before)


def test_two_norms_that_give_the_same():
    """As when nothing is trained yet: what each feeds has a row."""
    model, inputs = model_of("falcon-two-norms"), tokens(1)
    for layer in model.transformer.h:
        layer.ln_mlp.load_state_dict(layer.ln_attn.state_dict())
    statistics, before = calibrate(model, inputs), logits(model, inputs[0])
    smooth(model, statistics)
    assert (logits(model, inputs[0]) - before).abs().max() <= 1e-10 * before.abs().max()


def test_a_linear_that_no_row_knows_is_refused():
    model, inputs = model_of("llama"), tokens(1)
    statistics = calibrate(model, inputs)
    model.model.layers[1].mlp.adapter = torch.nn.Linear(32, 4)
    before = state_of(model)
    with pytest.raises(ValueError, match=r"layers.1 is like LLaMA.*has mlp.adapter.weight, which"):
        smooth(model, statistics)
    assert unchanged(model, before)


def test_an_adapter_within_a_linear_is_refused():
    model, inputs = model_of("llama"), tokens(1)
    statistics = calibrate(model, inputs)
    model.model.layers[1].mlp.up_proj.lora_a = torch.nn.Parameter(torch.zeros(2, 32))
    before = state_of(model)
    with pytest.raises(ValueError, match=r"layers.1.mlp.up_proj has lora_a besides a weight and a bias"):
        smooth(model, statistics)
    assert unchanged(model, before)


def test_a_model_that_no_row_knows():
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(
        n_embd=32, n_head=4, n_layer=1, vocab_size=50, bos_token_id=1, eos_token_id=2
    )
    model = transformers.GPT2LMHeadModel(config)
    statistics = calibrate(model, tokens(1))
    with pytest.raises(
        UnknownFamilyError, match=r"no norm in GPT2LMHeadModel.*\(those of OPT, LLaMA.*CodeGen\)"
    ):
        smooth(model, statistics)
    with pytest.raises(ValueError, match=r"c_attn is \[32, 96\], not \[N, K\] with 32 channels"):
        smooth(model, statistics, rows=[("ln_1", ("attn.c_attn",))])


def test_a_norm_that_gives_nothing_but_zeros():
    model, x, _ = block()
    with torch.no_grad():
        model.norm.weight.zero_()
        model.norm.bias.zero_()
    before = state_of(model)
    smooth(model, calibrate(model, [x]), 0.5, ROWS)
    assert unchanged(model, before)


class Tied(torch.nn.Module):
    """Another use of a linear's weight."""

    def __init__(self, linear):
        super().__init__()
        self.weight = linear.weight


def ranges(**channels):
    return Statistics({name: LinearRange(torch.ones(k), -torch.ones(k)) for name, k in channels.items()})


def times(factor, *names):
    def change(model):
        with torch.no_grad():
            for name in names:
                model.get_parameter(name).mul_(factor)

    return change


NOTHING = times(1)
BAD = {
    "not all": (NOTHING, {"rows": [("norm", ("left",))]}, "norm feeds right too, which must be in its row"),
    "two rows": (NOTHING, {"rows": [("norm", ("left",)), ("norm", ("right",))]}, "norm is in two rows"),
    "too much": (
        lambda model: setattr(
            model, "left", torch.nn.Sequential(*map(torch.nn.Linear, (24, 24), (24, 8))).double()
        ),
        {"rows": [("norm", ("left.0", "left.1", "right"))]},
        "left.0 sees other inputs",
    ),
    "no linear": (NOTHING, {"rows": [("left", ("norm",))]}, r"norm has no weight \[N, K\]"),
    "no such": (NOTHING, {"rows": [("norm", ("middle",))]}, "looked for norm to middle"),
    "alpha": (NOTHING, {"alpha": 1.5}, "alpha must be from 0 to 1"),
    "an alpha": (NOTHING, {"alpha": {"other": 0.5}}, "norm: there is no alpha"),
    "no statistics": (NOTHING, {"statistics": ranges(other=24)}, "no statistics of what it feeds"),
    "channels": (NOTHING, {"statistics": ranges(left=4)}, r"not \[N, K\] with 4 channels"),
    "other channels": (NOTHING, {"statistics": ranges(left=24, right=23)}, r"of \[23, 24\] channels"),
    "tied": (
        lambda model: setattr(model, "more", Tied(model.left)),
        {},
        "left is a parameter of another module",
    ),
    "shared": (
        lambda model: setattr(model, "more", torch.nn.Sequential(model.norm)),
        {},
        "norm.weight is a parameter of another module",
    ),
    "no gain": (
        lambda model: setattr(model, "norm", torch.nn.LayerNorm(24, elementwise_affine=False).double()),
        {},
        "must have a weight to divide",
    ),
    "squared": (lambda model: setattr(model, "norm", Rms(torch.square)), {}, "norm does not multiply"),
    "halves": (lambda model: setattr(model, "norm", Rms(lambda w: 0.5 + w)), {}, "norm does not multiply"),
    "too large a norm": (
        lambda model: times(1e-4, "left.weight", "right.weight")(
            times(6e4, "norm.weight")(model.half()) or model
        ),
        {"alpha": 0.0, "statistics": ranges(left=24, right=24)},
        "too large for torch.float16",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_fit_is_said_before_anything_changes(name):
    change, options, said = BAD[name]
    model, x, _ = block()
    change(model)
    if name in ("squared", "halves"):
        randomised(model)
    statistics = options.get("statistics") or calibrate(model, [x])
    before = state_of(model)
    with pytest.raises(ValueError, match=said) as error:
        smooth(model, statistics, options.get("alpha", 0.5), options.get("rows", ROWS))
    assert "\n" not in str(error.value) and unchanged(model, before)
