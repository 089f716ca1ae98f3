"""Kinds of models: what tokens of a text they are called with, and what can be compared of them."""

import inspect
from typing import Any, Dict

from torch import Tensor, nn

from envdoctor.quant.gptq_config import CheckpointError
from envdoctor.quant.pretrained import transformers_here

CAUSAL, MASKED, FROM_TEXT_TO_TEXT, OTHER = "causal", "masked", "from text to text", "other"


def kind_of(model: nn.Module) -> str:
    """Of a model of transformers, by what that says of its class."""
    masked = transformers_here().MODEL_FOR_MASKED_LM_MAPPING
    config: Any = model.config
    if config.is_encoder_decoder:
        return FROM_TEXT_TO_TEXT
    if type(config) in masked and masked[type(config)] is type(model):
        return MASKED
    return CAUSAL if callable(getattr(model, "can_generate", None)) and model.can_generate() else OTHER


def called_with(model: nn.Module, tokens: Tensor) -> Dict[str, Any]:
    """What a model is called with to run once over tokens [1, n]. Raises CheckpointError.

    One from text to text reads the first half of them, and writes the second.
    """
    takes, kind = inspect.signature(model.forward).parameters, type(model).__name__
    if "input_ids" not in takes:
        wants = getattr(model, "main_input_name", "something else")
        raise CheckpointError(f"a {kind} takes {wants}, not a text: name a scheme without calibration")
    keeps = "use_cache" in takes or kind_of(model) in (CAUSAL, FROM_TEXT_TO_TEXT)
    cache = {"use_cache": False} if keeps else {}
    if "decoder_input_ids" not in takes:
        return {"input_ids": tokens, **cache}
    half = tokens.shape[1] // 2
    if not half:
        raise CheckpointError(f"a {kind} wants pieces of two tokens or more, one to read and one to write")
    return {"input_ids": tokens[:, :half], "decoder_input_ids": tokens[:, half:], **cache}
