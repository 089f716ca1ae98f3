"""GPTQ checkpoints: a safetensors file or a folder of several, read and written one linear at a time."""

import contextlib
import itertools
import json
import posixpath
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple, Union

import torch
from torch import Tensor

from envdoctor.host import LocalHost, install, locked, make_folder, remove, write_whole
from envdoctor.kernels.gptq import GptqValues, gptq_values
from envdoctor.quant.gptq_config import FILE, V1, V2, CheckpointError, GptqConfig, config_of
from envdoctor.quant.grid import Device, QuantizedWeight
from envdoctor.quant.tensor_file import Tensors, write_tensors

__all__ = ["CheckpointError", "GptqCheckpoint", "GptqConfig", "GptqLinear", "write_gptq"]

_INDEX = ".safetensors.index.json"
_PARTS = ("qweight", "qzeros", "scales")
_SHARD = 5 << 30
_LIMIT = 1 << 28  # of an index, in bytes


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
        with _told(path):
            self._files = _files(path)
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
        if key not in self._files:
            raise CheckpointError(f"{self.path}: no tensor {key}")
        with _opened(self._files[key]) as file:
            return _tensor(file, key, self._files[key]).to(device or "cpu")

    def _tensors(self, name: str) -> Dict[str, Tensor]:
        keys = {part: f"{name}.{part}" for part in (*_PARTS, "g_idx", "bias")}
        missing = [keys[part] for part in _PARTS if keys[part] not in self._files]
        if missing:
            raise CheckpointError(f"{self.path}: no {' and no '.join(missing)}")
        found = {}
        for part, key in keys.items():
            if key in self._files:
                with _opened(self._files[key]) as file:
                    found[part] = _tensor(file, key, self._files[key])
        return found

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
            g_idx = torch.arange(k) // (k if config.group_size == -1 else config.group_size)
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
    target = posixpath.abspath(folder)
    part = posixpath.join(posixpath.dirname(target), f".{posixpath.basename(target)}.envdoctor-unfinished")
    with _told(folder):
        if LocalHost().is_dir(target) and LocalHost().listdir(target):
            raise CheckpointError(f"{folder}: there is something in it; name a new folder")
        make_folder(part)
        try:
            with locked(posixpath.join(part, ".lock")):
                try:
                    whole = posixpath.join(part, "whole")
                    remove(whole)
                    make_folder(whole)
                    _write(whole, items, config, shard_bytes)
                    install.move(whole, target)
                finally:
                    remove(part)
        except BlockingIOError:
            raise CheckpointError(f"{folder}: another process is writing it") from None


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
        _write_json(folder, "model" + _INDEX, {"metadata": {"total_size": total}, "weight_map": place})
    _write_json(folder, FILE, config.document())


def _write_json(folder: str, name: str, document: Dict[str, Any]) -> None:
    write_whole(posixpath.join(folder, name), json.dumps(document, indent=2) + "\n")


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
        tensors = [(name, item)] if isinstance(item, Tensor) else _of_linear(name, item, config)
        for key, _ in tensors:
            if key in seen:
                raise CheckpointError(f"{key}: given twice")
            seen.add(key)
        del item  # what is written is not held while the next one is made
        yield tensors
        del tensors


def _of_linear(name: str, linear: GptqLinear, config: GptqConfig) -> Tensors:
    weight = linear.weight
    k, middle = weight.codes.shape[0], 1 << (config.bits - 1)
    if weight.bits != config.bits or weight.scales.shape[0] != config.groups(k):
        found = f"{weight.bits} bits in {weight.scales.shape[0]} groups"
        want = f"{config.bits} in {config.groups(k)} (group_size {config.group_size})"
        raise CheckpointError(f"{name}: {found}, where the config says {want}")
    group = k if config.group_size == -1 else config.group_size
    if not config.desc_act and not torch.equal(weight.g_idx.cpu().long(), torch.arange(k) // group):
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


# --- files ------------------------------------------------------------------------------------------------------------


def _files(path: str) -> Dict[str, str]:
    """The file of each tensor."""
    host = LocalHost()
    if not host.is_dir(path):
        return dict.fromkeys(_keys(path), path)
    names = host.scan(path)
    indices = [name for name in names if name.endswith(_INDEX)]
    files = [name for name in names if name.endswith(".safetensors")]
    if len(indices) == 1:
        return _indexed(path, posixpath.join(path, indices[0]))
    if len(files) != 1:
        found = f"{len(indices)} of *{_INDEX} and {len(files)} of *.safetensors"
        raise CheckpointError(f"{path}: {found} in it, not one; name a file")
    file = posixpath.join(path, files[0])
    return dict.fromkeys(_keys(file), file)


def _indexed(folder: str, index: str) -> Dict[str, str]:
    document = _json(index)
    places = document.get("weight_map") if isinstance(document, dict) else None
    if not isinstance(places, dict):
        raise CheckpointError(f"{index}: no weight_map in it")
    for name in places.values():
        if not isinstance(name, str) or name in ("", ".", "..") or "/" in name:
            raise CheckpointError(f"{index}: {name!r} is no name of a file beside it")
    present = {name: set(_keys(posixpath.join(folder, name))) for name in sorted(set(places.values()))}
    for key, name in places.items():
        if key not in present[name]:
            raise CheckpointError(
                f"{posixpath.join(folder, name)}: no tensor {key}, which {index} places there"
            )
    return {key: posixpath.join(folder, name) for key, name in places.items()}


def _config(path: str) -> GptqConfig:
    """Of quantize_config.json, or of config.json."""
    host = LocalHost()
    folder = path if host.is_dir(path) else posixpath.dirname(path)
    own, model = posixpath.join(folder, FILE), posixpath.join(folder, "config.json")
    file, document = own, None
    if host.exists(own):
        document = _json(own)
    elif host.exists(model):
        read = _json(model)
        file, document = model, read.get("quantization_config") if isinstance(read, dict) else None
    if document is None:
        raise CheckpointError(
            f"{path}: no {FILE}, nor quantization_config in a config.json; name config=GptqConfig(...)"
        )
    try:
        return config_of(document)
    except CheckpointError as error:
        raise CheckpointError(f"{file}: {error}") from error


def _json(path: str) -> Any:
    with _told(path):
        try:
            return json.loads(LocalHost().read_text(path, _LIMIT))
        except (ValueError, RecursionError) as error:
            raise CheckpointError(f"{path}: not JSON: {error}") from error


def _keys(path: str) -> List[str]:
    with _opened(path) as file:
        return list(file.keys())


@contextlib.contextmanager
def _opened(path: str) -> Iterator[Any]:
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        say = f"checkpoints need safetensors, which does not import here ({error}): pip install 'envdoctor[quant]'"
        raise ImportError(say) from error
    with _told(path):
        try:
            with safe_open(path, framework="pt") as file:
                yield file
        except SafetensorError as error:
            raise CheckpointError(f"{path}: not a whole safetensors file: {_line(error)}") from error


def _tensor(file: Any, key: str, path: str) -> Tensor:
    try:
        tensor = file.get_tensor(key)
    except (TypeError, KeyError, AttributeError, RuntimeError) as error:  # a type that this torch has not
        raise CheckpointError(f"{path}: {key}: {_line(error)}") from error
    assert isinstance(tensor, Tensor)
    return tensor


@contextlib.contextmanager
def _told(place: str) -> Iterator[None]:
    """The operating system's refusals as one line."""
    try:
        yield
    except BlockingIOError:
        raise
    except OSError as error:
        raise CheckpointError(f"{error.filename or place}: {error.strerror or _line(error)}") from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
