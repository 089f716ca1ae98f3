"""Small models of transformers, with random weights or trained for some seconds, and their tokenizer."""

import pydoc_data.topics

import pytest
import torch

transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")

#: Some hundred thousand letters of English that come with Python.
TEXT = "\n".join(pydoc_data.topics.topics[name] for name in sorted(pydoc_data.topics.topics))
PARTS = {"train": TEXT[:300_000], "calibration": TEXT[300_000:360_000], "test": TEXT[360_000:370_000]}

_ENDS = {"bos_token_id": 0, "eos_token_id": 0}
_SIZES = {"vocab_size": 256, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, **_ENDS}
_LLAMA = {**_SIZES, "intermediate_size": 96, "num_key_value_heads": 2, "max_position_embeddings": 128}
CONFIGS = {
    "llama": transformers.LlamaConfig(**_LLAMA),
    "opt": transformers.OPTConfig(**_SIZES, ffn_dim=96, word_embed_proj_dim=64, max_position_embeddings=128),
    "codegen": transformers.CodeGenConfig(
        vocab_size=256, n_embd=64, n_layer=2, n_head=4, rotary_dim=8, n_positions=128, n_ctx=128, **_ENDS
    ),
    "gpt2": transformers.GPT2Config(vocab_size=256, n_embd=64, n_layer=2, n_head=4, n_positions=128, **_ENDS),
    "mixtral": transformers.MixtralConfig(**_LLAMA, num_local_experts=4),
}


def model_of(family, seed=0):
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        model = transformers.AutoModelForCausalLM.from_config(CONFIGS[family])
    return model.requires_grad_(False).eval()


def batches(count=4, length=32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(0, 256, (count, 2, length), generator=generator)
    return [{"input_ids": each, "use_cache": False} for each in tokens]


def logits(model, batch):
    with torch.no_grad():
        return model(**batch).logits.float()


def difference(model, other, batch):
    """Of what comes out, relative."""
    expected = logits(other, batch)
    return float((logits(model, batch) - expected).norm() / expected.norm())


def save(model, folder, **options):
    """With a tokenizer whose tokens are bytes."""
    model.save_pretrained(folder, **options)
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.BPE({letter: at for at, letter in enumerate(alphabet)}, [])
    )
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)
    return str(folder)


def trained(tokens, steps=250):
    """A model of two layers that has learnt to foretell bytes."""
    model = model_of("llama", seed=1).requires_grad_(True).train()
    adam = torch.optim.AdamW(model.parameters(), lr=8e-3, betas=(0.9, 0.95))
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, 8e-3, total_steps=steps)
    generator = torch.Generator().manual_seed(2)
    for _ in range(steps):
        places = torch.randint(0, len(tokens) - 64, (16,), generator=generator)
        pieces = torch.stack([tokens[at : at + 64] for at in places])
        loss = model(input_ids=pieces, labels=pieces).loss
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
    return model.requires_grad_(False).eval()
