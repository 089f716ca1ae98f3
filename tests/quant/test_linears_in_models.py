"""Linears of the kernels in models of transformers, whose code asks a linear's weight for its type and device."""

import copy

import pytest
import torch

from envdoctor.kernels import LinearLlmInt8, LinearW4A8, LinearW8A8

pytest.importorskip("transformers")

#: What is in place of a linear, and how far a model of two layers is then from what it was.
KINDS = {LinearW8A8: 0.05, LinearLlmInt8: 0.05, LinearW4A8: 0.5}


def replaced(model, kind, skip):
    """A copy with `kind` for each linear that is not named so."""
    model = copy.deepcopy(model)
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is torch.nn.Linear and name not in skip:
                setattr(parent, name, kind.from_linear(child))
    return model


@pytest.fixture(scope="module")
def t5():
    from transformers import T5Config, T5ForConditionalGeneration

    torch.manual_seed(0)
    sizes = {"vocab_size": 40, "d_model": 64, "d_kv": 16, "d_ff": 128, "num_layers": 2, "num_heads": 4}
    special = {"decoder_start_token_id": 0, "pad_token_id": 0, "eos_token_id": 1}
    return T5ForConditionalGeneration(T5Config(**sizes, **special)).eval()


@pytest.fixture(scope="module")
def opt():
    from transformers import OPTConfig, OPTForCausalLM

    torch.manual_seed(0)
    sizes = {
        "vocab_size": 40,
        "hidden_size": 64,
        "ffn_dim": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    }
    special = {"word_embed_proj_dim": 64, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 1}
    return OPTForCausalLM(OPTConfig(**sizes, **special)).eval()


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_t5_asks_for_the_type_of_a_weight(kind, t5):
    """It makes floats of another type of activations, but not int8."""
    ids = torch.tensor([[5, 9, 2, 6, 1]])
    int8 = replaced(t5, kind, ("lm_head",))
    assert isinstance(int8.encoder.block[0].layer[1].DenseReluDense.wo, kind)
    exact, found = (model(input_ids=ids, decoder_input_ids=ids).logits for model in (t5, int8))
    assert found.dtype == exact.dtype and (found - exact).norm() < KINDS[kind] * exact.norm()
    assert int8.generate(ids, max_new_tokens=4, do_sample=False).shape[0] == 1


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_opt_generates(kind, opt):
    ids = torch.tensor([[5, 9, 2, 6]])
    int8 = replaced(opt, kind, ("lm_head",))
    exact, found = opt(ids).logits, int8(ids).logits
    assert (found - exact).norm() < KINDS[kind] * exact.norm()
    options = {"attention_mask": torch.ones_like(ids), "max_new_tokens": 6, "do_sample": False}
    assert torch.equal(int8.generate(ids, **options), int8.generate(ids, **options, use_cache=False))
    assert int8.device.type == "cpu" and int8.dtype == torch.float32
