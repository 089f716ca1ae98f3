"""How the linears of a GPTQ checkpoint are quantised: `quantize_config.json`, as AutoGPTQ and others write it."""

from dataclasses import dataclass, field, replace
from typing import Any, Dict, Mapping, Optional, Tuple

from envdoctor.kernels.gptq import BITS

FILE = "quantize_config.json"
V1, V2 = "gptq", "gptq_v2"

#: What else a key is called.
_NAMES = {
    "bits": ("bits", "w_bit"),
    "group_size": ("group_size", "q_group_size"),
    "checkpoint_format": ("checkpoint_format", "format"),
    "quant_method": ("quant_method",),
    "desc_act": ("desc_act",),
    "sym": ("sym",),
}
_OWN = {name for names in _NAMES.values() for name in names}


class CheckpointError(ValueError):
    """A checkpoint that is not what it should be, in one line."""


@dataclass(frozen=True)
class GptqConfig:
    """Of all linears of a checkpoint. `checkpoint_format` None: not told; what is written then is v1 if symmetric.

    Format v2 ("gptq_v2") stores zero points as they are, v1 ("gptq") less one, and has none of 0.
    """

    bits: int = 4
    group_size: int = 128
    desc_act: bool = False
    sym: bool = True
    checkpoint_format: Optional[str] = None
    others: Mapping[str, Any] = field(default_factory=dict)  # kept as they are

    def __post_init__(self) -> None:
        if not _whole(self.bits) or self.bits not in BITS:
            raise CheckpointError(f"bits must be 2, 3, 4 or 8, not {self.bits!r}")
        if not _whole(self.group_size) or (self.group_size != -1 and self.group_size < 1):
            raise CheckpointError(f"group_size must be positive, or -1 for all of K, not {self.group_size!r}")
        for name, value in (("desc_act", self.desc_act), ("sym", self.sym)):
            if not isinstance(value, bool):
                raise CheckpointError(f"{name} must be true or false, not {value!r}")
        if self.checkpoint_format not in (None, V1, V2):
            raise CheckpointError(
                f'checkpoint_format must be "{V1}" or "{V2}", not {self.checkpoint_format!r}'
            )

    @property
    def v2(self) -> bool:
        """Whether zero points are stored as they are; where that is not told, how they are written."""
        return not self.sym if self.checkpoint_format is None else self.checkpoint_format == V2

    def groups(self, k: int) -> int:
        """How many groups k channels have."""
        return 1 if self.group_size == -1 else -(-k // self.group_size)

    def in_format(self, checkpoint_format: str) -> "GptqConfig":
        """The same of another format."""
        return replace(self, checkpoint_format=checkpoint_format)

    def document(self) -> Dict[str, Any]:
        """What quantize_config.json says; what AutoGPTQ asks for is there."""
        return {
            "damp_percent": 0.01,
            "static_groups": False,
            "true_sequential": False,
            "model_name_or_path": None,
            "model_file_base_name": None,
            **self.others,
            "bits": self.bits,
            "group_size": self.group_size,
            "desc_act": self.desc_act,
            "sym": self.sym,
            "quant_method": "gptq",
            "checkpoint_format": V2 if self.v2 else V1,
        }


def config_of(document: Any) -> GptqConfig:
    """From quantize_config.json, or what config.json has under "quantization_config". Raises CheckpointError."""
    if not isinstance(document, dict):
        raise CheckpointError("not a JSON object")
    method = _of(document, "quant_method")
    if method not in (None, "gptq"):
        raise CheckpointError(f"quant_method is {method!r}, not gptq")
    if document.get("dynamic"):
        raise CheckpointError('"dynamic" gives linears bits of their own, which is not supported')
    if document.get("pack_dtype", "int32") not in ("int32", None):
        raise CheckpointError(f"pack_dtype is {document['pack_dtype']!r}, and only int32 is supported")
    said = "marlin" if document.get("is_marlin_format") else _of(document, "checkpoint_format")
    missing = [name for name in ("bits", "group_size") if _of(document, name) is None]
    if missing:
        raise CheckpointError(f"no {' and no '.join(missing)} in it")
    return GptqConfig(
        _of(document, "bits"),
        _of(document, "group_size"),
        _of(document, "desc_act", False),
        _of(document, "sym", True),
        said,
        {key: value for key, value in document.items() if key not in _OWN},
    )


def _of(document: Dict[str, Any], name: str, default: Any = None) -> Any:
    found: Tuple[Any, ...] = tuple(document[key] for key in _NAMES[name] if document.get(key) is not None)
    return found[0] if found else default


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
