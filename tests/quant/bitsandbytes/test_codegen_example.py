"""CodeGen of transformers in int8, converted in place or by transformers itself: LLM.int8()'s worked example."""

import copy
import re
from pathlib import Path

import pytest
import torch

from envdoctor.quant.bitsandbytes import install_as_bitsandbytes, nn, replace_linears

pytest.importorskip("transformers")
pytestmark = [
    pytest.mark.usefixtures("own_modules"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

README = Path(__file__).parents[3] / "README.md"
VOCABULARY, PATTERN = 32, [3, 1, 4, 1, 5, 9, 2, 6]


def codegen():
    from transformers import CodeGenConfig, CodeGenForCausalLM

    torch.manual_seed(0)
    sizes = {"n_positions": 64, "n_ctx": 64, "n_embd": 64, "n_layer": 2, "n_head": 4, "rotary_dim": 8}
    special = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
    return CodeGenForCausalLM(CodeGenConfig(vocab_size=VOCABULARY, **sizes, **special)).eval()


@pytest.fixture(scope="module")
def model():
    """Has learned one sequence, so that what it generates is not by chance; and has outliers, as large models do."""
    model = codegen()
    ids = torch.tensor([(PATTERN * 4)[start : start + 24] for start in range(len(PATTERN))])
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(60):
        optimizer.zero_grad()
        model(ids, labels=ids).loss.backward()
        optimizer.step()
    with torch.no_grad():
        for block in model.transformer.h:
            block.ln_1.weight[5] *= 100
            block.attn.qkv_proj.weight[:, 5] /= 100
            block.mlp.fc_in.weight[:, 5] /= 100
    return model


def int8_linears(model):
    return [name for name, module in model.named_modules() if isinstance(module, nn.Linear8bitLt)]


def generated(model, ids, **options):
    return model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, **options)


@torch.no_grad()
def logits(model, ids):
    return model(ids).logits.float().cpu()


def test_converted_in_place(model, device):
    ids = torch.tensor([PATTERN[:5]], device=device)
    int8 = copy.deepcopy(model)
    assert replace_linears(int8, threshold=6.0, device=device) is int8
    assert len(int8_linears(int8)) == 8 and type(int8.lm_head) is torch.nn.Linear
    exact, found = logits(model, ids.cpu()), logits(int8, ids)
    plain = logits(replace_linears(copy.deepcopy(model), threshold=0.0, device=device), ids)
    assert (found - exact).norm() < 0.02 * exact.norm() < (plain - exact).norm() * 2
    new = generated(int8, ids, max_new_tokens=19)
    assert new[0].tolist() == (PATTERN * 3)[:24]
    assert torch.equal(generated(int8, ids, max_new_tokens=19, use_cache=False), new)
    assert int8.get_memory_footprint() < model.get_memory_footprint() / 2
    assert int8.num_parameters() == model.num_parameters()


def test_states_of_a_model(model, tmp_path):
    """Saved and loaded as any model's: also where it is 16 bits yet."""
    int8, ids = replace_linears(copy.deepcopy(model)), torch.tensor([PATTERN])
    wanted = logits(int8, ids)
    torch.save(int8.state_dict(), tmp_path / "state.pt")
    other = replace_linears(codegen())
    other.load_state_dict(torch.load(tmp_path / "state.pt"))
    assert torch.equal(logits(other, ids), wanted) and torch.equal(logits(copy.deepcopy(int8), ids), wanted)


def test_by_transformers_itself(model, tmp_path):
    """`load_in_8bit` with these names installed: loads floats, saves and loads int8, and goes back."""
    pytest.importorskip("accelerate")
    ids, exact = torch.tensor([PATTERN]), logits(model, torch.tensor([PATTERN]))
    model.save_pretrained(tmp_path / "floats")
    install_as_bitsandbytes()
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    config = BitsAndBytesConfig(load_in_8bit=True, llm_int8_threshold=6.0)
    options = {"quantization_config": config, "device_map": "cpu"}
    int8 = AutoModelForCausalLM.from_pretrained(tmp_path / "floats", **options)
    assert int8_linears(int8) == int8_linears(replace_linears(copy.deepcopy(model)))
    found = logits(int8, ids)
    assert (found - exact).norm() < 0.02 * exact.norm()
    int8.save_pretrained(tmp_path / "int8")
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "int8", device_map="cpu")
    assert torch.equal(logits(again, ids), found)
    floats = logits(again.dequantize(), ids)
    assert not int8_linears(again) and (floats - exact).norm() < 0.02 * exact.norm()


def test_the_example_of_the_readme():
    section = README.read_text().partition("\n## Quantising\n")[2].partition("\n## ")[0]
    (example,) = [b for b in re.findall(r"```python\n(.*?)```", section, re.S) if "replace_linears" in b]
    said = {}
    exec(example, said)
    assert len(int8_linears(said["model"])) == 8


def test_what_is_passed_by(model):
    skipped = replace_linears(copy.deepcopy(model), skip=("lm_head", "h.1.attn", "fc_out", "ln_f"))
    assert int8_linears(skipped) == [
        "transformer.h.0.attn.out_proj",
        "transformer.h.0.attn.qkv_proj",
        "transformer.h.0.mlp.fc_in",
        "transformer.h.1.mlp.fc_in",
    ]


def test_gpt2_has_its_weights_the_other_way_round():
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    sizes = {"vocab_size": VOCABULARY, "n_positions": 64, "n_embd": 32, "n_layer": 1, "n_head": 2}
    model = GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=0, eos_token_id=0)).eval()
    ids = torch.tensor([PATTERN])
    exact, int8 = logits(model, ids), replace_linears(copy.deepcopy(model))
    assert len(int8_linears(int8)) == 4
    assert (logits(int8, ids) - exact).norm() < 0.02 * exact.norm()
