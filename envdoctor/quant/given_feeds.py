"""Norms and what they feed as a file says it, for models that the table of families does not know."""

from typing import Dict, List, Sequence

from torch import Tensor, nn

from envdoctor.quant.families import GivenRow, named
from envdoctor.quant.gptq_config import CheckpointError
from envdoctor.quant.tensor_files import read_json

_LIKE = '{"ln_1": ["attn.c_attn"], "ln_2": ["mlp.c_fc"]}'


def feeds_in(path: str) -> Dict[str, List[str]]:
    """Names of norms and of all that each feeds, within whatever module has them all. Raises CheckpointError."""
    found = read_json(path)
    if not isinstance(found, dict) or not found:
        raise CheckpointError(f"{path}: not an object of norms and what they feed, such as {_LIKE}")
    for norm, to in found.items():
        if not isinstance(to, list) or not to or not all(isinstance(each, str) and each for each in to):
            raise CheckpointError(f"{path}: {norm}: not a list of names that it feeds, as in {_LIKE}")
    return found


def scaled_by(model: nn.Module, rows: Sequence[GivenRow]) -> Dict[str, Tensor]:
    """All in a model that rows name and scales would change, by name; its weights need not be there.

    ValueError for a norm that it does not have. What it is said to feed may come to be later: experts that are taken
    apart.
    """
    found: Dict[str, Tensor] = {}
    for norm, to in rows:
        blocks = [(name, block) for name, block in model.named_modules() if named(block, norm)]
        if not blocks:
            raise ValueError(f"the model has no {norm}, which is given as a norm that feeds linears")
        places = [
            place for name, block in blocks for path in (norm, *to) for place in named(block, path, name)
        ]
        found.update(item for place in places for item in place.tensors().items())
    return found


def check_rows(block: nn.Module, rows: Sequence[GivenRow]) -> None:
    """ValueError where a block has a norm and not what it is said to feed: part of it smoothed would pass for all."""
    for norm, to in rows:
        places = [module for module in block.modules() if named(module, norm)]
        lacking = [[path for path in to if not named(module, path)] for module in places]
        if places and all(lacking):
            raise ValueError(f"{norm} is there, and {lacking[0][0]} is not, which it is said to feed")
