"""Alphas of smoothing that are searched while a model is quantised, block by block."""

import contextlib
import json
from pathlib import Path

import pytest
import torch

from envdoctor.cli import main
from envdoctor.progress import Progress
from envdoctor.quant.alpha import ALPHAS
from envdoctor.quant.families import find_feeds
from envdoctor.quant.folder import load
from envdoctor.quant.model import quantize_model
from envdoctor.quant.schemes import scheme
from envdoctor.quant.stream import Source, quantize_folder
from tests.quant.small_models import PARTS, batches, model_of, save

SEARCHED = [
    f"model.layers.{layer}.{norm}"
    for layer in (0, 1)
    for norm in ("input_layernorm", "post_attention_layernorm")
]


def with_outliers(model):
    """One channel of what norms give is large, as in large models, and far larger for one token than for others."""
    for feed in find_feeds(model):
        feed.norm.weight[3] *= 50
    tokens = model.model.embed_tokens.weight
    tokens[:, 3] *= 0.02
    tokens[7, 3] = 100
    return model


def products(model):
    """What the linears of the first block give that are quantised for what nothing quantised comes before."""
    found = []
    layer = model.model.layers[0].self_attn
    hooks = [
        each.register_forward_hook(lambda _, given, made: found.append(made))
        for each in (layer.q_proj, layer.k_proj, layer.v_proj)
    ]
    with torch.no_grad():
        for batch in batches(16, seed=5):
            model(**batch)
    for hook in hooks:
        hook.remove()
    return found


class Said(Progress):
    """What is said of blocks; stops where one begins."""

    def __init__(self, stop="never"):
        self.stop, self.said = stop, []

    def start(self, label):
        if self.stop in label:
            raise KeyboardInterrupt

    def finish(self, result):
        self.said.append(result)


@pytest.mark.parametrize(
    ("name", "least"),
    [("w8a8-smooth", 0.7), ("smq_q8i8f16_0", 1.05), ("smq_q8i8f16_1", 0.95), ("smq_q8i8f16_2", 1.05)],
)
def test_what_is_found_is_no_worse_than_one_half(name, least):
    plain, lost = products(with_outliers(model_of("llama"))), {}
    for alpha in ("search", 0.5):
        made = quantize_model(with_outliers(model_of("llama")), scheme(name, alpha=alpha), batches(16))
        pairs = zip(products(made), plain)
        lost[alpha] = sum(float((one - other).square().sum()) for one, other in pairs)
    # by inputs that the search has not seen, so that what is as good may seem a little worse
    assert 0 < lost["search"] < least * lost[0.5], lost


@pytest.fixture
def folder(tmp_path):
    return save(with_outliers(model_of("llama")), tmp_path / "model")


def test_a_run_that_ended_keeps_what_it_has_found(tmp_path, folder):
    how, whole, out = scheme("w8a8-smooth", alpha="search"), str(tmp_path / "whole"), str(tmp_path / "out")
    written = quantize_folder(Source(folder), whole, how, batches())
    assert list(written.alphas) == SEARCHED and set(written.alphas.values()) <= set(ALPHAS)
    with pytest.raises(KeyboardInterrupt):
        quantize_folder(Source(folder), out, how, batches(), progress=Said("block 2"))
    note = Path(f"{out}.part", "finished", "0.json")
    found = json.loads(note.read_text())
    assert list(found["alphas"]) == SEARCHED[:2]
    note.write_text(json.dumps({**found, "alphas": {**found["alphas"], SEARCHED[0]: 0.123}}))
    said = Said()
    again = quantize_folder(Source(folder), out, how, batches(), progress=said)
    assert again.alphas == {**written.alphas, SEARCHED[0]: 0.123}  # as it was written, and not searched again
    others = [written.alphas[norm] for norm in SEARCHED[2:]]
    assert said.said == ["was there", f"quantised, alpha {others[0]:g}, {others[1]:g}", "written"]
    for path in Path(whole).glob("*.safetensors"):
        assert path.read_bytes() == Path(out, path.name).read_bytes(), path.name
    with pytest.raises(KeyboardInterrupt):
        quantize_folder(
            Source(folder), f"{out}2", scheme(how, alpha=0.5), batches(), progress=Said("block 2")
        )
    other = Said()
    quantize_folder(Source(folder), f"{out}2", how, batches(), progress=other)
    assert "was there" not in other.said


def test_the_verb_says_what_was_found(tmp_path, capsys, folder):
    text, out = tmp_path / "text.txt", tmp_path / "out"
    text.write_text(PARTS["calibration"][:4000])
    arguments = (
        "quantize",
        folder,
        "--scheme",
        "w8a8-smooth",
        "--calibration",
        str(text),
        "--alpha",
        "search",
    )
    assert main([*arguments, "--out", str(out), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document["alphas"]) == SEARCHED and document["alpha"] == "search"
    stored = json.loads((out / "envdoctor_quantized.json").read_text())
    assert stored["alphas"] == document["alphas"] and load(str(out)).training is False
    assert main([*arguments, "--out", f"{out}2"]) == 0
    low, high = min(document["alphas"].values()), max(document["alphas"].values())
    assert f"; alpha from {low:g} to {high:g}\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("w8a8-smooth", "--alpha", "best"), "'best' is neither a number from 0 to 1 nor search"),
        (("w8a8-smooth", "--alpha", "1.5"), "'1.5' is neither a number from 0 to 1 nor search"),
        (("w8a8-smooth", "--alpha", "nan"), "'nan' is neither a number from 0 to 1"),
        (("w8a8", "--alpha", "search"), "--alpha: w8a8 does not take it"),
        (("w8a8-smooth", "--alpha", "search"), "w8a8-smooth wants a text to calibrate with"),
    ],
)
def test_an_alpha_that_is_none_is_one_line(tmp_path, capsys, folder, arguments, what):
    command = ["quantize", folder, "--out", str(tmp_path / "out"), "--scheme", *arguments]
    with contextlib.suppress(SystemExit):  # of argparse
        assert main(command) == 2
    assert what in capsys.readouterr().err.splitlines()[-1]


def test_a_model_that_no_family_knows_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"^transformer\.h\.0: .*no norm in GPT2Block"):
        quantize_model(model_of("gpt2"), scheme("w8a8-smooth", alpha="search"), batches())
