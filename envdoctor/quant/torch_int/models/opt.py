"""OPT whose layers multiply nothing but int8, in attention and its cache too: W8A8 with scales of a calibration.

Each is the class of transformers with other layers, so that configurations, caches, `generate`, `save_pretrained` and
`from_pretrained` are those of transformers; states have torch-int's keys. For inference only. What torch-int did wrong
is listed in envdoctor.quant.torch_int.
"""

import copy
from typing import Any, Mapping, Optional, Sequence, Tuple, Type, TypeVar

import torch
from torch import Tensor, nn

from envdoctor.kernels.calls import Device
from envdoctor.quant.torch_int.models.scales import SCALES
from envdoctor.quant.torch_int.nn.bmm import BMM_S8T_S8N_F32T, BMM_S8T_S8N_S8T
from envdoctor.quant.torch_int.nn.fused import LayerNormQ
from envdoctor.quant.torch_int.nn.int8_linear import Int8Linear
from envdoctor.quant.torch_int.nn.linear import W8A8B8O8Linear, W8A8B8O8LinearReLU, W8A8BFP32OFP32Linear

try:
    import transformers.masking_utils  # noqa: F401  # not there before caches were classes
    from transformers.models.opt.modeling_opt import (
        OPTAttention,
        OPTConfig,
        OPTDecoder,
        OPTDecoderLayer,
        OPTForCausalLM,
        OPTModel,
    )
except ImportError as error:
    say = f"torch_int.models.opt needs transformers 4.57 or newer, which does not import here ({error})"
    raise ImportError(say) from error

__all__ = [
    "Int8OPTAttention",
    "Int8OPTDecoder",
    "Int8OPTDecoderLayer",
    "Int8OPTForCausalLM",
    "Int8OPTModel",
]

_Scales = Sequence[Mapping[str, float]]
_Made = TypeVar("_Made", bound="_Int8OPT")

#: What layers give: transformers 5.24 wants hidden states, 4.57 and 5.0 a tuple that begins with them.
_ALONE = bool(getattr(OPTDecoder, "_can_record_outputs", None))
_PROBABILITY = 1.0 / 127  # the scale of what softmax gives: 0 to 127


class Int8OPTAttention(nn.Module):  # type: ignore[misc]
    """int8 [B, T, E] to float32 [B, T, E]; keys and values are int8 in the cache."""

    def __init__(self, embed_dim: int, num_heads: int, layer_idx: int = 0, device: Device = None) -> None:
        super().__init__()
        if embed_dim % num_heads:
            raise ValueError(f"embed_dim {embed_dim} is not divisible by num_heads {num_heads}")
        self.embed_dim, self.num_heads, self.layer_idx = embed_dim, num_heads, layer_idx
        self.head_dim = embed_dim // num_heads
        self.qk_bmm = BMM_S8T_S8N_F32T(1.0)
        self.pv_bmm = BMM_S8T_S8N_S8T(1.0)
        self.k_proj, self.v_proj, self.q_proj = (
            W8A8B8O8Linear(embed_dim, embed_dim, device=device) for _ in range(3)
        )
        self.out_proj = W8A8BFP32OFP32Linear(embed_dim, embed_dim, device=device)
        _flatten_biases(self)

    @staticmethod
    @torch.no_grad()  # type: ignore[untyped-decorator]
    def from_float(
        module: OPTAttention,
        input_scale: float,
        q_output_scale: float,
        k_output_scale: float,
        v_output_scale: float,
        out_input_scale: float,
        device: Device = None,
    ) -> "Int8OPTAttention":
        """Of an attention, which stays as it is. q_output_scale is of queries as q_proj gives them."""
        made = Int8OPTAttention(
            module.embed_dim, module.num_heads, getattr(module, "layer_idx", None) or 0, device="meta"
        )
        for name, scale in (("q", q_output_scale), ("k", k_output_scale), ("v", v_output_scale)):
            linear = getattr(module, f"{name}_proj")
            setattr(made, f"{name}_proj", W8A8B8O8Linear.from_float(linear, input_scale, scale, device))
        made.out_proj = W8A8BFP32OFP32Linear.from_float(module.out_proj, out_input_scale, device)
        # d^-0.5 would multiply weight, bias and scale of the queries alike, and cancel: it is left to their product.
        made.qk_bmm = BMM_S8T_S8N_F32T.from_scale(q_output_scale * module.scaling, k_output_scale)
        made.pv_bmm = BMM_S8T_S8N_S8T.from_scale(_PROBABILITY, v_output_scale, out_input_scale)
        made.to(made.out_proj.a.device)
        _flatten_biases(made)
        return made

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Optional[Tensor] = None,
        cache: Any = None,
        past_key_values: Any = None,
        **more: Any,
    ) -> Tuple[Tensor, Tensor]:
        """The result, and the probabilities [B, H, T, S].

        attention_mask, [B, 1, T, S], is added; None: all tokens see each other. The cache has another name in some
        versions of transformers.
        """
        batch, length, _ = hidden_states.shape
        query, key, value = (self._heads(of(hidden_states)) for of in (self.q_proj, self.k_proj, self.v_proj))
        cache = past_key_values if cache is None else cache
        if cache is not None:
            key, value = cache.update(key, value, self.layer_idx, more)
        scores = self.qk_bmm(*(each.reshape(-1, *each.shape[2:]) for each in (query, key)))
        scores = scores.view(batch, self.num_heads, length, -1)
        if attention_mask is not None:
            scores = scores.add_(attention_mask).clamp_(min=torch.finfo(scores.dtype).min)
        probabilities = nn.functional.softmax(scores, dim=-1)
        levels = (probabilities * 127).round_().to(torch.int8).flatten(0, 1)
        # The product wants values with tokens side by side, and a cache adds rows: they are copied here, and only here.
        out = self.pv_bmm(levels, value.transpose(2, 3).flatten(0, 1))
        out = out.view(batch, self.num_heads, length, self.head_dim).transpose(1, 2).flatten(2)
        return self.out_proj(out), probabilities

    def _heads(self, x: Tensor) -> Tensor:
        """[B, T, E] as [B, H, T, E / H], not copied."""
        return x.unflatten(-1, (self.num_heads, self.head_dim)).transpose(1, 2)


class Int8OPTDecoderLayer(nn.Module):  # type: ignore[misc]
    """Hidden states of any floating-point type [B, T, E]; what is added to them comes from int8."""

    def __init__(
        self,
        embed_dim: int,
        num_attention_heads: int,
        ffn_dim: int,
        layer_idx: int = 0,
        device: Device = None,
    ) -> None:
        super().__init__()
        self.embed_dim = embed_dim
        self.self_attn = Int8OPTAttention(embed_dim, num_attention_heads, layer_idx, device)
        # Norms have the type that a model is made in, as from_pretrained does: what loads them keeps what they have.
        self.self_attn_layer_norm = LayerNormQ(embed_dim, device=device).to(torch.get_default_dtype())
        self.fc1 = W8A8B8O8LinearReLU(embed_dim, ffn_dim, device=device)
        self.fc2 = W8A8BFP32OFP32Linear(ffn_dim, embed_dim, device=device)
        self.final_layer_norm = LayerNormQ(embed_dim, device=device).to(torch.get_default_dtype())
        _flatten_biases(self)

    @staticmethod
    @torch.no_grad()  # type: ignore[untyped-decorator]
    def from_float(
        module: OPTDecoderLayer,
        attn_input_scale: float,
        q_output_scale: float,
        k_output_scale: float,
        v_output_scale: float,
        out_input_scale: float,
        fc1_input_scale: float,
        fc2_input_scale: float,
        device: Device = None,
    ) -> "Int8OPTDecoderLayer":
        """Of a layer, which stays as it is, and the scales of what goes into its linears and out of them."""
        source = module.self_attn
        made = Int8OPTDecoderLayer(source.embed_dim, source.num_heads, module.fc1.out_features, device="meta")
        made.self_attn = Int8OPTAttention.from_float(
            source, attn_input_scale, q_output_scale, k_output_scale, v_output_scale, out_input_scale, device
        )
        made.self_attn_layer_norm = LayerNormQ.from_float(module.self_attn_layer_norm, attn_input_scale)
        made.final_layer_norm = LayerNormQ.from_float(module.final_layer_norm, fc1_input_scale)
        made.fc1 = W8A8B8O8LinearReLU.from_float(module.fc1, fc1_input_scale, fc2_input_scale, device)
        made.fc2 = W8A8BFP32OFP32Linear.from_float(module.fc2, fc2_input_scale, device)
        made.to(made.fc2.a.device)
        _flatten_biases(made)
        return made

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def forward(self, hidden_states: Tensor, attention_mask: Optional[Tensor] = None, **more: Any) -> Any:
        """Hidden states, alone or with the probabilities; what else it is given goes to the attention."""
        x = self.self_attn_layer_norm(hidden_states)
        added, probabilities = self.self_attn(x, attention_mask=attention_mask, **more)
        hidden_states = hidden_states + added.to(hidden_states.dtype)
        added = self.fc2(self.fc1(self.final_layer_norm(hidden_states)))
        hidden_states = hidden_states + added.to(hidden_states.dtype)
        return hidden_states if _ALONE else (hidden_states, probabilities)


class _Int8OPT(nn.Module):  # type: ignore[misc]
    """What the three models have in common."""

    DECODER = ""  # where in them it is

    # The mask is to be one that can be added, which it is where attention is "eager".
    _supports_sdpa = _supports_flash_attn = _supports_flex_attn = False
    _no_split_modules = ["Int8OPTDecoderLayer"]  # noqa: RUF012
    _can_record_outputs = {"hidden_states": Int8OPTDecoderLayer, "attentions": Int8OPTAttention}  # noqa: RUF012

    @classmethod
    @torch.no_grad()  # type: ignore[untyped-decorator]
    def from_float(
        cls: Type[_Made], module: nn.Module, decoder_layer_scales: _Scales, device: Device = None
    ) -> _Made:
        """Of a model of floats, which stays as it is, and the scales of each layer (see models.scales).

        Embeddings, the last norm and the head keep their type. Raises ValueError for scales that are no such, and for
        a model whose norms come after what they belong to, as in opt-350m, or whose activation is no ReLU.
        """
        decoder = module.get_submodule(cls.DECODER)
        _check_scales(decoder_layer_scales, len(decoder.layers))
        with torch.device("meta"):
            made = cls(module.config)
        layers = [
            Int8OPTDecoderLayer.from_float(layer, **scales, device=device)
            for layer, scales in zip(decoder.layers, decoder_layer_scales)
        ]
        made.get_submodule(cls.DECODER).layers = nn.ModuleList(layers)
        within = f"{cls.DECODER}.layers.".lstrip(".")
        rest = {
            name: tensor.detach().to(device or tensor.device, copy=True)
            for name, tensor in module.state_dict().items()
            if not name.startswith(within)
        }
        made.load_state_dict(rest, strict=False, assign=True)
        made.tie_weights()
        if getattr(module, "generation_config", None) is not None:
            made.generation_config = copy.deepcopy(module.generation_config)
        made.requires_grad_(False).eval()
        return made


class Int8OPTDecoder(_Int8OPT, OPTDecoder):  # type: ignore[misc]
    """OPTDecoder with layers of int8."""

    def __init__(self, config: OPTConfig) -> None:
        config = _usable(config)
        without_layers = copy.deepcopy(config)
        without_layers.num_hidden_layers = 0
        super().__init__(without_layers)
        self.config = config
        sizes = (config.hidden_size, config.num_attention_heads, config.ffn_dim)
        layers = [Int8OPTDecoderLayer(*sizes, number) for number in range(config.num_hidden_layers)]
        self.layers = nn.ModuleList(layers)


class Int8OPTModel(_Int8OPT, OPTModel):  # type: ignore[misc]
    """OPTModel with layers of int8."""

    DECODER = "decoder"

    def __init__(self, config: OPTConfig) -> None:
        super(OPTModel, self).__init__(_usable(config))  # OPTModel's own would make layers of floats first
        self.decoder = Int8OPTDecoder(self.config)
        self.post_init()


class Int8OPTForCausalLM(_Int8OPT, OPTForCausalLM):  # type: ignore[misc]
    """OPTForCausalLM with layers of int8."""

    DECODER = "model.decoder"

    def __init__(self, config: OPTConfig) -> None:
        super(OPTForCausalLM, self).__init__(_usable(config))  # as above
        self.model = Int8OPTModel(self.config)
        self.lm_head = nn.Linear(config.word_embed_proj_dim, config.vocab_size, bias=False)
        self.post_init()


def _flatten_biases(module: nn.Module) -> None:
    """[N], as torch-int's from_float left them: from_pretrained asks no module, and must find the shape of states."""
    for each in module.modules():
        if isinstance(each, Int8Linear):
            each.bias = each.bias.reshape(-1)


def _usable(config: OPTConfig) -> OPTConfig:
    """A copy with eager attention, unless it has that. Raises ValueError for what int8 layers do not do."""
    if not config.do_layer_norm_before:
        raise ValueError(
            "norms after attention and fc2, as opt-350m has them, give no int8: do_layer_norm_before is False"
        )
    if config.activation_function != "relu":
        raise ValueError(
            f"the activation must be relu, which int8 linears have, not {config.activation_function}"
        )
    if getattr(config, "_attn_implementation", None) == "eager":
        return config
    config = copy.deepcopy(config)
    config._attn_implementation = "eager"
    return config


def _check_scales(given: _Scales, layers: int) -> None:
    if len(given) != layers:
        raise ValueError(f"there are scales of {len(given)} layers for {layers}")
    for number, scales in enumerate(given):
        if set(scales) != set(SCALES):
            raise ValueError(f"layer {number}: scales must be {', '.join(SCALES)}, not {', '.join(scales)}")
        bad = next((name for name in SCALES if not 0 < float(scales[name]) < float("inf")), None)
        if bad:
            raise ValueError(f"layer {number}: {bad} must be above 0 and finite, not {scales[bad]}")
