"""Quantised linears in files: a GPTQ checkpoint where their scheme is of that kind, else the states of their class."""

import posixpath
from dataclasses import asdict
from typing import Any, Dict, List, Mapping, Optional

import torch
from torch import Tensor

from envdoctor.host import LocalHost
from envdoctor.kernels import LinearLlmInt8, LinearW4A8, LinearW4A16, LinearW8A8
from envdoctor.kernels.packed_linear import PackedLinear
from envdoctor.quant.checkpoint import GptqCheckpoint, GptqLinear, tensors_of
from envdoctor.quant.gptq_config import CheckpointError, GptqConfig
from envdoctor.quant.grid import QuantizedWeight
from envdoctor.quant.schemes import INPUTS, SCHEMES, Options, Scheme
from envdoctor.quant.tensor_file import Tensors
from envdoctor.quant.tensor_files import TensorFiles, read_json

#: Says how the linears of a folder are quantised, where it is no GPTQ checkpoint.
FILE = "envdoctor_quantized.json"
_FORMAT = 1
_KINDS = {kind.__name__: kind for kind in (LinearW8A8, LinearW4A8, LinearW4A16, LinearLlmInt8)}

#: Options that go with a scheme's name where they are not as ever.
_TOLD = ("bits", "group_size", "symmetric", "act_order", "static_groups", "alpha", "threshold")

Described = Dict[str, Dict[str, Any]]


def gptq_config(chosen: Scheme) -> Optional[GptqConfig]:
    """What a checkpoint of GPTQ says of a scheme; None: it is no such."""
    if not chosen.row.sixteen_bits:
        return None
    of = chosen.options
    others = {"true_sequential": chosen.row.wants == INPUTS, "static_groups": of.static_groups}
    return GptqConfig(
        of.bits, of.group_size, of.act_order and not of.static_groups, of.symmetric, others=others
    )


def described(linear: PackedLinear) -> Dict[str, Any]:
    """What has to be known of a linear besides its tensors."""
    return {"kind": type(linear).__name__, **linear.sizes()}


def document(chosen: Scheme, linears: Described, alphas: Mapping[str, float]) -> Dict[str, Any]:
    """Of a folder."""
    found = {"alphas": alphas} if alphas else {}
    return {"format": _FORMAT, **chosen.document(), **found, "linears": linears}


def tensors_of_packed(name: str, linear: PackedLinear, config: Optional[GptqConfig]) -> Tensors:
    """What is stored of a linear. Raises CheckpointError."""
    if config is None:
        return [(f"{name}.{part}", tensor) for part, tensor in linear.plain().items()]
    if not isinstance(linear, LinearW4A16):
        raise CheckpointError(f"{name}: a {type(linear).__name__} does not go into a GPTQ checkpoint")
    return tensors_of(name, _of_gptq(linear, config), config)


def _of_gptq(linear: LinearW4A16, config: GptqConfig) -> GptqLinear:
    plain = {name: tensor.cpu() for name, tensor in linear.plain().items()}
    codes, k = plain["weight"], linear.in_features
    if linear.bits == 4:
        codes = torch.stack([codes & 15, codes >> 4], 1).flatten(0, 1)[:k]
    groups = (torch.arange(k, device="cpu") // linear.group).int()
    if "channels" in plain:  # rows are in the order of their groups: these say where they were
        back = torch.argsort(plain["channels"])
        codes, groups = codes[back], groups[back]
    values = (codes.contiguous(), plain["zeros"], plain["scales"], groups)
    return GptqLinear(QuantizedWeight(*values, config.bits, config.group_size), plain.get("bias"))


class PackedFiles:
    """The quantised linears of a file or a folder, and its other tensors. Raises CheckpointError, in one line."""

    def linears(self) -> List[str]:
        """Their names."""
        raise NotImplementedError

    def linear(self, name: str, device: torch.device) -> PackedLinear:
        """One of them, packed for a device."""
        raise NotImplementedError

    def others(self) -> List[str]:
        """The names of what belongs to none."""
        raise NotImplementedError

    def tensor(self, name: str) -> Tensor:
        """One of these, which lies in the file."""
        raise NotImplementedError


class GptqFiles(PackedFiles):
    """Of a GPTQ checkpoint."""

    def __init__(self, path: str, config: Optional[GptqConfig] = None) -> None:
        self._checkpoint = GptqCheckpoint(path, config)
        self.config = self._checkpoint.config

    def linears(self) -> List[str]:
        return list(self._checkpoint.linears)

    def linear(self, name: str, device: torch.device) -> PackedLinear:
        found = self._checkpoint.read(name)
        try:
            return found.weight.linear_w4a16(found.bias, device)
        except (TypeError, ValueError) as error:
            raise CheckpointError(f"{self._checkpoint.path}: {name}: {error}") from error

    def others(self) -> List[str]:
        return list(self._checkpoint.others)

    def tensor(self, name: str) -> Tensor:
        return self._checkpoint.tensor(name)


class OwnFiles(PackedFiles):
    """Of states of our own linears."""

    def __init__(self, path: str, linears: Described) -> None:
        self._files, self._linears = TensorFiles(path), linears
        self._parts: Dict[str, Dict[str, str]] = {name: {} for name in linears}
        self._others = []
        for key in self._files:
            name, _, part = key.rpartition(".")
            if name in linears:
                self._parts[name][part] = key
            else:
                self._others.append(key)

    def linears(self) -> List[str]:
        return list(self._linears)

    def linear(self, name: str, device: torch.device) -> PackedLinear:
        sizes = dict(self._linears[name])
        plain = {part: self._files.read(key) for part, key in self._parts[name].items()}
        try:
            return _KINDS[sizes.pop("kind")].restored(sizes, plain, device)
        except (TypeError, ValueError, KeyError, AttributeError, ArithmeticError) as error:
            say = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise CheckpointError(f"{self._files.path}: {name}: {say}") from error

    def others(self) -> List[str]:
        return self._others

    def tensor(self, name: str) -> Tensor:
        return self._files.read(name)


def scheme_of(folder: str) -> Optional[str]:
    """How a folder is quantised, with the options that are not as ever; None: it is not. Raises CheckpointError."""
    files = packed_files(folder)
    if files is None:
        return None
    said = _told_of_gptq(files.config) if isinstance(files, GptqFiles) else _document(folder) or {}
    row = SCHEMES.get(str(said.get("scheme")))
    default = asdict(Options() if row is None else row.default)
    told = (f"{key} {said[key]}" for key in _TOLD if key in said and said[key] != default[key])
    return ", ".join([str(said.get("scheme")), *told])


def _told_of_gptq(config: GptqConfig) -> Dict[str, Any]:
    """The like of a document of ours; which rounding it was is told of GPTQ alone."""
    name = "w4a16-gptq" if config.others.get("true_sequential") else "w4a16"
    sizes = {"bits": config.bits, "group_size": config.group_size}
    return {"scheme": name, **sizes, "symmetric": config.sym, "act_order": config.desc_act}


def _document(folder: str) -> Optional[Dict[str, Any]]:
    """What a folder says of linears of ours; None: nothing."""
    path = posixpath.join(folder, FILE)
    if not LocalHost().exists(path):
        return None
    found = read_json(path)
    if not isinstance(found, dict) or found.get("format") != _FORMAT:
        raise CheckpointError(f"{path}: not of format {_FORMAT}, which this version reads")
    linears = found.get("linears")
    if not isinstance(linears, dict) or not all(isinstance(each, dict) for each in linears.values()):
        raise CheckpointError(f"{path}: no linears in it, each with its kind and sizes")
    return found


def packed_files(folder: str) -> Optional[PackedFiles]:
    """Those of a folder; None: nothing says that it is quantised. Raises CheckpointError."""
    found = _document(folder)
    if found is not None:
        return OwnFiles(folder, found["linears"])
    path = posixpath.join(folder, "config.json")
    config = read_json(path) if LocalHost().exists(path) else {}
    is_gptq = LocalHost().exists(posixpath.join(folder, "quantize_config.json"))
    if is_gptq or (isinstance(config, dict) and "quantization_config" in config):
        return GptqFiles(folder)
    return None
