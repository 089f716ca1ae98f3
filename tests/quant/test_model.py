"""quantize_model: which linears of which models, on what inputs, and what comes out."""

import copy

import pytest
import torch
from torch import nn

from envdoctor.kernels import LinearW8A8
from envdoctor.kernels.packed_linear import PackedLinear
from envdoctor.quant.blocks import blocks_of
from envdoctor.quant.calibration import calibrate
from envdoctor.quant.gptq import Grid, Inputs, gptq
from envdoctor.quant.model import quantize_model
from envdoctor.quant.replay import Replay
from envdoctor.quant.schemes import RANGES, SCHEMES, scheme
from envdoctor.quant.smoothing import smooth
from envdoctor.quant.smoothquant import quantize_w8a8
from tests.quant import small_models
from tests.quant.small_models import batches, difference, logits, model_of

FAMILIES = sorted(small_models.CONFIGS)
#: Relative differences of logits of random weights, of which it is sure that more is broken.
BOUND = {"w8a8": 0.03, "smq": 0.05, "llm.int8": 0.03, "int8adq": 0.3, "w4a8": 0.3, "w4a16": 0.3}


def ready(name, model):
    return model.bfloat16() if SCHEMES[name].sixteen_bits else model


def packed(model):
    return {name: each for name, each in model.named_modules() if isinstance(each, PackedLinear)}


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_by_every_scheme(family, name):
    model, copied = model_of(family), ready(name, model_of(family))
    if family == "gpt2" and SCHEMES[name].wants == RANGES:
        with pytest.raises(ValueError, match=r"transformer\.h\.0: no norm in GPT2Block feeds linears by"):
            quantize_model(copied, name, batches())
        return
    made = quantize_model(copied, name, batches())
    of_expert = 2 if small_models.transformers.__version__ > "5" else 3
    linears = {"llama": 7, "opt": 6, "codegen": 4, "gpt2": 4, "mixtral": 4 + 4 * of_expert}[family]
    assert len(packed(made)) == 2 * linears
    bound = next(bound for start, bound in BOUND.items() if name.startswith(start))
    assert 0 < difference(made, model, batches(seed=9)[0]) < bound


@pytest.mark.parametrize("name", ["w8a8", "w4a8-gptq"])
def test_an_encoder_and_its_decoder(name):
    """Two lists of blocks, of which the second sees what the first puts out."""
    sizes = {"vocab_size": 256, "d_model": 64, "d_kv": 16, "d_ff": 96, "num_layers": 2, "num_heads": 4}
    config = small_models.transformers.T5Config(**sizes, use_cache=False)
    torch.manual_seed(0)
    model = small_models.transformers.T5ForConditionalGeneration(config).requires_grad_(False).eval()
    data = [{"input_ids": each["input_ids"], "decoder_input_ids": each["input_ids"]} for each in batches()]
    assert [len(names) for _, names in blocks_of(model)] == [2, 2]
    made = quantize_model(copy.deepcopy(model), name, data)
    assert len(packed(made)) == 2 * 6 + 2 * 10
    assert (
        0 < difference(made, model, data[0]) < next(b for start, b in BOUND.items() if name.startswith(start))
    )


@pytest.mark.parametrize("name", ["w8a8", "llm.int8", "w8a8-smooth", "w4a8-gptq", "w4a16-gptq"])
def test_blocks_go_to_a_device(device, name):
    """And what comes out there is what comes out on the CPU, but for the order of sums."""
    here, there = (
        quantize_model(model_of("llama").bfloat16(), name, batches(), device=at) for at in ("cpu", device)
    )
    assert {tensor.device.type for tensor in [*there.parameters(), *there.buffers()]} == {device}
    batch = batches(seed=9)[0]
    expected = logits(here, batch)
    found = logits(there, {**batch, "input_ids": batch["input_ids"].to(device)}).cpu()
    assert float((found - expected).norm() / expected.norm()) < (0.02 if "gptq" not in name else 0.2)


@pytest.mark.parametrize("name", ["w8a8-smooth", "smq_q8i8f16_2"])
def test_a_smoothed_block_is_as_by_hand(name):
    """The first, which nothing quantised comes before."""
    model, by_hand = model_of("llama"), model_of("llama")
    statistics = smooth(by_hand, calibrate(by_hand, batches()), 0.8)
    quantize_w8a8(by_hand, statistics, name.replace("-smooth", ""))
    quantize_model(model, scheme(name, alpha=0.8), batches())
    one, other = (each.model.layers[0].state_dict() for each in (model, by_hand))
    assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_static_scales_without_smoothing():
    model, by_hand = model_of("opt"), model_of("opt")
    quantize_w8a8(by_hand, calibrate(by_hand, batches()), "smq_q8i8f16_1")
    quantize_model(model, scheme("smq_q8i8f16_1", alpha=None), batches())
    one, other = (each.model.decoder.layers[0].state_dict() for each in (model, by_hand))
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_what_is_outside_of_blocks_and_what_is_skipped_stay():
    model = quantize_model(model_of("llama"), "w8a8", skip=("down_proj", "model.layers.1.self_attn.q_proj"))
    assert type(model.lm_head) is nn.Linear
    assert all(type(layer.mlp.down_proj) is nn.Linear for layer in model.model.layers)
    kinds = [type(layer.self_attn.q_proj) for layer in model.model.layers]
    assert kinds == [LinearW8A8, nn.Linear]
    assert not any(each.requires_grad for each in model.parameters())


def test_linears_of_one_input_are_quantised_for_the_same_one():
    """q, k and v: quantised one after the other, and none of them for what the others put out."""
    model = model_of("opt")
    attention, seen = model.model.decoder.layers[0].self_attn, Inputs(64)
    hook = attention.v_proj.register_forward_pre_hook(lambda module, x: seen.add(x[0]))
    for batch in batches():
        logits(model, batch)
    hook.remove()
    by_hand = gptq(attention.v_proj.weight, seen, Grid(4, -1, True, "absmax", torch.float32))
    quantize_model(model, "w4a8-gptq", batches())
    assert torch.equal(attention.v_proj.packed, by_hand.linear_w4a8().packed)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_replay_is_the_model(family):
    """What reaches the last block is what the model itself hands it, though each block was run alone."""
    model, data = model_of(family), batches()
    names = [name for _, names in blocks_of(model) for name in names]
    assert len(names) == 2
    found = []
    forward = model.get_submodule(names[-1]).forward
    model.get_submodule(names[-1]).forward = lambda *a, **k: (found.append((a, k)), forward(*a, **k))[1]
    for batch in data:
        logits(model, batch)
    expected = [each[0][0] if each[0] else each[1]["hidden_states"] for each in found]
    found.clear()
    replay = Replay(model, data)
    with torch.no_grad():
        replay.advance(names[0])
        for _ in range(2):  # as often as needed
            assert sum(1 for _ in replay.run(names[-1])) == len(data)
    again = [each[0][0] if each[0] else each[1]["hidden_states"] for each in found]
    assert len(again) == 2 * len(expected)
    assert all(torch.equal(one, other) for one, other in zip(again, expected * 2))
