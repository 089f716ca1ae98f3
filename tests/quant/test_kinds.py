"""Models that are not causal, through the verbs: BERT, T5, ViT, and bodies without heads."""

import json

import pytest
import torch

from envdoctor.cli import main
from envdoctor.quant.folder import load
from envdoctor.quant.pretrained import empty_model, tokens_of
from tests.quant.small_models import PARTS, model_of, save, transformers

_SIZES = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 96,
}
BERT = transformers.BertConfig(vocab_size=256, max_position_embeddings=64, pad_token_id=0, **_SIZES)
T5 = transformers.T5Config(vocab_size=256, d_model=64, d_kv=16, d_ff=96, num_layers=2, num_heads=4)
VIT = transformers.ViTConfig(image_size=32, patch_size=16, **_SIZES)
MODELS = {
    "BertForMaskedLM": BERT,
    "BertModel": BERT,
    "BertForSequenceClassification": BERT,
    "T5ForConditionalGeneration": T5,
    "ViTForImageClassification": VIT,
}


def made(kind):
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(1)
        return getattr(transformers, kind)(MODELS[kind]).requires_grad_(False).eval()


def called(model):
    ids = torch.arange(3, 19)[None]
    if type(model) is transformers.ViTForImageClassification:
        given = {"pixel_values": torch.linspace(-1, 1, 3 * 32 * 32).sin().view(1, 3, 32, 32)}
    elif type(model) is transformers.T5ForConditionalGeneration:
        given = {"input_ids": ids, "decoder_input_ids": ids}
    else:
        given = {"input_ids": ids}
    with torch.no_grad():
        return model(**given)[0]


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(PARTS["calibration"][:6000])
    return str(path)


def quantized(tmp_path, kind, scheme, *more):
    save(made(kind), tmp_path / "model")
    return main(
        ["quantize", str(tmp_path / "model"), "--scheme", scheme, "--out", str(tmp_path / "out"), *more]
    )


@pytest.mark.parametrize("kind", MODELS)
def test_a_model_of_any_kind_is_quantised_and_read(tmp_path, kind):
    assert quantized(tmp_path, kind, "w8a8") == 0
    plain, model = made(kind), load(str(tmp_path / "out"))
    assert type(model) is type(plain)
    names = json.loads((tmp_path / "out" / "envdoctor_quantized.json").read_text())["linears"]
    assert len(names) >= 12 and not any("classifier" in name for name in names)
    expected = called(plain)
    assert 0 < float((called(model) - expected).norm() / expected.norm()) < 0.05


@pytest.mark.parametrize("kind", ["BertForMaskedLM", "BertModel", "T5ForConditionalGeneration"])
@pytest.mark.parametrize("scheme", ["w4a8-gptq", "smq_q8i8f16_1"])
def test_a_model_that_takes_a_text_is_calibrated(tmp_path, text, kind, scheme):
    some = ("--length", "32", "--samples", "16", "--calibration", text)
    more = (*some, *(["--no-smoothing"] if "smq" in scheme else []))
    assert quantized(tmp_path, kind, scheme, *more) == 0
    expected = called(made(kind))
    lost = float((called(load(str(tmp_path / "out"))) - expected).norm() / expected.norm())
    assert 0 < lost < (0.05 if "smq" in scheme else 0.3)


def test_a_model_that_takes_no_text_is_not_calibrated(tmp_path, capsys, text):
    more = ("--calibration", text, "--length", "32")
    assert quantized(tmp_path, "ViTForImageClassification", "w4a8-gptq", *more) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "a ViTForImageClassification takes pixel_values, not a text: name a scheme without" in said


def compared(tmp_path, text, *more):
    arguments = ("--text", text, "--schemes", "w8a8", "--length", "32", "--prompt", "12")
    return main(["compare", str(tmp_path / "model"), *arguments, *more])


def test_a_masked_model_is_compared_by_the_tokens_that_are_hidden(tmp_path, capsys, text):
    folder = save(made("BertForMaskedLM"), tmp_path / "model")
    transformers.AutoTokenizer.from_pretrained(folder, mask_token="a").save_pretrained(folder)
    assert compared(tmp_path, text, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    first, second = document["models"]
    assert document["kind"] == "masked" and first["decode"] is None and first["prefill"] > 0
    tokenizer, model = transformers.AutoTokenizer.from_pretrained(folder), made("BertForMaskedLM")
    ids = torch.tensor(tokenizer(PARTS["calibration"][:6000])["input_ids"])[: 6000 // 32 * 32].view(-1, 32)
    hidden = ids.clone()
    hidden[:, 6::7] = tokenizer.mask_token_id
    with torch.no_grad():
        logs = model(input_ids=hidden).logits.log_softmax(-1)[:, 6::7]
    wanted = ids[:, 6::7]
    loss = -logs.gather(-1, wanted[..., None]).double().mean()
    assert first["perplexity"] == pytest.approx(float(loss.exp()), rel=1e-4)
    assert first["accuracy"] == float((logs.argmax(-1) == wanted).double().mean())
    assert second["size"] < first["size"] and second["perplexity"] != first["perplexity"]
    assert compared(tmp_path, text) == 0
    assert "decode" not in capsys.readouterr().out


def test_a_model_from_text_to_text_is_compared_by_what_it_writes(tmp_path, capsys, text):
    save(made("T5ForConditionalGeneration"), tmp_path / "model")
    assert compared(tmp_path, text, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    first, second = document["models"]
    ids = tokens_of(str(tmp_path / "model"), text)[: 6000 // 32 * 32].view(-1, 32)
    with torch.no_grad():
        logits = made("T5ForConditionalGeneration")(
            input_ids=ids[:, :16], decoder_input_ids=ids[:, 16:]
        ).logits
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1).double(), ids[:, 17:].flatten())
    assert document["kind"] == "from text to text" and document["pieces"] == len(ids)
    assert first["decode"] > 0 and second["size"] < first["size"]
    assert first["perplexity"] == pytest.approx(float(loss.exp()), rel=1e-4)
    assert first["perplexity"] != second["perplexity"]


def test_what_cannot_be_compared_is_one_line(tmp_path, capsys, text):
    task = tmp_path / "task.jsonl"
    task.write_text('{"text": "one two"}\n')
    for kind, more, what in (
        ("BertModel", (), "a BertModel foretells no tokens, by which models are compared"),
        ("BertForMaskedLM", (), "its tokenizer has no mask_token"),
        ("BertForMaskedLM", ("--task", str(task)), "a BertForMaskedLM is masked, and a task wants a causal"),
        (
            "BertForMaskedLM",
            ("--generate", "3"),
            "a BertForMaskedLM writes nothing after a prompt; leave out",
        ),
        ("BertForMaskedLM", ("--length", "6"), "--length must be at least 7"),
        ("T5ForConditionalGeneration", ("--length", "3"), "--length must be at least 4"),
        ("ViTForImageClassification", (), "a ViTForImageClassification foretells no tokens"),
    ):
        save(made(kind), tmp_path / "model")
        assert compared(tmp_path, text, *more) == 2
        said = capsys.readouterr().err.splitlines()[-1]
        assert what in said, said


@pytest.mark.parametrize(
    ("named", "is_tied", "expected"),
    [
        (["LlamaModel"], True, "LlamaForCausalLM"),  # a head that has no weights of its own
        (["LlamaModel"], False, "LlamaModel"),
        (None, False, "LlamaForCausalLM"),
        (["NoSuchModel"], False, "LlamaForCausalLM"),
        (["pipeline"], False, "LlamaForCausalLM"),
        (["BertModel"], False, "LlamaForCausalLM"),  # another model's
        ([3], False, "LlamaForCausalLM"),
    ],
)
def test_the_class_that_is_named(tmp_path, named, is_tied, expected):
    save(model_of("llama"), tmp_path)
    path = tmp_path / "config.json"
    path.write_text(
        json.dumps({**json.loads(path.read_text()), "architectures": named, "tie_word_embeddings": is_tied})
    )
    assert type(empty_model(str(tmp_path))).__name__ == expected
