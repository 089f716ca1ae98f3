"""Norms and what they feed as a file says it, for models that the table of families does not know."""

from typing import Dict, List, Sequence

from torch import nn

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


def check_norms(model: nn.Module, rows: Sequence[GivenRow]) -> None:
    """ValueError for a norm that a model does not have; its weights need not be there."""
    for norm, _ in rows:
        if not any(named(block, norm) for block in model.modules()):
            raise ValueError(f"the model has no {norm}, which is given as a norm that feeds linears")


def check_rows(block: nn.Module, rows: Sequence[GivenRow]) -> None:
    """ValueError where a block has a norm and not what it is said to feed: part of it smoothed would pass for all."""
    for norm, to in rows:
        places = [module for module in block.modules() if named(module, norm)]
        lacking = [[path for path in to if not named(module, path)] for module in places]
        if places and all(lacking):
            raise ValueError(f"{norm} is there, and {lacking[0][0]} is not, which it is said to feed")
