"""What the examples begin with, for nothing is downloaded: a Llama of two layers that has learnt English in seconds."""

import copy
import os

os.environ.setdefault("TQDM_DISABLE", "1")  # bars of transformers
import torch

from envdoctor.quant.comparison import foretold
from tests.quant.small_models import PARTS, trained


def tokens(part):
    """A text as bytes, which are its tokens."""
    return torch.tensor(list(PARTS[part].encode())).clamp_max(255)


def learned(outlier=1.0):
    """In float32; with channels of activations that are so many times larger, as those of large models are."""
    torch.manual_seed(0)
    model = trained(tokens("train"), steps=250)
    for block in model.model.layers:
        attention, mlp = block.self_attn, block.mlp
        for norm, fed in (
            (block.input_layernorm, (attention.q_proj, attention.k_proj, attention.v_proj)),
            (block.post_attention_layernorm, (mlp.gate_proj, mlp.up_proj)),
        ):
            norm.weight[:3] *= outlier
            for linear in fed:
                linear.weight[:, :3] /= outlier
    return model


def calibration(count=16, length=64):
    """What models are called with to be quantised."""
    return list(tokens("calibration")[: count * length].view(count, 1, length))


def perplexity(model):
    """Of a text that nobody has seen."""
    with torch.no_grad():
        return foretold(model, tokens("test")[:6400].view(-1, 64), torch.device("cpu")).perplexity


def copied(model, dtype=torch.float32):
    """To be quantised in place."""
    return copy.deepcopy(model).to(dtype)


def size(model):
    """Kilobytes of weights."""
    tensors = {id(each): each for each in (*model.parameters(), *model.buffers())}
    return sum(each.numel() * each.element_size() for each in tensors.values()) / 1e3
