"""The scales that the layers of an int8 OPT are made with, of what the linears of the float one have seen."""

import re
from typing import Dict, List, Mapping

from torch import Tensor

from envdoctor.quant.statistics import LinearRange

#: Of each scale: the linear that has seen it, and whether among what it gives; else among what it is given.
_SEEN = {
    "attn_input_scale": ("self_attn.q_proj", False),
    "q_output_scale": ("self_attn.q_proj", True),
    "k_output_scale": ("self_attn.k_proj", True),
    "v_output_scale": ("self_attn.v_proj", True),
    "out_input_scale": ("self_attn.out_proj", False),
    "fc1_input_scale": ("fc1", False),
    "fc2_input_scale": ("fc2", False),
}
SCALES = tuple(_SEEN)

_LEAST = 1e-5  # of the largest value: what never was anything but 0 must not be divided by


def decoder_layer_scales(statistics: Mapping[str, LinearRange]) -> List[Dict[str, float]]:
    """What `from_float` wants: for each layer its seven scales, the largest magnitude over 127.

    The statistics are those of `calibrate(model, inputs, outputs=True)`, or what `smooth` made of them: smoothing needs
    no second pass, for it changes no output, and the range of what it changes is known. Raises ValueError.
    """
    layers: Dict[int, Dict[str, LinearRange]] = {}
    for name, seen in statistics.items():
        found = re.search(r"(?:^|\.)layers\.(\d+)\.(.+)$", name)
        if found:
            layers.setdefault(int(found[1]), {})[found[2]] = seen
    if sorted(layers) != list(range(len(layers))) or not layers:
        raise ValueError(f"statistics of layers {sorted(layers)} are not those of a whole OPT")
    return [
        {scale: _scale(number, layers[number], *seen) for scale, seen in _SEEN.items()}
        for number in range(len(layers))
    ]


def _scale(layer: int, found: Dict[str, LinearRange], linear: str, of_outputs: bool) -> float:
    if linear not in found:
        raise ValueError(f"layer {layer}: there are no statistics of {linear}")
    if not of_outputs:
        return _over_127(found[linear].magnitudes().max())
    top, bottom = found[linear].output_max, found[linear].output_min
    if top is None or bottom is None:
        raise ValueError(f"layer {layer}: none of outputs of {linear}: calibrate with outputs=True")
    return max(_over_127(top), _over_127(bottom))


def _over_127(value: Tensor) -> float:
    return max(abs(float(value)), _LEAST) / 127
