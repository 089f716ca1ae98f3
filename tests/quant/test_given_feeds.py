"""Models that smoothing does not know, and a file that says which of their norms feed what."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from envdoctor.cli import main
from envdoctor.quant.folder import load
from envdoctor.quant.model import quantize_model
from envdoctor.quant.schemes import scheme
from tests.quant.small_models import PARTS, batches, difference, model_of, save

GPT2 = {"ln_1": ["attn.c_attn"], "ln_2": ["mlp.c_fc"]}


def with_outliers(model):
    for block in model.transformer.h:
        for norm in (block.ln_1, block.ln_2):
            norm.weight[[3, 17]] *= 50
    return model


@pytest.fixture
def place(tmp_path):
    (tmp_path / "text.txt").write_text(PARTS["calibration"][:4000])
    save(with_outliers(model_of("gpt2")), tmp_path / "model")
    return tmp_path


def verb(place, feeds, *more, scheme="smq_q8i8f16_1"):
    (place / "feeds.json").write_text(feeds if isinstance(feeds, str) else json.dumps(feeds))
    text = ("--calibration", str(place / "text.txt"), "--feeds", str(place / "feeds.json"))
    return main(
        ["quantize", str(place / "model"), "--scheme", scheme, "--out", str(place / "out"), *text, *more]
    )


@pytest.mark.parametrize("alpha", ["0.5", "search"])
def test_a_model_is_smoothed_as_a_file_says(place, capsys, alpha):
    """Outliers that nothing smooths cost more."""
    assert verb(place, GPT2, "--alpha", alpha, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    stored = json.loads(Path(place, "out", "envdoctor_quantized.json").read_text())
    assert document["feeds"] == stored["feeds"] == GPT2
    assert len(document.get("alphas", ())) == (4 if alpha == "search" else 0)
    plain, batch = load(str(place / "model")), batches(1)[0]
    without = load(str(place / "model"))
    quantize_model(without, scheme("smq_q8i8f16_1", alpha=None), batches(8))
    assert difference(load(str(place / "out")), plain, batch) < 0.7 * difference(without, plain, batch)


def test_a_norm_that_feeds_more_is_found_out(place):
    """The residual of a block too, which no linear of the block sees after it."""
    model = model_of("gpt2")

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.one = nn.LayerNorm(32), nn.Linear(32, 32)

        def forward(self, x):
            y = self.norm(x)
            return y + self.one(y)

    net, how = (
        nn.Sequential(nn.ModuleList([Block()])[0]),
        scheme("w8a8-smooth", feeds={"norm": ["one"]}),
    )
    with pytest.raises(
        ValueError, match="scales would reach what comes out of it: a norm before it feeds more"
    ):
        quantize_model(net, how, [torch.randn(20, 32)])
    how = scheme("w8a8-smooth", feeds={**GPT2, "ln_1": ["attn.c_proj"]})
    with pytest.raises(ValueError, match=r"^transformer\.h\.0: "):
        quantize_model(model, how, batches())


@pytest.mark.parametrize(
    ("feeds", "what"),
    [
        ("{", "feeds.json: not JSON"),
        ([], "feeds.json: not an object of norms and what they feed, such as {"),
        ({}, "feeds.json: not an object of norms"),
        ({"ln_1": "attn.c_attn"}, "feeds.json: ln_1: not a list of names that it feeds, as in {"),
        ({"ln_1": []}, "feeds.json: ln_1: not a list"),
        ({"ln_3": ["attn.c_attn"]}, "the model has no ln_3, which is given as a norm"),
        ({"ln_1": ["attn.c_atn"]}, "h.0: ln_1 is there, and attn.c_atn is not, which it is said to feed"),
    ],
)
def test_feeds_that_are_none_are_one_line(place, capsys, feeds, what):
    assert verb(place, feeds) == 2
    assert what in capsys.readouterr().err.splitlines()[-1] and not (place / "out").exists()


def test_feeds_are_of_smoothing(place, capsys):
    assert verb(place, GPT2, scheme="w8a8") == 2
    assert "--feeds: w8a8 does not take it" in capsys.readouterr().err
    assert verb(place, GPT2, "--no-smoothing") == 2
    assert "--feeds: --no-smoothing leaves nothing for it" in capsys.readouterr().err
