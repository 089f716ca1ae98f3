"""`envdoctor quantize` and `envdoctor compare`, on a model that has learnt something."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from envdoctor.cli import main
from envdoctor.quant import comparison, side_by_side
from envdoctor.quant.folder import load
from envdoctor.quant.model import quantize_model
from envdoctor.quant.packed_file import scheme_of
from envdoctor.quant.pretrained import pieces_of, tokens_of
from envdoctor.quant.schemes import SCHEMES, scheme
from tests.quant import small_models
from tests.quant.test_kinds import VIT

ROOT = Path(__file__).parent.parent.parent
CPU = torch.device("cpu")


class Place:
    """A folder of a model, and texts."""

    def __init__(self, folder):
        self.model = str(folder / "model")
        self.texts = {name: str(folder / f"{name}.txt") for name in small_models.PARTS}
        for name, path in self.texts.items():
            Path(path).write_text(small_models.PARTS[name])
        small_models.save(small_models.model_of("llama"), self.model)  # for its tokenizer
        model = small_models.trained(tokens_of(self.model, self.texts["train"]))
        small_models.save(model, self.model)
        self.windows = tokens_of(self.model, self.texts["test"])[: 128 * 78].view(-1, 128)

    def perplexity(self, folder):
        with torch.no_grad():
            return comparison.foretold(load(folder), self.windows, CPU).perplexity

    def quantised(self, name, **options):
        """A model in memory."""
        chosen = scheme(name, **options)
        model = load(self.model, dtype=torch.bfloat16 if chosen.row.sixteen_bits else None)
        tokens = tokens_of(self.model, self.texts["calibration"])
        return quantize_model(model, chosen, [{"input_ids": each} for each in pieces_of(tokens, 32, 128, "")])

    def lost(self, name, **options):
        """How much its perplexity is above that of the model, relative."""
        with torch.no_grad():
            found = comparison.foretold(self.quantised(name, **options), self.windows, CPU).perplexity
        return found / self.perplexity(self.model) - 1

    def error(self, name):
        """Of its logits, relative."""
        batch = {"input_ids": self.windows[:8]}
        return small_models.difference(self.quantised(name), load(self.model), batch)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return Place(tmp_path_factory.mktemp("place"))


@pytest.fixture(scope="module")
def plain(place):
    """The perplexity of the model as it is: bytes at random have 256, and without what is before them some 20."""
    found = place.perplexity(place.model)
    assert 2 < found < 15
    return found


def run(capsys, *arguments):
    """What is printed; no warning is."""
    capsys.readouterr()
    assert main([*arguments]) == 0
    return capsys.readouterr().out


def refused(capsys, *arguments):
    """The one line that is said."""
    capsys.readouterr()
    assert main([*arguments]) == 2
    said = capsys.readouterr()
    assert not said.out and said.err.count("\n") == 1, said.err
    return said.err


@pytest.mark.parametrize("name", ["w8a8", "w4a8", "w4a8-gptq", "w4a16-rtn", "w4a16-mse", "w4a16-gptq"])
def test_perplexity_changes_little(place, name):
    assert abs(place.lost(name)) < (0.002 if name == "w8a8" else 0.01)


def test_two_bits_are_too_few_unless_gptq_rounds_them(place):
    rtn, mse, gptq = (place.lost(f"w4a16-{name}", bits=2, group_size=-1) for name in ("rtn", "mse", "gptq"))
    assert rtn > mse > 2 * gptq > 0


def test_gptq_is_better_than_rounding_to_nearest(place):
    assert place.error("w4a16-gptq") < 0.8 * place.error("w4a16-rtn")
    assert place.error("w4a8-gptq") < 0.95 * place.error("w4a8")


def test_quantize_from_outside(tmp_path, place, plain):
    """As a user runs it: progress on standard error, one document on standard output."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    out = tmp_path / "out"
    arguments = ("quantize", place.model, "--scheme", "w8a8", "--out", str(out), "--json")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "envdoctor", *arguments],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["scheme"] == "w8a8" and document["linears"] == 14 and document["out"] == str(out)
    assert document["bytes_after"] < 0.6 * document["bytes_before"]
    assert (document["peak"]["host"] or 0) < document["predicted_peak"]["host"]
    assert [line.split("  ")[0] for line in done.stderr.splitlines()[1:]] == [
        "block 1 of 2",
        "block 2 of 2",
        "what is outside of blocks",
    ]
    assert abs(place.perplexity(str(out)) / plain - 1) < 0.002


def test_quantize_by_gptq(tmp_path, capsys, place):
    out = str(tmp_path / "out")
    arguments = (
        "--calibration",
        place.texts["calibration"],
        "--samples",
        "16",
        "--bits",
        "3",
        "--group-size",
        "32",
    )
    more = ("--act-order", "--asymmetric", "--dtype", "bfloat16", "--json")
    text = run(capsys, "quantize", place.model, "--scheme", "w4a16-gptq", "--out", out, *arguments, *more)
    options = {"bits": 3, "group_size": 32, "symmetric": False, "act_order": True, "static_groups": False}
    document = json.loads(text)
    assert {name: document[name] for name in options} == options
    assert json.loads(Path(out, "quantize_config.json").read_text())["desc_act"] is True
    assert load(out).lm_head.weight.dtype == torch.bfloat16


def test_linears_that_are_skipped(tmp_path, capsys, place):
    out = str(tmp_path / "out")
    run(
        capsys,
        "quantize",
        place.model,
        "--scheme",
        "w8a8",
        "--out",
        out,
        "--skip",
        "down_proj, layers.0.mlp.up_proj",
    )
    kinds = [type(layer.mlp.up_proj).__name__ for layer in load(out).model.layers]
    assert kinds == ["Linear", "LinearW8A8"]


def test_compare(tmp_path, capsys, place, plain):
    out = str(tmp_path / "w8a8")
    run(capsys, "quantize", place.model, "--scheme", "w8a8", "--out", out)
    arguments = ("compare", place.model, out, "--schemes", "w4a8,w4a16-rtn", "--text", place.texts["test"])
    sizes = ("--length", "128", "--prompt", "32", "--generate", "4")
    document = json.loads(run(capsys, *arguments, *sizes, "--json"))
    rows = document["models"]
    assert [(row["name"], row["scheme"]) for row in rows] == [
        ("model", None),
        ("w8a8", "w8a8"),
        ("model", "w4a8"),
        ("model", "w4a16-rtn"),
    ]
    assert [row["dtype"] for row in rows] == ["float32", "float32", "float32", "float16"]
    assert rows[0]["perplexity"] == pytest.approx(plain, rel=1e-6)
    assert abs(rows[1]["perplexity"] / rows[0]["perplexity"] - 1) < 0.002
    assert all(row["prefill"] > 0 and row["decode"] > 0 and row["memory"] >= row["size"] for row in rows)
    assert rows[0]["disk"] > 1.5 * rows[1]["disk"] and rows[2]["disk"] is None and document["failed"] == []
    assert rows[0]["size"] > 1.5 * rows[1]["size"] > 1.5 * rows[2]["size"]
    assert document["pieces"] == 10_000 // 128 and document["prompt"] == 32


def test_compare_by_a_task(tmp_path, capsys, place):
    words = [each for each in small_models.PARTS["test"].split("\n") if len(each.split()) > 8][:40]
    last, choices = tmp_path / "last.jsonl", tmp_path / "choices.jsonl"
    last.write_text("".join(json.dumps({"text": each}) + "\n" for each in words))
    pairs = [each.rsplit(None, 1) for each in words]
    lines = [{"prompt": each, "choices": ["qxzkj", word], "answer": 1} for each, word in pairs]
    choices.write_text("".join(json.dumps(each) + "\n" for each in lines))
    arguments = ("compare", place.model, "--schemes", "w8a8", "--text", place.texts["test"], "--task")
    document = json.loads(run(capsys, *arguments, str(choices), "--json"))
    assert document["task"] == {"file": str(choices), "kind": "choices", "questions": 40}
    for row in document["models"]:
        assert row["task"]["by_length"] > 0.9 and row["task"]["latency"] > 0 and 0.1 < row["accuracy"] < 0.9
    table = run(capsys, *arguments, str(last)).splitlines()
    assert "right token %" in table[0] and "task %" in table[0] and "by length" not in table[0]


def test_compare_as_table_and_as_plot(tmp_path, capsys, place):
    pytest.importorskip("matplotlib")
    plot = tmp_path / "plot.png"
    arguments = (
        "compare",
        place.model,
        "--schemes",
        "w8a8",
        "--text",
        place.texts["test"],
        "--plot",
        str(plot),
    )
    table = run(capsys, *arguments).splitlines()
    assert [line.split("  ")[0].strip() for line in table[:4]] == [
        "model",
        "model (float32)",
        "model (w8a8)",
        "",
    ]
    assert table[6:] == [
        "prefill: a prompt of 112 tokens; decode: each of 16 tokens after it",
        "perplexity, right token: tokens foretold in 78 pieces of 128",
    ]
    assert "(1.00x)" in table[1] and "perplexity" in table[0]
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_perplexity_is_that_of_the_likelihood(place):
    """Against plain arithmetic in float64."""
    model, window = load(place.model), place.windows[:2]
    with torch.no_grad():
        chances = torch.softmax(model(input_ids=window).logits.double(), -1)
    foretold = torch.stack(
        [chances[piece, at, window[piece, at + 1]] for piece in range(2) for at in range(window.shape[1] - 1)]
    )
    with torch.no_grad():
        found = comparison.foretold(model, window, CPU)
    assert found.perplexity == pytest.approx(float((-foretold.log().mean()).exp()))
    right = chances[:, :-1].argmax(-1) == window[:, 1:]
    assert 0.1 < found.accuracy < 1 and found.accuracy == pytest.approx(float(right.double().mean()))


def test_too_little_memory_is_no_bug(capsys, monkeypatch, place):
    def fail(*_):
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB\nmore")

    monkeypatch.setattr(comparison, "foretold", fail)
    capsys.readouterr()
    assert main(["compare", place.model, "--text", place.texts["test"]]) == 2
    assert "envdoctor: model: CUDA out of memory" in capsys.readouterr().err.splitlines()[-1]
    monkeypatch.setattr(comparison, "foretold", lambda *_: 1 / 0)
    assert main(["compare", place.model, "--text", place.texts["test"]]) == 2
    assert "internal error, please report it" in capsys.readouterr().err


def test_what_can_be_foreseen_of_a_model_is_refused_before_one_is_measured(tmp_path, capsys, place):
    gptq, gpt2, short = (str(tmp_path / name) for name in ("gptq", "gpt2", "short"))
    run(capsys, "quantize", place.model, "--scheme", "w4a16-rtn", "--bits", "3", "--out", gptq)
    small_models.save(small_models.model_of("gpt2"), gpt2)
    shutil.copytree(place.model, short)
    config = json.loads(Path(short, "config.json").read_text())
    Path(short, "config.json").write_text(json.dumps({**config, "max_position_embeddings": 64}))
    small_models.save(small_models.transformers.ViTModel(VIT), tmp_path / "vit")
    text = ("--text", place.texts["test"])
    calibrated = ("--calibration", place.texts["calibration"])
    for arguments, what in (
        ((gptq, "--schemes", "w8a8", *text), "gptq: it is quantised already"),
        ((gptq, *text, "--dtype", "float16"), "--dtype: what is quantised stays as it was written"),
        ((place.model, "--schemes", "w8a8,w4a16-rtn", *text, "--dtype", "float32"), "model (w4a16-rtn): "),
        (
            (gpt2, "--schemes", "w8a8-smooth", *text, *calibrated),
            "gpt2 (w8a8-smooth): transformer.h.0: no norm",
        ),
        ((place.model, short, *text), "short: it takes 64 tokens at most, and is asked for 128"),
        ((place.model, str(tmp_path / "vit"), *text), "vit: a ViTModel is other, and is compared with none"),
    ):
        said = refused(capsys, "compare", *arguments)
        assert what in said and "--feeds FILE" not in said, said


def test_what_was_measured_is_not_lost(tmp_path, capsys, place):
    """Of a model before one that fails, and of those after it."""
    folder = shutil.copytree(place.model, tmp_path / "nan")
    tensors = load_file(folder / "model.safetensors")
    tensors["model.layers.1.mlp.up_proj.weight"][3, 3] = float("nan")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    arguments = ("--schemes", "w8a8,w4a8", "--text", place.texts["test"], "--generate", "1")
    capsys.readouterr()
    assert main(["compare", str(folder), place.model, *arguments]) == 2
    said = capsys.readouterr()
    assert [line.split("  ")[0] for line in said.out.splitlines()[:4]] == [
        "model",
        "nan (float32)",
        "model (float32)",
        "",
    ]
    failed = [line for line in said.err.splitlines() if line.startswith("envdoctor: ")]
    assert [line.partition(": ")[2].partition(": ")[0] for line in failed] == ["nan (w8a8)", "nan (w4a8)"]
    assert main(["compare", str(folder), *arguments, "--json"]) == 2
    document = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert [each["model"] for each in document["failed"]] == ["nan (w8a8)", "nan (w4a8)"]
    assert document["models"][0]["perplexity"] is None


@pytest.mark.parametrize(
    ("scheme", "more", "said"),
    [
        ("w4a16-rtn", ("--bits", "3"), "w4a16, bits 3"),
        ("w4a8-g128", ("--group-size", "32", "--asymmetric"), "w4a8-g128, group_size 32, symmetric False"),
        ("w8a8", (), "w8a8"),
    ],
)
def test_a_folder_says_how_it_is_quantised(tmp_path, capsys, place, scheme, more, said):
    run(capsys, "quantize", place.model, "--scheme", scheme, "--out", str(tmp_path / "out"), *more)
    assert scheme_of(str(tmp_path / "out")) == said and scheme_of(place.model) is None


def test_numbers_are_read_without_counting_powers():
    found = [side_by_side._figures(each) for each in (0.5, 12345.67, 999.96, 1e12)]
    assert found == ["0.5", "12346", "1000", "1e+12"]


def test_the_doctor_alone_says_what_it_lacks(capsys, monkeypatch, place):
    """As envdoctor.pyz is, which has no envdoctor.quant."""
    monkeypatch.setitem(sys.modules, "envdoctor.quant", None)
    assert "the doctor alone" in refused(capsys, "compare", place.model, "--text", place.texts["test"])


def test_the_help_names_every_scheme(capsys):
    with pytest.raises(SystemExit):
        main(["quantize", "--help"])
    said = capsys.readouterr().out
    assert all(name in said for name in SCHEMES)


def test_what_cannot_be_is_one_line(tmp_path, capsys, place):
    empty, text, out = tmp_path / "empty", tmp_path / "short.txt", str(tmp_path / "out")
    empty.mkdir()
    text.write_text("short")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    cut = tmp_path / "cut"
    small_models.save(small_models.model_of("llama"), cut)
    (cut / "model.safetensors").write_bytes((cut / "model.safetensors").read_bytes()[:-9])
    strange, bare = tmp_path / "strange", tmp_path / "bare"
    small_models.save(small_models.model_of("gpt2"), strange)
    small_models.model_of("llama").save_pretrained(bare)
    smooth = ("--scheme", "smq_q8i8f16_1", "--out", out)
    w8a8, gptq = ("--scheme", "w8a8", "--out", out), ("--scheme", "w4a16-gptq", "--out", out)
    for arguments, what in (
        (("nowhere", *w8a8), "nowhere: no such folder"),
        ((str(empty), *w8a8), "no config.json"),
        ((str(cut), *w8a8), "not a whole safetensors file"),
        ((place.model, "--scheme", "w5a5", "--out", out), "no scheme 'w5a5'; there are w8a8"),
        ((place.model, *w8a8, "--bits", "4"), "--bits: w8a8 does not take it"),
        ((place.model, *gptq, "--alpha", "0"), "take it; it takes --bits, --group-size, --asymmetric, --act"),
        ((place.model, *w8a8, "--no-smoothing"), "--no-smoothing: w8a8 does not take it"),
        ((place.model, *smooth, "--no-smoothing", "--alpha", "1"), "--alpha: --no-smoothing leaves nothing"),
        ((place.model, *w8a8, "--skip", "lm_head,dwn_proj"), "--skip dwn_proj: nothing in the model has"),
        ((place.model, *w8a8, "--calibration", str(text)), "--calibration: w8a8 is not calibrated"),
        ((place.model, *w8a8, "--samples", "3"), "--samples: w8a8 is not calibrated"),
        ((place.model, "--scheme", "w8a8", "--out", str(text)), "short.txt: there is something of that name"),
        ((place.model, "--scheme", "w8a8", "--out", f"{text}/out"), "short.txt is no folder"),
        ((str(strange), *smooth, "--calibration", str(text)), "or leave smoothing out with --no-smoothing"),
        ((str(bare), *gptq, "--calibration", str(text)), "bare: transformers reads no tokenizer in it: "),
        ((place.model, *w8a8, "--device", "nonesuch"), "no device 'nonesuch'"),
        ((place.model, "--scheme", "w8a8", "--out", str(tmp_path / "full")), "there is something in it"),
        ((place.model, *gptq), "--calibration FILE"),
        ((place.model, *gptq, "--calibration", str(text)), "5 tokens are not one sample of 128"),
        ((place.model, *gptq, "--calibration", "none.txt"), "none.txt: No such file"),
        ((place.model, *gptq, "--calibration", str(text), "--length", "999"), "takes 128 tokens at most"),
    ):
        assert what in refused(capsys, "quantize", *arguments)
    for arguments, what in (
        ((place.model, "--text", str(text)), "5 tokens are not one piece"),
        ((place.model, "nowhere", "--text", place.texts["test"]), "nowhere: no such folder"),
        ((place.model, "--text", place.texts["test"], "--plot", "nowhere/plot.png"), "no such folder"),
        ((place.model, "--text", place.texts["test"], "--schemes", "w4a8-gptq"), "--calibration FILE"),
        ((place.model, "--text", place.texts["test"], "--samples", "3"), "--samples: nothing here is calib"),
        ((place.model, "--text", place.texts["test"], "--plot", str(empty)), "empty: is a folder"),
    ):
        assert what in refused(capsys, "compare", *arguments)
    assert sorted(os.listdir(tmp_path)) == ["bare", "cut", "empty", "full", "short.txt", "strange"]


@pytest.mark.parametrize(
    ("module", "arguments", "what"),
    [
        ("transformers", ("quantize", "--scheme", "w8a8", "--out", "out"), "pip install 'envdoctor[models]'"),
        ("torch", ("quantize", "--scheme", "w8a8", "--out", "out"), "needs torch"),
        ("matplotlib", ("compare", "--text", "test.txt", "--plot", "plot.png"), "pip install matplotlib"),
    ],
)
def test_a_package_that_is_missing_is_one_line(tmp_path, place, module, arguments, what):
    (tmp_path / module).mkdir()
    (tmp_path / module / "__init__.py").write_text(f"raise ImportError('no {module} here')")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT), *sys.path])}
    command = [sys.executable, "-m", "envdoctor", arguments[0], place.model, *arguments[1:]]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert done.returncode == 2 and what in done.stderr and done.stderr.count("\n") == 1, done.stderr
