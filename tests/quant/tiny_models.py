"""Small models of transformers with random weights, and inputs for them: nothing is downloaded."""

import pytest
import torch

VOCABULARY = 50

_LLAMA = {"intermediate_size": 48, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8}
_FALCON = {"num_attention_heads": 4, "alibi": False, "bias": True}

#: The type of a model by the name of a case, and what its configuration needs beyond sizes.
CASES = {
    "opt": ("opt", {"ffn_dim": 64, "num_attention_heads": 4, "word_embed_proj_dim": 32}),
    "llama": ("llama", _LLAMA),
    "mistral": ("mistral", _LLAMA),
    "qwen2": ("qwen2", _LLAMA),
    "qwen3": ("qwen3", _LLAMA),
    "gemma": ("gemma", _LLAMA),
    "gemma2": ("gemma2", _LLAMA),
    "phi3": ("phi3", _LLAMA),
    "mixtral": ("mixtral", {**_LLAMA, "num_local_experts": 4, "experts_implementation": "eager"}),
    "bloom": ("bloom", {"n_head": 4}),
    "falcon": ("falcon", {**_FALCON, "multi_query": True, "parallel_attn": True}),
    "falcon-sequential": ("falcon", {**_FALCON, "parallel_attn": False}),
    "falcon-two-norms": ("falcon", {**_FALCON, "new_decoder_architecture": True, "num_kv_heads": 2}),
    "falcon-one-norm": (
        "falcon",
        {**_FALCON, "new_decoder_architecture": True, "num_kv_heads": 2, "num_ln_in_parallel_attn": 1},
    ),
    "codegen": ("codegen", {"n_embd": 32, "n_head": 4, "n_layer": 2, "rotary_dim": 4}),
}


#: One that looks like Mixtral, and is not.
LOOKALIKES = {"minimax": ("minimax", CASES["mixtral"][1])}


def model_of(case, seed=0, **more):
    """In float64, with norms and biases that are no ones and zeros."""
    transformers = pytest.importorskip("transformers")
    kind, special = {**CASES, **LOOKALIKES}[case]
    sizes = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "vocab_size": VOCABULARY,
        "max_position_embeddings": 64,
    }
    tokens = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    config = transformers.AutoConfig.for_model(kind, **{**sizes, **tokens, **special, **more})
    return randomised(transformers.AutoModelForCausalLM.from_config(config), seed)


def randomised(model, seed=0):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.double().named_parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            is_gain = parameter.dim() == 1 and name.endswith("weight")
            parameter.copy_(1 + 0.3 * noise if is_gain else 0.25 * noise)
    return model.eval()


def tokens(count=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(3, VOCABULARY, (2, 12), generator=generator) for _ in range(count)]


def logits(model, ids):
    with torch.no_grad():
        return model(ids).logits.detach()
