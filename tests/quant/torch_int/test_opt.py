"""OPT in int8: the text it writes as floats do, prompts of any length, caches, states, types and what is refused."""

import copy
import inspect
import re
from pathlib import Path

import pytest
import torch

from envdoctor.quant.calibration import calibrate
from envdoctor.quant.smoothing import smooth
from envdoctor.quant.torch_int.models import decoder_layer_scales
from tests.quant.torch_int.arithmetic import int8, saturated, scaled, sums

pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

from envdoctor.quant.torch_int.models import opt  # noqa: E402  # needs transformers

README = Path(__file__).parents[3] / "README.md"
PAD, PATTERN = 0, [3, 1, 4, 1, 5, 9, 2, 6]
IDS = torch.tensor([(PATTERN * 4)[start : start + 24] for start in range(len(PATTERN))])

#: Of a layer of a state, as torch-int names them.
INT8 = """
self_attn.q_proj.weight self_attn.q_proj.bias self_attn.k_proj.weight self_attn.k_proj.bias self_attn.v_proj.weight
self_attn.v_proj.bias self_attn.out_proj.weight fc1.weight fc1.bias fc2.weight
"""
FLOAT32 = """
self_attn.q_proj.a self_attn.q_proj.b self_attn.k_proj.a self_attn.k_proj.b self_attn.v_proj.a self_attn.v_proj.b
self_attn.out_proj.a self_attn.out_proj.bias self_attn.qk_bmm.a self_attn.pv_bmm.a fc1.a fc1.b fc2.a fc2.bias
self_attn_layer_norm.weight self_attn_layer_norm.bias final_layer_norm.weight final_layer_norm.bias
"""


def untrained(**more):
    from transformers import OPTConfig, OPTForCausalLM

    torch.manual_seed(0)
    sizes = {
        "vocab_size": 32,
        "hidden_size": 64,
        "ffn_dim": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    }
    special = {"pad_token_id": PAD, "bos_token_id": 7, "eos_token_id": 8, "max_position_embeddings": 64}
    return OPTForCausalLM(
        OPTConfig(**{**sizes, **special, "word_embed_proj_dim": 64, "dropout": 0.0, **more})
    )


@pytest.fixture(scope="module")
def floats():
    """Has learned one sequence, so that what it generates is not by chance; and has outliers, as large models do."""
    model = untrained()
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(60):
        optimizer.zero_grad()
        model(IDS, labels=IDS).loss.backward()
        optimizer.step()
    with torch.no_grad():
        for layer in model.model.decoder.layers:
            for norm, fed in (
                (layer.self_attn_layer_norm, [getattr(layer.self_attn, f"{name}_proj") for name in "qkv"]),
                (layer.final_layer_norm, [layer.fc1]),
            ):
                norm.weight[5] *= 30
                norm.bias[5] *= 30
                for linear in fed:
                    linear.weight[:, 5] /= 30
    return model.eval()


@pytest.fixture(scope="module")
def quantised(floats):
    """On the CPU. Tests that change it copy it."""
    return int8_of(floats)


def int8_of(model, smoothed=True, **options):
    statistics = calibrate(model, [IDS], outputs=True)
    if smoothed:
        model = copy.deepcopy(model)
        statistics = smooth(model, statistics, 0.5)
    return opt.Int8OPTForCausalLM.from_float(model, decoder_layer_scales(statistics), **options)


@pytest.fixture
def softmax_in_float64(monkeypatch):
    """So that no probability is so near to half a level that the order in which others are summed decides."""
    softmax = torch.nn.functional.softmax
    monkeypatch.setattr(torch.nn.functional, "softmax", lambda x, dim: softmax(x.double(), dim))


@torch.no_grad()
def logits(model, ids, **more):
    return model(ids, **more).logits.float().cpu()


def error(found, exact):
    return ((found - exact).norm() / exact.norm()).item()


def padded(*prompts):
    """Ids and mask, padded on the left."""
    longest = max(map(len, prompts))
    ids = torch.tensor([[PAD] * (longest - len(each)) + each for each in prompts])
    mask = torch.tensor([[0] * (longest - len(each)) + [1] * len(each) for each in prompts])
    return ids, mask


# --- what it computes -------------------------------------------------------------------------------------------------


# With a static cache transformers compiles the model on a GPU, where torch warns of precision and an empty graph.
@pytest.mark.filterwarnings("ignore:TensorFloat32 tensor cores", "ignore:The CUDA Graph is empty")
@pytest.mark.parametrize(
    "search", [{}, {"num_beams": 3}, {"cache_implementation": "static"}, {"use_cache": False}]
)
def test_the_same_text_as_in_floats(floats, quantised, device, search):
    ids, mask = padded(PATTERN[:5], PATTERN[2:5], (PATTERN * 3)[:17])
    options = {"do_sample": False, "max_new_tokens": 15, **search}
    exact = floats.generate(ids, attention_mask=mask, **options)
    model = copy.deepcopy(quantised).to(device)
    found = model.generate(ids.to(device), attention_mask=mask.to(device), **options)
    assert found.tolist() == exact.tolist()
    assert found[0, -20:].tolist() == (PATTERN * 3)[:20]


def test_how_near_it_is(floats, quantised, device):
    """Perplexity within a hundredth; smoothing is what makes it so where there are outliers."""
    model = copy.deepcopy(quantised).to(device)
    exact, ids = logits(floats, IDS), IDS.to(device)
    assert error(logits(model, ids), exact) < 0.01
    assert error(logits(int8_of(floats, smoothed=False, device=device), ids), exact) > 0.02
    with torch.no_grad():
        apart = model(ids, labels=ids).loss.item() - floats(IDS, labels=IDS).loss.item()
    assert abs(apart) < 0.01


def test_attention_is_what_its_state_says(quantised, softmax_in_float64, device):
    """In plain arithmetic, of 13 tokens and a mask."""
    attention = copy.deepcopy(quantised.model.decoder.layers[0].self_attn).to(device)
    state = {name: value.cpu() for name, value in attention.state_dict().items()}
    x = int8(2, 13, 64)
    mask = torch.full((13, 13), torch.finfo(torch.float32).min).triu(1)[None, None].repeat(2, 1, 1, 1)
    mask[1, :, :, :3] = float("-inf")

    def linear(name):
        acc = sums(x, state[f"{name}_proj.weight"])
        parts = (state[f"{name}_proj.{part}"] for part in ("a", "bias", "b"))
        a, bias, b = parts
        y = saturated(scaled(acc, a.item(), bias, b.item()), torch.int8)
        return y.unflatten(-1, (4, 16)).transpose(1, 2)

    query, key, value = map(linear, "qkv")
    scores = scaled(sums(query, key), state["qk_bmm.a"].item()) + mask
    levels = (scores.clamp(min=torch.finfo(torch.float32).min).double().softmax(-1) * 127).round()
    context = scaled(sums(levels, value.transpose(2, 3)), state["pv_bmm.a"].item())
    context = saturated(context, torch.int8).transpose(1, 2).flatten(2)
    wanted = scaled(
        sums(context, state["out_proj.weight"]), state["out_proj.a"].item(), state["out_proj.bias"]
    )
    found, probabilities = attention(x.to(device), attention_mask=mask.to(device))
    assert found.dtype == torch.float32 and torch.allclose(found.cpu(), wanted, rtol=1e-6, atol=1e-6)
    assert (probabilities.sum(-1) - 1).abs().max() < 1e-6


@pytest.mark.parametrize("pieces", [[1] * 19, [13, 1, 1, 4], [5, 7, 7]])
@torch.no_grad()
def test_any_length_with_a_cache(quantised, softmax_in_float64, device, pieces):
    """In pieces with a cache of int8 it is what it is at once; padding on the left changes nothing."""
    from transformers import DynamicCache

    model = copy.deepcopy(quantised).to(device)
    ids, mask = (each.to(device) for each in padded((PATTERN * 3)[:19], (PATTERN * 3)[4:13]))
    at_once = logits(model, ids, attention_mask=mask, use_cache=False)
    cache, found, end = DynamicCache(config=model.config), [], 0
    key = "cache" if "cache" in inspect.signature(model.forward).parameters else "past_key_values"
    for piece in pieces:
        start, end = end, end + piece
        more = {key: cache, "use_cache": True, "attention_mask": mask[:, :end]}
        found.append(logits(model, ids[:, start:end], **more))
    seen = mask.bool().cpu()
    assert torch.allclose(torch.cat(found, 1)[seen], at_once[seen], atol=1e-4)
    assert torch.allclose(logits(model, ids[1:, -9:])[0], at_once[1, -9:], atol=1e-4)
    for layer in cache.layers:
        assert layer.keys.dtype == layer.values.dtype == torch.int8 and layer.keys.shape == (2, 4, 19, 16)


@torch.no_grad()
def test_hidden_states_and_attentions(floats, quantised):
    """Those of each layer, not one tensor that all layers added to."""
    floats = copy.deepcopy(floats)
    floats.set_attn_implementation("eager")  # another one has no attentions to compare with
    exact, found = (
        model(IDS[:1, :9], output_hidden_states=True, output_attentions=True) for model in (floats, quantised)
    )
    assert len(found.hidden_states) == 3 and len(found.attentions) == 2
    for one, other in zip(found.hidden_states + found.attentions, exact.hidden_states + exact.attentions):
        assert one.shape == other.shape and error(one, other) < 0.03


# --- of what models ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "special",
    [
        {"word_embed_proj_dim": 16},
        {"enable_bias": False},
        {"layer_norm_elementwise_affine": False},
        {"tie_word_embeddings": False},
        {"_remove_final_layer_norm": True},
    ],
    ids=lambda special: next(iter(special)),
)
def test_kinds_of_opt(special):
    model = untrained(**special).eval()
    found = int8_of(model, smoothed=special.get("layer_norm_elementwise_affine", True))
    assert error(logits(found, IDS), logits(model, IDS)) < 0.03
    tied = found.lm_head.weight is found.get_input_embeddings().weight
    assert tied == special.get("tie_word_embeddings", True)


@pytest.mark.parametrize(
    ("special", "said"),
    [
        ({"do_layer_norm_before": False}, "do_layer_norm_before"),
        ({"activation_function": "gelu"}, "not gelu"),
    ],
)
def test_kinds_that_int8_layers_cannot_do(special, said):
    model = untrained(**special).eval()
    with pytest.raises(ValueError, match=said):
        int8_of(model, smoothed=False)


def test_parts_of_a_model(floats, quantised):
    """Each class has from_float; the scales of a part are found under its own names."""
    scales = decoder_layer_scales(calibrate(floats.model, [IDS], outputs=True))
    wanted = int8_of(floats, smoothed=False).model
    for kind, of, whole in (
        (opt.Int8OPTModel, floats.model, wanted),
        (opt.Int8OPTDecoder, floats.model.decoder, wanted.decoder),
    ):
        part = kind.from_float(of, scales)
        assert type(part) is kind and not part.training
        with torch.no_grad():
            assert torch.equal(part(IDS).last_hidden_state, whole(IDS).last_hidden_state)


@torch.no_grad()
def test_the_model_of_floats_stays_as_it_is(floats):
    model = copy.deepcopy(floats)
    before = copy.deepcopy(model.state_dict())
    found = int8_of(model, smoothed=False)
    assert model.config._attn_implementation != found.config._attn_implementation == "eager"
    for parameter in found.parameters():
        parameter.zero_()
    found.half()
    after = model.state_dict()
    assert all(
        torch.equal(after[name], value) and after[name].dtype == value.dtype for name, value in before.items()
    )
    assert found.get_memory_footprint() < 0.5 * model.get_memory_footprint()


# --- scales -----------------------------------------------------------------------------------------------------------


def test_scales_after_smoothing_need_no_second_pass(floats):
    model = copy.deepcopy(floats)
    statistics = calibrate(model, [IDS], outputs=True)
    before = decoder_layer_scales(statistics)
    after = decoder_layer_scales(smooth(model, statistics, 0.5))
    second = decoder_layer_scales(calibrate(model, [IDS], outputs=True))
    for one, other, first in zip(after, second, before):
        assert one == pytest.approx(other, rel=1e-3)
        assert one["attn_input_scale"] < first["attn_input_scale"] / 2
    seen = floats.model.decoder.layers[0].fc1.register_forward_hook(lambda *call: outputs.append(call[2]))
    outputs = []
    logits(floats, IDS)
    seen.remove()
    assert before[0]["fc2_input_scale"] == pytest.approx(outputs[0].relu().max().item() / 127)


def test_what_was_always_zero_has_a_scale():
    model = untrained().eval()
    for layer in model.model.decoder.layers:
        torch.nn.init.constant_(layer.fc1.bias, -100.0)
    found = logits(int8_of(model, smoothed=False), IDS)
    assert found.isfinite().all() and error(found, logits(model, IDS)) < 0.03


def test_scales_that_are_none(floats):
    with pytest.raises(
        ValueError, match=r"layer 0: none of outputs of self_attn\.q_proj: calibrate with outputs"
    ):
        decoder_layer_scales(calibrate(floats, [IDS]))
    seen = calibrate(floats, [IDS], outputs=True)
    with pytest.raises(ValueError, match=r"layer 1: there are no statistics of fc2"):
        decoder_layer_scales({name: each for name, each in seen.items() if not name.endswith("1.fc2")})
    with pytest.raises(ValueError, match=r"layers \[1\] are not those of a whole OPT"):
        decoder_layer_scales({name: each for name, each in seen.items() if ".1." in name})
    good = decoder_layer_scales(seen)
    for bad, said in (
        (good[:1], "scales of 1 layers for 2"),
        ([good[0], {**good[1], "fc2_input_scale": 0.0}], "layer 1: fc2_input_scale must be above 0"),
        ([good[0], {"fc1": 1.0}], "layer 1: scales must be attn_input_scale, .*, not fc1"),
    ):
        with pytest.raises(ValueError, match=said):
            opt.Int8OPTForCausalLM.from_float(floats, bad)


# --- states and types -------------------------------------------------------------------------------------------------


def test_names_in_states(quantised):
    state = quantised.state_dict()
    for number in range(2):
        start = f"model.decoder.layers.{number}."
        found = {name[len(start) :]: each.dtype for name, each in state.items() if name.startswith(start)}
        assert found == {
            **dict.fromkeys(INT8.split(), torch.int8),
            **dict.fromkeys(FLOAT32.split(), torch.float32),
        }
    others = {name for name in state if ".layers." not in name}
    assert others == set(untrained(num_hidden_layers=0).state_dict())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_types_and_pretrained(quantised, tmp_path, device, dtype):
    """Embeddings, norms and hidden states have the type; int8 and scales stay. So it is after it was saved."""
    from transformers import AutoConfig

    model = copy.deepcopy(quantised).to(device).to(dtype)
    state = model.state_dict()
    for name, value in quantised.state_dict().items():
        other = name.startswith("model.decoder.layers") and "layer_norm" not in name
        assert state[name].dtype == (value.dtype if other else dtype)
        assert torch.equal(state[name].cpu(), value.to(state[name].dtype))
    ids = IDS.to(device)
    exact = logits(quantised, IDS)
    assert error(logits(model, ids), exact) < 0.01
    model.save_pretrained(tmp_path)
    again = opt.Int8OPTForCausalLM.from_pretrained(tmp_path, dtype=dtype).to(device)
    assert {name: each.dtype for name, each in again.state_dict().items()} == {
        n: e.dtype for n, e in state.items()
    }
    assert torch.equal(logits(again, ids), logits(model, ids))
    assert AutoConfig.from_pretrained(tmp_path).architectures == ["Int8OPTForCausalLM"]


def test_biases_of_states(quantised):
    """As torch-int's from_float left them, which from_pretrained wants; modules take those of its constructors, too."""
    state = quantised.state_dict()
    for name in state:
        if ".layers." in name and name.endswith("bias") and "norm" not in name:
            assert state[name].dim() == 1
            state[name] = state[name][None]
    other = opt.Int8OPTForCausalLM(quantised.config).eval()
    other.load_state_dict(state)
    assert torch.equal(logits(other, IDS), logits(quantised, IDS))


def test_made_on_a_device(floats, device):
    found = int8_of(floats, device=device)
    assert {each.device.type for each in found.state_dict().values()} == {device}
    assert error(logits(found, IDS.to(device)), logits(floats, IDS)) < 0.01


def test_of_half(floats):
    found = int8_of(copy.deepcopy(floats).bfloat16())
    assert found.dtype == torch.bfloat16 and found.model.decoder.layers[0].fc2.bias.dtype == torch.float32
    assert error(logits(found, IDS), logits(floats, IDS)) < 0.03


@pytest.mark.usefixtures("own_modules")
def test_the_example_of_the_readme():
    section = README.read_text().partition("\n## Quantising\n")[2].partition("\n## ")[0]
    (example,) = [b for b in re.findall(r"```python\n(.*?)```", section, re.S) if "Int8OPTForCausalLM" in b]
    said = {}
    exec(example, said)
    assert said["text"].shape == (1, 20)
