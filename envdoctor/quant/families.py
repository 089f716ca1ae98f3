"""Which norm of a model's block feeds which linears: a table, and the places in a model that a row of it describes."""

from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple, Union

import torch
from torch import Tensor

#: A norm's name in a block and those of all that it feeds.
GivenRow = Tuple[str, Sequence[str]]


class Family(NamedTuple):
    """One row: all that holds parameters in a block, by names within it. `*` stands for any name.

    A module stands for its weight. A block with a parameter that is not here is another family's: the norm may feed it.
    """

    name: str
    feeds: Mapping[str, Sequence[str]]
    others: Optional[Sequence[str]]  # None: anything
    attributes: Mapping[
        str, object
    ] = {}  # those of a block, if it has them: else a norm gives the residual too


_QKV = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
_GATED = ("mlp.gate_proj", "mlp.up_proj")
_ATTENTION = ("self_attn.o_proj", "self_attn.q_norm", "self_attn.k_norm")
_SEQUENTIAL = {
    "input_layernorm": ("self_attention.query_key_value",),
    "post_attention_layernorm": ("mlp.dense_h_to_4h",),
}
_DENSE = ("self_attention.dense", "mlp.dense_4h_to_h")

FAMILIES = (
    Family(
        "OPT",
        {"self_attn_layer_norm": _QKV, "final_layer_norm": ("fc1",)},
        ("self_attn.out_proj", "fc2"),
        {"do_layer_norm_before": True},
    ),
    Family(
        "LLaMA, Mistral, Qwen2, Qwen3, Gemma",
        {"input_layernorm": _QKV, "post_attention_layernorm": _GATED},
        (*_ATTENTION, "mlp.down_proj"),
    ),
    Family(
        "Gemma 2 and 3",
        {"input_layernorm": _QKV, "pre_feedforward_layernorm": _GATED},
        (*_ATTENTION, "mlp.down_proj", "post_attention_layernorm", "post_feedforward_layernorm"),
    ),
    Family(
        "Phi-3",
        {"input_layernorm": ("self_attn.qkv_proj",), "post_attention_layernorm": ("mlp.gate_up_proj",)},
        ("self_attn.o_proj", "mlp.down_proj"),
    ),
    Family(
        "Mixtral",
        {"input_layernorm": _QKV, "post_attention_layernorm": ("mlp.gate", "mlp.experts.gate_up_proj")},
        (*_ATTENTION, "mlp.experts.down_proj"),
        {"mlp_alpha_factor": None},  # of MiniMax
    ),
    Family(
        "Mixtral with experts as linears",
        {"input_layernorm": _QKV, "post_attention_layernorm": ("mlp.gate", "mlp.experts.*.gate_up_proj")},
        (*_ATTENTION, "mlp.experts.*.down_proj"),
        {"mlp_alpha_factor": None},
    ),
    Family(
        "Mixtral before transformers 5",
        {
            "input_layernorm": _QKV,
            "post_attention_layernorm": (
                "block_sparse_moe.gate",
                "block_sparse_moe.experts.*.w1",
                "block_sparse_moe.experts.*.w3",
            ),
        },
        (*_ATTENTION, "block_sparse_moe.experts.*.w2"),
    ),
    Family(
        "BLOOM, Falcon with one branch after the other",
        _SEQUENTIAL,
        _DENSE,
        {"apply_residual_connection_post_layernorm": False},
    ),
    Family(
        "Falcon with parallel branches behind one norm",
        {"input_layernorm": ("self_attention.query_key_value", "mlp.dense_h_to_4h")},
        _DENSE,
    ),
    Family(
        "Falcon with parallel branches behind a norm each",
        {"ln_attn": ("self_attention.query_key_value",), "ln_mlp": ("mlp.dense_h_to_4h",)},
        _DENSE,
    ),
    Family("CodeGen", {"ln_1": ("attn.qkv_proj", "mlp.fc_in")}, ("attn.out_proj", "mlp.fc_out")),
)


class UnknownFamilyError(ValueError):
    """A block whose norms may feed what no row of FAMILIES says."""


class Weight(NamedTuple):
    """[N, K], or [experts, N, K]: what multiplies rows of K."""

    name: str  # a module's, or the parameter's where its module has several
    tensor: Tensor
    owner: torch.nn.Module
    is_expert: bool  # one of those that share what the norm gives, each for some rows
    k_first: bool  # [K, N] after all


class Feed(NamedTuple):
    """A norm, and all weights that multiply what it gives."""

    name: str
    norm: torch.nn.Module
    weights: Tuple[Weight, ...]

    def scaled(self) -> Dict[str, Tensor]:
        """All that scales change, by name."""
        own = {weight.name: weight.tensor for weight in self.weights}
        return {**own, **{f"{self.name}.{key}": tensor for key, tensor in self.norm.named_parameters()}}


class Place(NamedTuple):
    """In a model: a module, or a parameter of one."""

    name: str
    owner: torch.nn.Module
    part: Union[torch.nn.Module, Tensor]

    def tensors(self) -> Dict[str, Tensor]:
        """Its parameters, by name."""
        if isinstance(self.part, Tensor):
            return {self.name: self.part}
        return {_joined(self.name, key): tensor for key, tensor in self.part.named_parameters()}


def find_feeds(model: torch.nn.Module, rows: Optional[Sequence[GivenRow]] = None) -> List[Feed]:
    """Those of a model, by FAMILIES or by rows that are given instead.

    Their weights need not be there. Raises ValueError where there are none, which is an UnknownFamilyError where no
    rows are given; and for a block that is almost of a family: part of a model smoothed would pass for all of it.
    """
    families = FAMILIES if rows is None else [Family("given", {norm: to}, None) for norm, to in rows]
    feeds: List[Feed] = []
    for name, block in model.named_modules():
        unlike: List[str] = []
        found = [feed for family in families for feed in _of_block(name, block, family, unlike)]
        if unlike and not found:
            raise UnknownFamilyError(f"{name or 'the model'} is like {unlike[0]}")
        feeds += found
    if not feeds:
        raise _nothing(model, rows)
    names = [feed.name for feed in feeds]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{twice} is in two rows: put all that it feeds into one")
    return feeds


def named(block: torch.nn.Module, path: str, name: str = "") -> List[Place]:
    """What a path of a row names in a block, which has a name itself: modules, or parameters of their own."""
    found = [Place(name, block, block)]
    for part in path.split("."):
        found = [
            Place(_joined(place.name, key), place.part, child)
            for place in found
            if isinstance(place.part, torch.nn.Module)
            for key, child in {**place.part._parameters, **place.part._modules}.items()
            if part in ("*", key) and child is not None
        ]
    return found


def besides_weight(module: torch.nn.Module) -> Optional[str]:
    """A parameter of a linear or a norm that is neither its weight nor its bias, such as an adapter's."""
    return next((key for key, _ in module.named_parameters() if key not in ("weight", "bias")), None)


def _of_block(name: str, block: torch.nn.Module, family: Family, unlike: List[str]) -> List[Feed]:
    """Its feeds if it is of this family; `unlike` takes up why it is not, where names are the family's."""
    feeds: List[Feed] = []
    known: Set[int] = set()
    for norm, paths in family.feeds.items():
        norms, *fed = [named(block, path, name) for path in (norm, *paths)]
        if len(norms) != 1 or not all(fed) or isinstance(norms[0].part, Tensor):
            return []
        known.update(_tensors(norms), *map(_tensors, fed))
        weights = [_weight(place, "*" in path) for path, places in zip(paths, fed) for place in places]
        feeds.append(Feed(norms[0].name, norms[0].part, tuple(weights)))
    if family.others is None:
        return feeds
    known.update(*(_tensors(named(block, path)) for path in family.others))
    stranger = next((key for key, tensor in block.named_parameters() if id(tensor) not in known), None)
    if stranger is not None:
        unlike.append(f"{family.name}, but has {stranger}, which a norm may feed")
        return []
    for key, value in family.attributes.items():
        has = getattr(block, key, value)
        if has != value:
            unlike.append(f"{family.name}, but {key} is {has}, so that a norm also gives the residual")
            return []
    return feeds


def _weight(place: Place, is_expert: bool) -> Weight:
    owner, tensor = place.owner, place.part
    if isinstance(tensor, torch.nn.Module):
        owner, tensor = tensor, tensor._parameters.get("weight")
        more = besides_weight(owner)
        if more:
            raise ValueError(f"{place.name} has {more} besides a weight and a bias, which a norm may feed")
    if tensor is None or not tensor.is_floating_point() or tensor.dim() not in (2, 3):
        raise ValueError(f"{place.name} has no weight [N, K] of floating-point numbers to multiply")
    k_first = type(owner).__name__ == "Conv1D" or getattr(owner, "is_transposed", False)
    return Weight(place.name, tensor, owner, is_expert or tensor.dim() == 3, k_first)


def _tensors(places: Sequence[Place]) -> Set[int]:
    """The identities of all their parameters."""
    return {id(tensor) for place in places for tensor in place.tensors().values()}


def _joined(before: str, name: str) -> str:
    return f"{before}.{name}" if before else name


def _nothing(model: torch.nn.Module, rows: Optional[Sequence[GivenRow]]) -> ValueError:
    kind = type(model).__name__
    if rows is not None:
        looked = "; ".join(f"{norm} to {', '.join(to)}" for norm, to in rows)
        return ValueError(f"no norm in {kind} feeds linears as the rows say: looked for {looked}")
    known = ", ".join(dict.fromkeys(family.name for family in FAMILIES))
    return UnknownFamilyError(f"no norm in {kind} feeds linears by a name that is known (those of {known})")
