"""Smoothing: every family computes what it did, and what would not is refused with the model as it was."""

import copy

import pytest
import torch

from envdoctor.quant.calibration import LinearRange, Statistics, calibrate
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
    after = smooth(model, statistics, alpha)
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
