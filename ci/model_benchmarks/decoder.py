"""A decoder-only language model with random weights: OPT's blocks or LLaMA's, in any geometry."""

from dataclasses import dataclass
from typing import List, Optional, Tuple

import torch
from torch import Tensor, nn
from torch.nn import functional

#: Of a block: keys and values of all tokens so far, [batch, heads, length, width of a head].
Cache = Tuple[Tensor, Tensor]
#: Sine and cosine of the angles of rotary positions, [tokens, width of a head].
Turns = Tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Geometry:
    """Sizes as the models' own configurations have them."""

    width: int
    inner: int
    heads: int
    layers: int
    vocabulary: int
    gated: bool  # LLaMA: SwiGLU, RMSNorm, rotary positions, no biases; else OPT: ReLU, LayerNorm, biases


GEOMETRIES = {
    "opt-6.7b": Geometry(4096, 16384, 32, 32, 50272, False),
    "opt-30b": Geometry(7168, 28672, 56, 48, 50272, False),
    "llama-2-7b": Geometry(4096, 11008, 32, 32, 32000, True),
}


def turns_of(position: Tensor, width: int, dtype: torch.dtype) -> Turns:
    """Of a head of that width; halves are paired as LLaMA pairs them."""
    rates = 10000.0 ** (-torch.arange(0, width, 2, device=position.device) / width)
    angle = (position[:, None] * rates).repeat(1, 2)
    low, high = angle.sin().chunk(2, -1)
    return torch.cat([-low, high], -1).to(dtype), angle.cos().to(dtype)


def rotated(x: Tensor, turns: Turns) -> Tensor:
    """Rotary positions: x [batch, heads, tokens, width of a head]."""
    sin, cos = turns
    return x * cos + x.roll(x.shape[-1] // 2, -1) * sin


@dataclass(frozen=True)
class Step:
    """What all blocks of a call share."""

    position: Tensor  # [tokens]
    turns: Optional[Turns]
    seen: Optional[
        Tensor
    ]  # [tokens, length of the caches]: what a token sees of them; none: what is before it


class Attention(nn.Module):  # type: ignore[misc]  # torch is not read
    """Causal self-attention."""

    def __init__(self, of: Geometry) -> None:
        super().__init__()
        self.heads = of.heads
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            setattr(self, name, nn.Linear(of.width, of.width, bias=not of.gated))

    def forward(self, x: Tensor, step: Step, cache: Optional[Cache]) -> Tensor:
        """x [batch, tokens, width]; with a cache, tokens go into it and see all of it up to themselves."""
        batch, tokens, width = x.shape
        q, k, v = (
            each(x).view(batch, tokens, self.heads, -1).transpose(1, 2)
            for each in (self.q_proj, self.k_proj, self.v_proj)
        )
        if step.turns is not None:
            q, k = rotated(q, step.turns), rotated(k, step.turns)
        if cache is None:
            y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            keys, values = cache
            keys.index_copy_(2, step.position, k)
            values.index_copy_(2, step.position, v)
            y = functional.scaled_dot_product_attention(q, keys, values, attn_mask=step.seen)
        made: Tensor = self.out_proj(y.transpose(1, 2).reshape(batch, tokens, width))
        return made


class Block(nn.Module):  # type: ignore[misc]  # torch is not read
    """Attention, then the feed-forward part, each behind a norm and beside its input."""

    def __init__(self, of: Geometry) -> None:
        super().__init__()
        norm = nn.RMSNorm if of.gated else nn.LayerNorm
        self.attention_norm, self.attention, self.norm = norm(of.width), Attention(of), norm(of.width)
        self.up = nn.Linear(of.width, of.inner, bias=not of.gated)
        self.gate_proj = nn.Linear(of.width, of.inner, bias=False) if of.gated else None
        self.down = nn.Linear(of.inner, of.width, bias=not of.gated)

    def forward(self, x: Tensor, step: Step, cache: Optional[Cache]) -> Tensor:
        """x [batch, tokens, width], and so what comes out."""
        x = x + self.attention(self.attention_norm(x), step, cache)
        inside = self.norm(x)
        up = self.up(inside)
        hidden = functional.silu(self.gate_proj(inside)) * up if self.gate_proj else functional.relu(up)
        made: Tensor = x + self.down(hidden)
        return made


class Decoder(nn.Module):  # type: ignore[misc]  # torch is not read
    """Tokens to the logits of the token after the last one."""

    def __init__(self, of: Geometry, layers: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(of.vocabulary, of.width)
        self.positions = None if of.gated else nn.Embedding(4096, of.width)
        self.blocks = nn.ModuleList(Block(of) for _ in range(layers))
        self.norm = nn.RMSNorm(of.width) if of.gated else nn.LayerNorm(of.width)
        self.lm_head = nn.Linear(of.width, of.vocabulary, bias=False)
        if not of.gated:  # OPT's head is its table of tokens
            self.lm_head.weight = self.tokens.weight
        self.head = of.width // of.heads

    def forward(
        self, tokens: Tensor, position: Optional[Tensor] = None, caches: Optional[List[Cache]] = None
    ) -> Tensor:
        """tokens [batch, tokens] at `position` [tokens], 0 and on if not given; logits [batch, vocabulary]."""
        if position is None:
            position = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.tokens(tokens)
        if self.positions is not None:
            x = x + self.positions(position)
        turns = turns_of(position, self.head, x.dtype) if self.positions is None else None
        seen = None
        if caches:
            seen = torch.arange(caches[0][0].shape[2], device=x.device) <= position[:, None]
        step = Step(position, turns, seen)
        for number, block in enumerate(self.blocks):
            x = block(x, step, caches[number] if caches else None)
        made: Tensor = self.lm_head(self.norm(x[:, -1]))
        return made

    def caches(self, batch: int, length: int, of: Geometry) -> List[Cache]:
        """Empty ones, for so many tokens."""
        size = (batch, of.heads, length, self.head)
        weight = self.lm_head.weight
        made = [
            torch.zeros(size, dtype=weight.dtype, device=weight.device) for _ in range(2 * len(self.blocks))
        ]
        return list(zip(made[::2], made[1::2]))
