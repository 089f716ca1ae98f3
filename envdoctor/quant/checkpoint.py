"""GPTQ checkpoints: a safetensors file or a folder of several, read and written one linear at a time."""

import itertools
import posixpath
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple, Union

import torch
from torch import Tensor

from envdoctor.host import LocalHost, install, remove
from envdoctor.kernels.gptq import GptqValues, gptq_values
from envdoctor.quant.gptq_config import FILE, V1, V2, CheckpointError, GptqConfig, config_of
from envdoctor.quant.grid import Device, QuantizedWeight
from envdoctor.quant.tensor_file import Tensors, write_tensors
from envdoctor.quant.tensor_files import INDEX, TensorFiles, read_json, write_json
from envdoctor.quant.whole_folder import whole_folder

__all__ = ["CheckpointError", "GptqCheckpoint", "GptqConfig", "GptqLinear", "tensors_of", "write_gptq"]

_PARTS = ("qweight", "qzeros", "scales")
_SHARD = 5 << 30


class GptqLinear(NamedTuple):
    """What a checkpoint has of one linear."""

    weight: QuantizedWeight
    bias: Optional[Tensor] = None


class GptqCheckpoint:
    """A checkpoint's linears by their names, each read when it is asked for. Raises CheckpointError, in one line.

    `path` is a folder or a file. `config` stands for quantize_config.json, `checkpoint_format` ("gptq" or "gptq_v2")
    for what that does not say. Without either, symmetric checkpoints tell by their zero points.
    """

    def __init__(
        self,
        path: str,
        config: Optional[GptqConfig] = None,
        checkpoint_format: Optional[str] = None,
    ) -> None:
        self.path = path
        self._files = TensorFiles(path)
        # by either: one that lacks the other is not passed over, and reading it says so
        split = [key.rpartition(".") for key in self._files]
        self.linears: Tuple[str, ...] = tuple(
            sorted({name for name, _, part in split if name and part in ("qweight", "qzeros")})
        )
        if not self.linears:
            raise CheckpointError(f"{path}: no linear of GPTQ in it: no tensor is called *.qweight")
        of_linears = {f"{name}.{part}" for name in self.linears for part in (*_PARTS, "g_idx", "bias")}
        self.others: Tuple[str, ...] = tuple(sorted(key for key in self._files if key not in of_linears))
        self.config = config or _config(path)
        if checkpoint_format is not None:
            self.config = self.config.in_format(checkpoint_format)
        if self.config.checkpoint_format is None:
            self.config = self.config.in_format(self._format_by_zeros())

    def read(self, name: str, device: Device = None) -> GptqLinear:
        """One linear, on a device (default: the CPU)."""
        tensors = self._tensors(name)
        values, g_idx = self._values(name, tensors, self.config.v2)
        # those that are not decoded are copied: they lie in the file, which may be replaced
        scales, bias = values.scales.clone(), tensors.get("bias")
        codes, zeros, scales, g_idx = (
            each.to(device or "cpu") for each in (values.codes, values.zeros, scales, g_idx.int())
        )
        weight = QuantizedWeight(codes, zeros, scales, g_idx, self.config.bits, self.config.group_size)
        return GptqLinear(weight, None if bias is None else bias.clone().to(device or "cpu"))

    def tensor(self, key: str, device: Device = None) -> Tensor:
        """One that is of no linear (`others`)."""
        return self._files.read(key).to(device or "cpu")

    def _tensors(self, name: str) -> Dict[str, Tensor]:
        keys = {part: f"{name}.{part}" for part in (*_PARTS, "g_idx", "bias")}
        missing = [keys[part] for part in _PARTS if keys[part] not in self._files]
        if missing:
            raise CheckpointError(f"{self.path}: no {' and no '.join(missing)}")
        return {part: self._files.read(key) for part, key in keys.items() if key in self._files}

    def _values(self, name: str, tensors: Dict[str, Tensor], v2: bool) -> Tuple[GptqValues, Tensor]:
        """Codes, zeros and scales, and the group of each channel."""
        config, place = self.config, f"{self.path}: {name}"
        scales, g_idx, bias = tensors["scales"], tensors.get("g_idx"), tensors.get("bias")
        k = tensors["qweight"].shape[0] * 32 // config.bits if tensors["qweight"].dim() else 0
        if not scales.is_floating_point() or (g_idx is not None and g_idx.is_floating_point()):
            raise CheckpointError(f"{place}: scales must be floating-point numbers, and g_idx integers")
        if scales.dim() != 2 or scales.shape[0] != config.groups(k):
            want = f"{config.groups(k)} for groups of {config.group_size}"
            raise CheckpointError(f"{place}: scales {list(scales.shape)} are not {want} and K = {k}")
        if g_idx is None:
            if config.desc_act and scales.shape[0] > 1:
                raise CheckpointError(f"{place}: no g_idx, without which desc_act has no groups")
            g_idx = torch.arange(k, device="cpu") // (k if config.group_size == -1 else config.group_size)
        try:
            values = gptq_values(tensors["qweight"], tensors["qzeros"], scales, g_idx, config.bits, v2)
        except (TypeError, ValueError) as error:
            raise CheckpointError(f"{place}: {error}") from error
        if bias is not None and bias.shape != (values.codes.shape[1],):
            raise CheckpointError(f"{place}: bias must be [{values.codes.shape[1]}], not {list(bias.shape)}")
        return values, g_idx

    def _format_by_zeros(self) -> str:
        """Symmetric groups have one zero point, which is stored less one in v1."""
        hint = f'name it: checkpoint_format="{V1}" (zero points stored less one) or "{V2}" (as they are)'
        if not self.config.sym:
            raise CheckpointError(f"{self.path}: nothing says which checkpoint_format this is; {hint}")
        first, middle = self.linears[0], 1 << (self.config.bits - 1)
        stored = self._values(first, self._tensors(first), True)[0].zeros
        for zero, found in ((middle - 1, V1), (middle, V2)):
            if bool((stored == zero).all()):
                return found
        said = f"{first} is said to be symmetric and has zero points other than {middle}"
        raise CheckpointError(f"{self.path}: {said}; {hint}")


def write_gptq(
    folder: str,
    items: Iterable[Tuple[str, Union[GptqLinear, Tensor]]],
    config: GptqConfig,
    shard_bytes: int = _SHARD,
) -> None:
    """A new folder with linears, and tensors that stay as they are, by name; and quantize_config.json.

    One item is held at a time. The folder is there when it is whole: until then all is in a hidden one beside it, and
    what a kill leaves of that is removed by the next call. Raises CheckpointError, in one line.
    """
    with whole_folder(folder) as whole:
        _write(whole, items, config, shard_bytes)


def _write(
    folder: str,
    items: Iterable[Tuple[str, Union[GptqLinear, Tensor]]],
    config: GptqConfig,
    shard_bytes: int,
) -> None:
    shards: List[Dict[str, int]] = []
    spool, left = posixpath.join(folder, "spool"), _Left(_flat(items, config))
    while left.any() or not shards:
        path = posixpath.join(folder, f"{len(shards)}.part")
        shards.append(write_tensors(path, spool, left, max(shard_bytes, 1)))
        remove(spool)
    place = {}
    for number, sizes in enumerate(shards):
        name = f"model-{number + 1:05}-of-{len(shards):05}.safetensors"
        name = "model.safetensors" if len(shards) == 1 else name
        install.move(posixpath.join(folder, f"{number}.part"), posixpath.join(folder, name))
        place.update(dict.fromkeys(sizes, name))
    if len(shards) > 1:
        total = sum(sum(sizes.values()) for sizes in shards)
        write_json(folder, "model" + INDEX, {"metadata": {"total_size": total}, "weight_map": place})
    write_json(folder, FILE, config.document())


class _Left(Iterator[Tensors]):
    """Items, which can be asked whether there are any more."""

    def __init__(self, items: Iterator[Tensors]) -> None:
        self._items = items
        self._first: List[Tensors] = []

    def any(self) -> bool:
        self._first += itertools.islice(self._items, 0 if self._first else 1)
        return bool(self._first)

    def __next__(self) -> Tensors:
        return self._first.pop() if self._first else next(self._items)


def _flat(items: Iterable[Tuple[str, Union[GptqLinear, Tensor]]], config: GptqConfig) -> Iterator[Tensors]:
    seen = set()
    for name, item in items:
        tensors = [(name, item)] if isinstance(item, Tensor) else tensors_of(name, item, config)
        for key, _ in tensors:
            if key in seen:
                raise CheckpointError(f"{key}: given twice")
            seen.add(key)
        del item  # what is written is not held while the next one is made
        yield tensors
        del tensors


def tensors_of(name: str, linear: GptqLinear, config: GptqConfig) -> Tensors:
    """What is stored of a linear, by its names. Raises CheckpointError for what the config does not say."""
    weight = linear.weight
    k, middle = weight.codes.shape[0], 1 << (config.bits - 1)
    if weight.bits != config.bits or weight.scales.shape[0] != config.groups(k):
        found = f"{weight.bits} bits in {weight.scales.shape[0]} groups"
        want = f"{config.bits} in {config.groups(k)} (group_size {config.group_size})"
        raise CheckpointError(f"{name}: {found}, where the config says {want}")
    group = k if config.group_size == -1 else config.group_size
    if not config.desc_act and not torch.equal(
        weight.g_idx.cpu().long(), torch.arange(k, device="cpu") // group
    ):
        raise CheckpointError(f"{name}: channels are not in the order of their groups: desc_act must be true")
    if config.sym and not bool((weight.zeros == middle).all()):
        raise CheckpointError(f"{name}: zero points are not all {middle}: sym must be false")
    if weight.scales.dtype not in (torch.float16, torch.bfloat16):
        raise CheckpointError(f"{name}: scales of a checkpoint have 16 bits, not {weight.scales.dtype}")
    try:
        tensors = weight.tensors(config.v2)._asdict()
    except ValueError as error:
        raise CheckpointError(f"{name}: {error}") from error
    if linear.bias is not None:
        tensors["bias"] = linear.bias
    return [(f"{name}.{part}", tensor) for part, tensor in tensors.items()]


def _config(path: str) -> GptqConfig:
    """Of quantize_config.json, or of config.json."""
    host = LocalHost()
    folder = path if host.is_dir(path) else posixpath.dirname(path)
    own, model = posixpath.join(folder, FILE), posixpath.join(folder, "config.json")
    file, document = own, None
    if host.exists(own):
        document = read_json(own)
    elif host.exists(model):
        read = read_json(model)
        file, document = model, read.get("quantization_config") if isinstance(read, dict) else None
    if document is None:
        raise CheckpointError(
            f"{path}: no {FILE}, nor quantization_config in a config.json; name config=GptqConfig(...)"
        )
    try:
        return config_of(document)
    except CheckpointError as error:
        raise CheckpointError(f"{file}: {error}") from error
